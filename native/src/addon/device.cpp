/**
 * Device memory, streams, and the operations on them. JavaScript holds handles: objects with a tag, so that no other
 * object is taken for one. Nothing here waits for the device but transfers, `streamSynchronize`, and freeing memory.
 */
#include <cstdint>
#include <memory>

#include "arguments.h"
#include "guarded.h"
#include "module.h"

namespace lilaw::addon {
namespace {

constexpr const char* kElementNames[kElements] = {"float32", "float16", "bfloat16", "float64", "int32", "uint8"};

class DeviceMemory {
 public:
  DeviceMemory(Napi::Env env, std::int64_t bytes) { check(env, lilaw_buffer_create(bytes, &address_)); }
  // Waits for the kernels that may still use it: cudaFree does.
  ~DeviceMemory() { lilaw_buffer_free(address_); }
  DeviceMemory(const DeviceMemory&) = delete;

  unsigned char* address() const { return static_cast<unsigned char*>(address_); }

 private:
  void* address_ = nullptr;
};

/** Elements of device memory, which lives as long as any buffer on it. Disposed: without memory. */
struct Buffer {
  static constexpr napi_type_tag kTag = {0x6c696c6177646576, 0x6275666665720001};
  static constexpr const char* kKind = "a DeviceBuffer";
  std::shared_ptr<DeviceMemory> memory;
  std::int64_t first_byte;
  std::int64_t length;
  Element element;

  bool disposed() const { return memory == nullptr; }
  void dispose() { memory.reset(); }
  std::int64_t bytes() const { return length * size_of(element); }
  void* data() const { return memory->address() + first_byte; }
};

/** A stream, and the workspace of the operations that are queued on it. Disposed: without workspace. */
struct Stream {
  static constexpr napi_type_tag kTag = {0x6c696c6177646576, 0x73747265616d0001};
  static constexpr const char* kKind = "a Stream";
  std::unique_ptr<DeviceMemory> workspace;
  void* stream = nullptr;

  // Enough for any number of rows: the sums of the blocks, of which there is a largest number.
  explicit Stream(Napi::Env env)
      : workspace(std::make_unique<DeviceMemory>(
            env, static_cast<std::int64_t>(lilaw_cuda_workspace_bytes(INT64_MAX)))) {
    check(env, lilaw_stream_create(&stream));
  }
  ~Stream() { dispose(); }
  Stream(const Stream&) = delete;

  bool disposed() const { return workspace == nullptr; }
  void dispose() {
    if (disposed()) return;
    workspace.reset();
    lilaw_stream_free(stream);
  }
};

/** A new object that owns `held`. */
template <class T>
napi_value handle_of(Napi::Env env, std::unique_ptr<T> held) {
  Napi::Object handle = Napi::Object::New(env);
  const napi_finalize finalize = [](napi_env, void* data, void*) { delete static_cast<T*>(data); };
  if (napi_wrap(env, handle, held.get(), finalize, nullptr, nullptr) != napi_ok) throw Napi::Error::New(env);
  held.release();
  napi_type_tag_object(env, handle, &T::kTag);
  return handle;
}

/** What a handle holds; null if the value is no handle of a T. */
template <class T>
T* held_by(napi_env env, napi_value value) {
  // Asked for a tag, undefined and null would leave an exception behind.
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return nullptr;
  bool is_one = false;
  void* held = nullptr;
  if (napi_check_object_type_tag(env, value, &T::kTag, &is_one) != napi_ok || !is_one) return nullptr;
  napi_unwrap(env, value, &held);
  return static_cast<T*>(held);
}

template <class T>
void check_alive(Napi::Env env, const T& held, const char* name) {
  if (held.disposed()) throw unexpected(env, "DISPOSED", T::kKind, name, "one that has been disposed");
}

/** The next argument, disposed or not. */
template <class T>
T& next_handle(Arguments& arguments, const char* name) {
  const napi_value value = arguments.next();
  T* const held = held_by<T>(arguments.env(), value);
  if (held != nullptr) return *held;
  throw unexpected(arguments.env(), "INVALID_ARGUMENT", T::kKind, name, describe(arguments.env(), value));
}

template <class T>
T& next_alive(Arguments& arguments, const char* name) {
  T& held = next_handle<T>(arguments, name);
  check_alive(arguments.env(), held, name);
  return held;
}

/** Arrays are buffers. */
class DeviceArguments : public Arguments {
 public:
  using Arguments::Arguments;

  lilaw_dtype logits_type() const override {
    const Buffer* const buffer = held_by<Buffer>(env(), upcoming());
    const bool is_float = buffer != nullptr && buffer->element <= Element::kBfloat16;
    return is_float ? static_cast<lilaw_dtype>(buffer->element) : LILAW_FLOAT32;
  }

