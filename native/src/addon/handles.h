/**
 * Device memory, streams and graphs as JavaScript objects: each DeviceBuffer, Stream and Graph owns one of the
 * structures below, and has a type tag that no other object has.
 */
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arguments.h"

namespace lilaw::addon {

class DeviceMemory {
 public:
  DeviceMemory(Napi::Env env, std::int64_t bytes) { check(env, lilaw_buffer_create(bytes, &address_)); }
  // cudaFree waits for kernels that may still use the memory.
  ~DeviceMemory() { lilaw_buffer_free(address_); }
  DeviceMemory(const DeviceMemory&) = delete;

  unsigned char* address() const { return static_cast<unsigned char*>(address_); }

 private:
  void* address_ = nullptr;
};

/** Elements of device memory, which lives as long as any buffer on it. A disposed buffer has no memory. */
struct Buffer {
  static constexpr napi_type_tag kTag = {0x6c696c6177646576, 0x6275666665720001};
  static constexpr const char* kKind = "a DeviceBuffer";
  std::shared_ptr<DeviceMemory> memory;
  std::int64_t first_byte;
  std::int64_t length;
  Element element;

  static std::string kind_of(Element element) {
    constexpr const char* kNames[kElements] = {"float32", "float16", "bfloat16", "float64", "int32", "uint8"};
    return std::string(kKind) + " of " + kNames[static_cast<int>(element)];
  }
  bool disposed() const { return memory == nullptr; }
  void dispose() { memory.reset(); }
  std::int64_t bytes() const { return length * size_of(element); }
  void* data() const { return memory->address() + first_byte; }
};

/** Memory used by queued or captured work, kept alive as long as that work may run. */
using Memories = std::vector<std::shared_ptr<DeviceMemory>>;

/** A stream, and the workspace of the operations that are queued on it. A disposed stream has no workspace. */
struct Stream {
  static constexpr napi_type_tag kTag = {0x6c696c6177646576, 0x73747265616d0001};
  static constexpr const char* kKind = "a Stream";
  std::shared_ptr<DeviceMemory> workspace;
  void* stream = nullptr;
  /** True between the begin and the end of a capture */
  bool captures = false;
  Memories captured;

  // Enough for any number of rows: the workspace holds one sum for each block, and the number of blocks is limited.
  explicit Stream(Napi::Env env)
      : workspace(std::make_shared<DeviceMemory>(
            env, static_cast<std::int64_t>(lilaw_cuda_workspace_bytes(INT64_MAX)))) {
    check(env, lilaw_stream_create(&stream));
  }
  ~Stream() { dispose(); }
  Stream(const Stream&) = delete;

  bool disposed() const { return workspace == nullptr; }
  void dispose() {
    if (disposed()) return;
    abandon_capture();
    workspace.reset();
    lilaw_stream_free(stream);
  }
  void abandon_capture() {
    if (!captures) return;
    void* graph = nullptr;
    if (lilaw_stream_end_capture(stream, &graph) == LILAW_OK) lilaw_graph_free(graph);
    captures = false;
    captured.clear();
  }
};

/** Work that was captured on a stream, and the memory that it uses. A disposed graph has neither. */
struct Graph {
  static constexpr napi_type_tag kTag = {0x6c696c6177646576, 0x6772617068000001};
  static constexpr const char* kKind = "a Graph";
  void* graph = nullptr;
  std::shared_ptr<DeviceMemory> workspace;
  Memories memories;

  Graph() = default;
  ~Graph() { dispose(); }
  Graph(const Graph&) = delete;

  bool disposed() const { return graph == nullptr; }
  void dispose() {
    if (disposed()) return;
    lilaw_graph_free(graph);
    graph = nullptr;
    workspace.reset();
    memories.clear();
  }
};

/** Makes an object the owner of `held`. */
template <class T>
void give(Napi::Env env, napi_value owner, std::unique_ptr<T> held) {
  const napi_finalize finalize = [](napi_env, void* data, void*) { delete static_cast<T*>(data); };
  if (napi_wrap(env, owner, held.get(), finalize, nullptr, nullptr) != napi_ok) {
    throw unexpected(env, "INVALID_ARGUMENT", "an object that owns nothing yet", "this", describe(env, owner));
  }
  held.release();
  napi_type_tag_object(env, owner, &T::kTag);
}

/** The T that an object owns; null if it owns none. */
template <class T>
T* held_by(napi_env env, napi_value value) {
  // Checking the tag of undefined or null would leave a pending exception.
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

/** The next argument as a T, disposed or not. */
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

/** The next argument as a stream without a capture, so that the caller can wait for it. */
inline Stream& next_idle_stream(Arguments& arguments, const char* name) {
  Stream& stream = next_alive<Stream>(arguments, name);
  if (!stream.captures) return stream;
  throw unexpected(arguments.env(), "INVALID_ARGUMENT", "a Stream that captures no graph", name, "one that does");
}

}  // namespace lilaw::addon
