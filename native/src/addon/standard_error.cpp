/**
 * Keeps known lines of a library off standard error while the library is loaded, if it has no setting that does so.
 *
 * Meanwhile `stderr` of the C library is another stream, which passes every other line on at once. The file descriptor
 * is unchanged, so other writers to standard error are not affected, and the last message of a library that aborts is
 * not lost.
 */
#include <string>
#include <vector>

#include "guarded.h"
#include "module.h"

#ifdef __GLIBC__
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace lilaw::addon {
namespace {

std::vector<std::string> dropped;
std::string line;  // incomplete: its end has not been written yet

void write_out(const char* text, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = write(STDERR_FILENO, text + done, size - done);
    if (count <= 0) return;
    done += static_cast<std::size_t>(count);
  }
}

void pass_on() {
  const bool known = std::any_of(dropped.begin(), dropped.end(),
                                 [](const std::string& text) { return line.find(text) != std::string::npos; });
  if (!known) write_out(line.data(), line.size());
  line.clear();
}

/** Called by the C library, which holds the stream's lock. */
ssize_t take(void*, const char* data, std::size_t size) {
  std::size_t done = 0;
  try {
    for (; done < size; done++) {
      line.push_back(data[done]);
      if (data[done] == '\n') pass_on();
    }
  } catch (const std::bad_alloc&) {
    pass_on();
    write_out(data + done, size - done);
  }
  return static_cast<ssize_t>(size);
}

/** The filtering stream, and the original one that it replaces. */
struct Streams {
  FILE* own = stderr;
  FILE* filter = nullptr;
};

/** Never closed: another thread may still hold the filter. */
const Streams& streams() {
  static const Streams both = [] {
    Streams made;
    cookie_io_functions_t functions{};
    functions.write = take;
    made.filter = fopencookie(nullptr, "w", functions);
    if (made.filter != nullptr) setvbuf(made.filter, nullptr, _IONBF, 0);
    return made;
  }();
  return both;
}

/** Replaces `stderr` by the filter during the lifetime of this object. */
class Filtered {
 public:
  explicit Filtered(std::vector<std::string> texts) {
    if (streams().filter == nullptr) return;
    flockfile(streams().filter);
    dropped = std::move(texts);
    funlockfile(streams().filter);
    stderr = streams().filter;
  }

  ~Filtered() {
    if (streams().filter == nullptr) return;
    stderr = streams().own;
    flockfile(streams().filter);
    pass_on();
    dropped.clear();
    funlockfile(streams().filter);
  }

  Filtered(const Filtered&) = delete;
  Filtered& operator=(const Filtered&) = delete;
};

}  // namespace
}  // namespace lilaw::addon
#endif

namespace lilaw::addon {
namespace {

/** (texts, act): calls `act`; meanwhile, lines that contain one of the texts are kept off standard error. */
napi_value without_lines(napi_env env, napi_callback_info arguments) {
  return guarded(env, [&]() -> napi_value {
    const Napi::CallbackInfo info(env, arguments);
    const auto texts = info[0].As<Napi::Array>();
    const auto act = info[1].As<Napi::Function>();
#ifdef __GLIBC__
    std::vector<std::string> lines;
    for (std::uint32_t i = 0; i < texts.Length(); i++) {
      lines.push_back(texts.Get(i).As<Napi::String>().Utf8Value());
    }
    const Filtered filtered(std::move(lines));
#endif
    return act.Call({});
  });
}

}  // namespace

void define_standard_error(Napi::Object exports) {
  set(exports, "withoutLines", without_lines);
}

}  // namespace lilaw::addon