  /** The next argument as memory for a structure of results. */
  template <class Result>
  void result(Result** pointer) {
    output("result", sizeof(Result), reinterpret_cast<std::uint8_t**>(pointer));
    const auto offset = reinterpret_cast<std::uintptr_t>(*pointer) % alignof(Result);
    if (offset == 0) return;
    throw unexpected(env(), "INVALID_ARGUMENT", "a multiple of 8 bytes", "the start of result",
                     std::to_string(offset) + " bytes more");
  }

  /** Kernels read and write in no order that JavaScript knows of: outputs lie apart from all that they use. */
  void check_apart() const {
    for (const ArrayUse& out : *this) {
      if (!out.is_output) continue;
      for (const ArrayUse& other : *this) {
        if (&other == &out || !overlap(out, other) || is_in_place(out, other) || is_in_place(other, out)) continue;
        throw unexpected(env(), "INVALID_ARGUMENT", std::string("memory apart from ") + other.name, out.name,
                         "buffers that overlap");
      }
    }
  }

 protected:
  Array look_at(const char* name, napi_value value, Element wanted) const override {
    const Buffer* const buffer = held_by<Buffer>(env(), value);
    if (buffer == nullptr) return {};
    check_alive(env(), *buffer, name);
    return {true, buffer->element == wanted, static_cast<std::size_t>(buffer->length), buffer->data()};
  }

  std::string kind_of(Element element) const override {
    return std::string("a DeviceBuffer of ") + kElementNames[static_cast<int>(element)];
  }

  std::string received(napi_value value) const override {
    const Buffer* const buffer = held_by<Buffer>(env(), value);
    return buffer != nullptr ? "one of " + std::string(kElementNames[static_cast<int>(buffer->element)])
                             : describe(env(), value);
  }

 private:
  static bool overlap(const ArrayUse& a, const ArrayUse& b) {
    const auto* const from_a = static_cast<const unsigned char*>(*a.pointer);
    const auto* const from_b = static_cast<const unsigned char*>(*b.pointer);
    return from_a < from_b + b.bytes && from_b < from_a + a.bytes;
  }

  /** The gradient may take the place of the logits. */
  static bool is_in_place(const ArrayUse& out, const ArrayUse& in) {
    return std::string(out.name) == "gradLogits" && std::string(in.name) == "logits" && *out.pointer == *in.pointer;
  }
};

/** (element, length) -> handle */
napi_value buffer_create(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    const std::int64_t element = arguments.integer("dtype");
    const std::int64_t length = arguments.integer("length");
    if (element < 0 || element >= kElements) {
      throw unexpected(env, "INVALID_ARGUMENT", "the number of a type", "dtype", std::to_string(element));
    }
    constexpr std::int64_t kMost = INT64_C(1) << 48;
    if (length < 1 || length > kMost) {
      throw unexpected(env, "INVALID_ARGUMENT", "an integer from 1 to 2^48", "length", std::to_string(length));
    }
    auto buffer = std::make_unique<Buffer>(Buffer{nullptr, 0, length, static_cast<Element>(element)});
    buffer->memory = std::make_shared<DeviceMemory>(env, buffer->bytes());
    return handle_of(env, std::move(buffer));
  });
}

/** (buffer, begin, end) -> handle */
napi_value buffer_slice(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    const Buffer& whole = next_alive<Buffer>(arguments, "this");
    const std::int64_t begin = arguments.integer("begin");
    const std::int64_t end = arguments.integer("end");
    if (begin < 0 || begin >= end || end > whole.length) {
      throw unexpected(env, "INVALID_ARGUMENT", "0 <= begin < end <= " + std::to_string(whole.length),
                       "begin and end", std::to_string(begin) + " and " + std::to_string(end));
    }
    const std::int64_t first_byte = whole.first_byte + begin * size_of(whole.element);
    return handle_of(env, std::make_unique<Buffer>(Buffer{whole.memory, first_byte, end - begin, whole.element}));
  });
}

/** Copies between a buffer and a typed array, and waits until it is done: (buffer, array, stream) */
template <class Copy>
napi_value transfer(napi_env env, napi_callback_info info, const char* name, Copy copy) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    const Buffer& buffer = next_alive<Buffer>(arguments, "this");
    void* host = nullptr;
    arguments.array(name, buffer.element, buffer.length, true, false, &host);
    const Stream& stream = next_alive<Stream>(arguments, "stream");
    check(env, copy(buffer, host, stream.stream));
    check(env, lilaw_stream_synchronize(stream.stream));
    return nullptr;
  });
}

