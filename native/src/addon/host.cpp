/** The operations on host memory, each as a synchronous function and as one that returns a promise. */
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "guarded.h"
#include "module.h"
#include "operations.h"

namespace lilaw::addon {
namespace {

template <class Operation>
void call(HostArguments& arguments) {
  Operation operation;
  operation.read(arguments);
  arguments.check_apart();
  check(arguments.env(), operation.run());
}

/**
 * An operation on a thread of libuv. It owns copies of all arrays: JavaScript may transfer, detach or overwrite the
 * originals meanwhile. The outputs are copied back at the end, on the JavaScript thread, if they still exist.
 */
template <class Operation>
class Promised : public Napi::AsyncWorker {
 public:
  static napi_value start(napi_env env, napi_callback_info info) {
    HostArguments arguments(env, info);
    auto promised = std::make_unique<Promised>(arguments);
    napi_value promise = nullptr;
    napi_create_promise(env, &promised->deferred_, &promise);
    promised->Queue();
    // From now on the object deletes itself when it is done.
    promised.release();
    return promise;
  }

  explicit Promised(HostArguments& arguments) : Napi::AsyncWorker(arguments.env(), Operation::kName) {
    operation_.read(arguments);
    arguments.check_apart();
    for (const ArrayUse& use : arguments) {
      // Doubles, for their alignment.
      std::vector<double> copy((use.bytes + sizeof(double) - 1) / sizeof(double));
      if (use.is_output) {
        Output output = {use.name, copy.data(), use.bytes, {}};
        output.array.Reset(Napi::Object(arguments.env(), use.value), 1);
        outputs_.push_back(std::move(output));
      } else {
        std::memcpy(copy.data(), *use.pointer, use.bytes);
      }
      *use.pointer = copy.data();
      copies_.push_back(std::move(copy));
    }
  }

 protected:
  // An exception here would leave the promise pending, so nothing between its start and its end allocates memory.

  void Execute() noexcept override {
    status_ = operation_.run();
    // Copied, since lilaw_last_error is per thread.
    if (status_ != LILAW_OK) std::snprintf(message_, sizeof message_, "%s", lilaw_last_error());
  }

  void OnOK() noexcept override {
    const napi_env env = Env();
    napi_value undefined = nullptr;
    napi_get_undefined(env, &undefined);
    if (const char* const code = finish()) {
      napi_reject_deferred(env, deferred_, plain_error(env, code, message_));
    } else {
      napi_resolve_deferred(env, deferred_, undefined);
    }
  }

 private:
  struct Output {
    const char* name;
    const void* data;
    std::size_t bytes;
    Napi::ObjectReference array;
  };

  /** Copies the outputs back. On failure returns the code of the error, whose message is in `message_`; else null. */
  const char* finish() {
    if (status_ != LILAW_OK) return lilaw_status_text(status_);
    for (const Output& output : outputs_) {
      if (bytes_of(Env(), output.array.Value()).length == output.bytes) continue;
      std::snprintf(message_, sizeof message_,
                    "Expected an array that stays attached for %s but received one that was detached during the call",
                    output.name);
      return "INVALID_ARGUMENT";
    }
    for (const Output& output : outputs_) {
      if (output.bytes > 0) std::memcpy(bytes_of(Env(), output.array.Value()).data, output.data, output.bytes);
    }
    return nullptr;
  }

  Operation operation_;
  napi_deferred deferred_ = nullptr;
  std::vector<std::vector<double>> copies_;
  std::vector<Output> outputs_;
  lilaw_status status_ = LILAW_OK;
  char message_[512] = "";
};

template <class Operation>
napi_value promise(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value { return Promised<Operation>::start(env, info); });
}

template <class Operation>
void define(Napi::Object exports) {
  const std::string name = Operation::kName;
  set(exports, name, method<call<Operation>>);
  set(exports, name + "Async", promise<Operation>);
}

}  // namespace

void define_operations(Napi::Object exports) {
  define<WeightedLoss>(exports);
  define<MetaGradient>(exports);
  define<AlignmentWeights>(exports);
}

}  // namespace lilaw::addon
