/**
 * Device memory, streams, graphs, and the operations on them. Nothing here waits for the device but transfers,
 * `streamSynchronize`, and freeing memory.
 */
#include <utility>

#include "guarded.h"
#include "handles.h"
#include "module.h"
#include "operations.h"

namespace lilaw::addon {
namespace {

/** Arrays are buffers. */
class DeviceArguments : public Arguments {
 public:
  using Arguments::Arguments;

  lilaw_dtype logits_type() const override {
    const Buffer* const buffer = held_by<Buffer>(env(), upcoming());
    const bool is_float = buffer != nullptr && buffer->element <= Element::kBfloat16;
    return is_float ? static_cast<lilaw_dtype>(buffer->element) : LILAW_FLOAT32;
  }

  /** The memory of all arrays. */
  void add_to(Memories& memories) const {
    for (const ArrayUse& use : *this) memories.push_back(held_by<Buffer>(env(), use.value)->memory);
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

  std::string kind_of(Element element) const override { return Buffer::kind_of(element); }

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

/** (this, element, length) */
napi_value buffer_create(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    const napi_value self = arguments.next();
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
    give(env, self, std::move(buffer));
    return nullptr;
  });
}

/** (value): whether it is one, disposed or not. */
napi_value buffer_is(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    return Napi::Boolean::New(env, held_by<Buffer>(env, arguments.next()) != nullptr);
  });
}

/** (part, this, begin, end) */
napi_value buffer_slice(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    const napi_value self = arguments.next();
    const Buffer& whole = next_alive<Buffer>(arguments, "this");
    const std::int64_t begin = arguments.integer("begin");
    const std::int64_t end = arguments.integer("end");
    if (begin < 0 || begin >= end || end > whole.length) {
      throw unexpected(env, "INVALID_ARGUMENT", "0 <= begin < end <= " + std::to_string(whole.length),
                       "begin and end", std::to_string(begin) + " and " + std::to_string(end));
    }
    const std::int64_t first_byte = whole.first_byte + begin * size_of(whole.element);
    give(env, self, std::make_unique<Buffer>(Buffer{whole.memory, first_byte, end - begin, whole.element}));
    return nullptr;
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
    const Stream& stream = next_idle_stream(arguments, "stream");
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

/** (this) */
napi_value stream_create(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    give(env, arguments.next(), std::make_unique<Stream>(env));
    return nullptr;
  });
}

napi_value stream_synchronize(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    check(env, lilaw_stream_synchronize(next_idle_stream(arguments, "this").stream));
    return nullptr;
  });
}

/** (stream) */
napi_value stream_begin_capture(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    Stream& stream = next_idle_stream(arguments, "this");
    check(env, lilaw_stream_begin_capture(stream.stream));
    stream.captures = true;
    return nullptr;
  });
}

/** (stream, graph) */
napi_value stream_end_capture(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    Stream& stream = next_alive<Stream>(arguments, "this");
    const napi_value owner = arguments.next();
    if (!stream.captures) {
      throw unexpected(env, "INVALID_ARGUMENT", "a Stream that captures a graph", "this", "one that does not");
    }
    if (stream.captured.empty()) {
      throw unexpected(env, "INVALID_ARGUMENT", "a function that queues operations on this stream", "record",
                       "one that queues none");
    }
    auto graph = std::make_unique<Graph>();
    stream.captures = false;
    graph->workspace = stream.workspace;
    graph->memories = std::exchange(stream.captured, {});
    check(env, lilaw_stream_end_capture(stream.stream, &graph->graph));
    give(env, owner, std::move(graph));
    return nullptr;
  });
}

/** (stream): no graph; nothing where none is captured. */
napi_value stream_abandon_capture(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    next_handle<Stream>(arguments, "this").abandon_capture();
    return nullptr;
  });
}

/** (graph, stream): the one that it was captured on, whose workspace it uses. */
napi_value graph_launch(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    const Graph& graph = next_alive<Graph>(arguments, "this");
    const Stream& stream = next_idle_stream(arguments, "stream");
    if (graph.workspace != stream.workspace) {
      throw unexpected(env, "INVALID_ARGUMENT", "the Stream of the graph", "stream", "another");
    }
    check(env, lilaw_graph_launch(graph.graph, stream.stream));
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

/** Queues an operation on the stream that is its last argument. */
template <class Operation>
napi_value queue(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    DeviceArguments arguments(env, info);
    Operation operation;
    operation.read(arguments);
    Stream& stream = next_alive<Stream>(arguments, "stream");
    arguments.check_apart();
    // First: of an operation that fails, a part may have been captured.
    if (stream.captures) arguments.add_to(stream.captured);
    check(env, operation.queue(stream.workspace->address(), stream.stream));
    return nullptr;
  });
}

template <class Operation>
void define(Napi::Object exports) {
  set(exports, std::string(Operation::kName) + "Cuda", queue<Operation>);
}

}  // namespace

void define_device(Napi::Object exports) {
  set(exports, "bufferCreate", buffer_create);
  set(exports, "bufferIs", buffer_is);
  set(exports, "bufferSlice", buffer_slice);
  set(exports, "bufferUpload", buffer_upload);
  set(exports, "bufferDownload", buffer_download);
  set(exports, "bufferDispose", dispose<Buffer>);
  set(exports, "streamCreate", stream_create);
  set(exports, "streamSynchronize", stream_synchronize);
  set(exports, "streamDispose", dispose<Stream>);
  set(exports, "streamBeginCapture", stream_begin_capture);
  set(exports, "streamEndCapture", stream_end_capture);
  set(exports, "streamAbandonCapture", stream_abandon_capture);
  set(exports, "graphLaunch", graph_launch);
  set(exports, "graphDispose", dispose<Graph>);
  set(exports, "deviceMemory", memory);
  define<WeightedLoss>(exports);
  define<MetaGradient>(exports);
  define<MetaStep>(exports);
  define<AlignmentWeights>(exports);
}

}  // namespace lilaw::addon
