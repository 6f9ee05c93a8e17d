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

/** Arguments whose arrays are buffers on the device. */
class DeviceArguments : public Arguments {
 public:
  using Arguments::Arguments;

  lilaw_dtype logits_type() const override {
    const Buffer* const buffer = held_by<Buffer>(env(), upcoming());
    const bool is_float = buffer != nullptr && buffer->element <= Element::kBfloat16;
    return is_float ? static_cast<lilaw_dtype>(buffer->element) : LILAW_FLOAT32;
  }

  /** Adds the memory of all arrays to `memories`. */
  void add_to(Memories& memories) const {
    for (const ArrayUse& use : *this) memories.push_back(held_by<Buffer>(env(), use.value)->memory);
  }

 protected:
  Array look_at(const char* name, napi_value value, Element wanted) const override {
    const Buffer* const buffer = held_by<Buffer>(env(), value);
    if (buffer == nullptr) return {};
    check_alive(env(), *buffer, name);
    return {true, buffer->element == wanted, static_cast<std::size_t>(buffer->length), buffer->data()};
  }

  std::string kind_of(Element element) const override { return Buffer::kind_of(element); }
};

/** (this, element, length) */
void buffer_create(HostArguments& arguments) {
  const Napi::Env env = arguments.env();
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
}

/** (value): whether it is a buffer, disposed or not. */
napi_value buffer_is(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    HostArguments arguments(env, info);
    return Napi::Boolean::New(env, held_by<Buffer>(env, arguments.next()) != nullptr);
  });
}

/** (part, this, begin, end) */
void buffer_slice(HostArguments& arguments) {
  const Napi::Env env = arguments.env();
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
}

/** (buffer, array, stream): copies between a buffer and a typed array, and waits for the copy. */
template <class Copy>
void transfer(HostArguments& arguments, const char* name, Copy copy) {
  const Buffer& buffer = next_alive<Buffer>(arguments, "this");
  void* host = nullptr;
  arguments.array(name, buffer.element, buffer.length, true, false, &host);
  const Stream& stream = next_idle_stream(arguments, "stream");
  check(arguments.env(), copy(buffer, host, stream.stream));
  check(arguments.env(), lilaw_stream_synchronize(stream.stream));
}

void buffer_upload(HostArguments& arguments) {
  transfer(arguments, "source", [](const Buffer& buffer, const void* host, void* stream) {
    return lilaw_buffer_upload(buffer.data(), host, buffer.bytes(), stream);
  });
}

void buffer_download(HostArguments& arguments) {
  transfer(arguments, "out", [](const Buffer& buffer, void* host, void* stream) {
    return lilaw_buffer_download(host, buffer.data(), buffer.bytes(), stream);
  });
}

/** (handle): releases what it owns; a second call does nothing. */
template <class T>
void dispose(HostArguments& arguments) {
  next_handle<T>(arguments, "this").dispose();
}

/** (this) */
void stream_create(HostArguments& arguments) {
  const Napi::Env env = arguments.env();
  give(env, arguments.next(), std::make_unique<Stream>(env));
}

void stream_synchronize(HostArguments& arguments) {
  check(arguments.env(), lilaw_stream_synchronize(next_idle_stream(arguments, "this").stream));
}

/** (stream) */
void stream_begin_capture(HostArguments& arguments) {
  Stream& stream = next_idle_stream(arguments, "this");
  check(arguments.env(), lilaw_stream_begin_capture(stream.stream));
  stream.captures = true;
}

/** (stream, graph) */
void stream_end_capture(HostArguments& arguments) {
  const Napi::Env env = arguments.env();
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
}

/** (stream): ends a capture without a graph; does nothing if there is no capture. */
void stream_abandon_capture(HostArguments& arguments) {
  next_handle<Stream>(arguments, "this").abandon_capture();
}

/** (graph, stream): the stream must be the one it was captured on, whose workspace it uses. */
void graph_launch(HostArguments& arguments) {
  const Napi::Env env = arguments.env();
  const Graph& graph = next_alive<Graph>(arguments, "this");
  const Stream& stream = next_idle_stream(arguments, "stream");
  if (graph.workspace != stream.workspace) {
    throw unexpected(env, "INVALID_ARGUMENT", "the Stream of the graph", "stream", "another");
  }
  check(env, lilaw_graph_launch(graph.graph, stream.stream));
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

/** Queues an operation on the stream given as the last argument. */
template <class Operation>
napi_value queue(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    DeviceArguments arguments(env, info);
    Operation operation;
    operation.read(arguments);
    Stream& stream = next_alive<Stream>(arguments, "stream");
    arguments.check_apart();
    // Before the operation is queued: if it fails, part of it may still have been captured.
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
  set(exports, "bufferCreate", method<buffer_create>);
  set(exports, "bufferIs", buffer_is);
  set(exports, "bufferSlice", method<buffer_slice>);
  set(exports, "bufferUpload", method<buffer_upload>);
  set(exports, "bufferDownload", method<buffer_download>);
  set(exports, "bufferDispose", method<dispose<Buffer>>);
  set(exports, "streamCreate", method<stream_create>);
  set(exports, "streamSynchronize", method<stream_synchronize>);
  set(exports, "streamDispose", method<dispose<Stream>>);
  set(exports, "streamBeginCapture", method<stream_begin_capture>);
  set(exports, "streamEndCapture", method<stream_end_capture>);
  set(exports, "streamAbandonCapture", method<stream_abandon_capture>);
  set(exports, "graphLaunch", method<graph_launch>);
  set(exports, "graphDispose", method<dispose<Graph>>);
  set(exports, "deviceMemory", memory);
  define<WeightedLoss>(exports);
  define<MetaGradient>(exports);
  define<MetaStep>(exports);
  define<AlignmentWeights>(exports);
}

}  // namespace lilaw::addon