napi_value buffer_upload(napi_env env, napi_callback_info info) {
  return transfer(env, info, "source", [](const Buffer& buffer, const void* host, void* stream) {
    return lilaw_buffer_upload(buffer.data(), host, buffer.bytes(), stream);
  });
}

napi_value buffer_download(napi_env env, napi_callback_info info) {
  return transfer(env, info, "out", [](const Buffer& buffer, void* host, void* stream) {
    return lilaw_buffer_download(host, buffer.data(), buffer.bytes(), stream);
  });
}

/** (handle); a second time does nothing. */
template <class T>
napi_value dispose(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    next_handle<T>(arguments, "this").dispose();
    return nullptr;
  });
}

napi_value stream_create(napi_env env, napi_callback_info) {
  return guarded(env, [&]() -> napi_value { return handle_of(env, std::make_unique<Stream>(env)); });
}

napi_value stream_synchronize(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    check(env, lilaw_stream_synchronize(next_alive<Stream>(arguments, "this").stream));
    return nullptr;
  });
}

/** { freeBytes, totalBytes } of the device. */
napi_value memory(napi_env env, napi_callback_info) {
  return guarded(env, [&]() -> napi_value {
    std::int64_t free = 0;
    std::int64_t total = 0;
    check(env, lilaw_cuda_memory(&free, &total));
    Napi::Object found = Napi::Object::New(env);
    found.Set("freeBytes", static_cast<double>(free));
    found.Set("totalBytes", static_cast<double>(total));
    return found;
  });
}

/** Each operation: the arguments that it shares with the one on the host, then its own. */
struct WeightedLoss {
  lilaw_weighted_loss_args args{};

  void read(DeviceArguments& arguments) {
    addon::read(arguments, args);
    arguments.result(&args.result);
  }
  lilaw_status queue(void* workspace, void* stream) { return lilaw_weighted_loss_cuda(&args, workspace, stream); }
};

struct MetaGradient {
  lilaw_meta_gradient_args args{};

  void read(DeviceArguments& arguments) {
    addon::read(arguments, args);
    arguments.result(&args.result);
  }
  lilaw_status queue(void* workspace, void* stream) { return lilaw_meta_gradient_cuda(&args, workspace, stream); }
};

struct MetaStep {
  lilaw_meta_step_args args{};

  void read(DeviceArguments& arguments) {
    addon::read(arguments, args.meta_gradient);
    args.params = const_cast<lilaw_params*>(args.meta_gradient.params);
    arguments.result(&args.meta_gradient.result);
    args.learning_rate = scalars(arguments, "learningRate");
    args.weight_decay = scalars(arguments, "weightDecay");
    args.clamp = arguments.integer("clamp") != 0;
  }
  lilaw_status queue(void* workspace, void* stream) { return lilaw_meta_step_cuda(&args, workspace, stream); }

 private:
  static lilaw_params scalars(Arguments& arguments, const char* name) {
    const double alpha = arguments.number(name);
    const double beta = arguments.number(name);
    return {alpha, beta, arguments.number(name)};
  }
};

struct AlignmentWeights {
  lilaw_alignment_weights_args args{};

  void read(DeviceArguments& arguments) {
    addon::read(arguments, args);
    arguments.result(&args.result);
  }
  lilaw_status queue(void* workspace, void* stream) { return lilaw_alignment_weights_cuda(&args, workspace, stream); }
};

/** Queues an operation on the stream that is its last argument. */
template <class Operation>
napi_value queue(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    DeviceArguments arguments(env, info);
    Operation operation;
    operation.read(arguments);
    const Stream& stream = next_alive<Stream>(arguments, "stream");
    arguments.check_apart();
    check(env, operation.queue(stream.workspace->address(), stream.stream));
    return nullptr;
  });
}

}  // namespace

void define_device(Napi::Object exports) {
  set(exports, "bufferCreate", buffer_create);
  set(exports, "bufferSlice", buffer_slice);
  set(exports, "bufferUpload", buffer_upload);
  set(exports, "bufferDownload", buffer_download);
  set(exports, "bufferDispose", dispose<Buffer>);
  set(exports, "streamCreate", stream_create);
  set(exports, "streamSynchronize", stream_synchronize);
  set(exports, "streamDispose", dispose<Stream>);
  set(exports, "deviceMemory", memory);
  set(exports, "weightedLossCuda", queue<WeightedLoss>);
  set(exports, "metaGradientCuda", queue<MetaGradient>);
  set(exports, "metaStepCuda", queue<MetaStep>);
  set(exports, "alignmentWeightsCuda", queue<AlignmentWeights>);
}

}  // namespace lilaw::addon
