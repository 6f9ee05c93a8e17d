/** The parts of CUDA's language and runtime that the kernels use, for the host. See device.h. */
#pragma once

#include <atomic>
#include <cmath>

#include "device.h"
#include "streams.h"

#define __host__
#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static

#define threadIdx (::shim::me().thread_index)
#define __syncthreads() ::shim::sync_block(__FILE__, __LINE__)
#define __syncwarp() ::shim::sync_warp(__FILE__, __LINE__)

template <class V>
V __shfl_xor_sync(unsigned, V value, int offset) {
  return shim::exchange(value, shim::my_lane() ^ static_cast<unsigned>(offset));
}

template <class V>
V __shfl_sync(unsigned, V value, int lane, int width) {
  const unsigned first = shim::my_lane() / static_cast<unsigned>(width) * static_cast<unsigned>(width);
  return shim::exchange(value, first + static_cast<unsigned>(lane) % static_cast<unsigned>(width));
}

struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

inline uint4 __ldcg(const uint4* at) { return *at; }
inline void __stcg(uint4* at, uint4 value) { *at = value; }

inline float __uint_as_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
inline unsigned __float_as_uint(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

namespace shim {

/** 2^x with an error that depends on x, of up to 2 ulp, as exp2f may have on a device. */
inline float inexact_exp2(float x) {
  const float exact = ::exp2f(x);
  if (!(exact > 1e-37f) || exact == 1 || !(exact < INFINITY)) return exact;
  unsigned bits = __float_as_uint(exact);
  bits += (__float_as_uint(x) * 2654435761u >> 16) % 5 - 2;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

}  // namespace shim

#define exp2f ::shim::inexact_exp2

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInitializationError = 3,
  cudaErrorStubLibrary = 34,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorUnsupportedPtxVersion = 222,
  cudaErrorSystemNotReady = 802,
  cudaErrorSystemDriverMismatch = 803,
  cudaErrorCompatNotSupportedOnDevice = 804,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901
};

using cudaStream_t = shim::Stream*;
using cudaGraph_t = shim::Works*;
/** Shared with the launches that are still queued */
using cudaGraphExec_t = std::shared_ptr<const shim::Works>*;
enum cudaStreamCaptureMode { cudaStreamCaptureModeRelaxed = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };
enum cudaDeviceAttr { cudaDevAttrComputeCapabilityMajor = 75 };
constexpr unsigned cudaStreamNonBlocking = 1;

struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
  int major;
  int minor;
  int multiProcessorCount;
};

enum cudaLaunchAttributeID { cudaLaunchAttributeProgrammaticStreamSerialization = 6 };
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  struct {
    int programmaticStreamSerializationAllowed;
  } val;
};
struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attrs;
  unsigned numAttrs;
};

namespace shim {

constexpr std::size_t kMemoryBytes = std::size_t{1} << 32;
constexpr std::size_t kAlignment = 256;
inline std::atomic<std::size_t> used_bytes{0};

}  // namespace shim

inline const char* cudaGetErrorName(cudaError_t) { return "cudaError"; }
inline const char* cudaGetErrorString(cudaError_t) { return "an error of the shim"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }

inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = 9;
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return cudaErrorInvalidDevice;
  *properties = {"the host, through the shim", shim::kMemoryBytes, 9, 0, 1};
  return cudaSuccess;
}
inline cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 0;
  return cudaSuccess;
}
inline cudaError_t cudaDriverGetVersion(int* version) {
  *version = 0;
  return cudaSuccess;
}

/** The size of the memory is stored before it. New memory is full of NaN. */
inline cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  if (bytes > shim::kMemoryBytes - shim::used_bytes) return cudaErrorMemoryAllocation;
  const std::size_t padded = (bytes + shim::kAlignment - 1) / shim::kAlignment * shim::kAlignment;
  auto* const block = static_cast<char*>(std::aligned_alloc(shim::kAlignment, padded + shim::kAlignment));
  if (block == nullptr) return cudaErrorMemoryAllocation;
  std::memcpy(block, &bytes, sizeof bytes);
  *memory = std::memset(block + shim::kAlignment, 0xff, bytes);
  shim::used_bytes += bytes;
  return cudaSuccess;
}
inline cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  shim::Device::here().wait_for_all();
  char* const block = static_cast<char*>(memory) - shim::kAlignment;
  std::size_t bytes;
  std::memcpy(&bytes, block, sizeof bytes);
  shim::used_bytes -= bytes;
  std::free(block);
  return cudaSuccess;
}
inline cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = shim::kMemoryBytes;
  *free = shim::kMemoryBytes - shim::used_bytes;
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind,
                                   cudaStream_t stream) {
  shim::Device::here().queue(stream, [=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new shim::Stream;
  shim::Device::here().add(*stream);
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  shim::Device::here().remove(stream);
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return shim::Device::here().wait_for(stream) ? cudaSuccess : cudaErrorStreamCaptureUnsupported;
}

inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr) return cudaErrorStreamCaptureUnsupported;
  if (stream->captures) return cudaErrorInvalidValue;
  stream->captures = true;
  return cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (stream == nullptr || !stream->captures) return cudaErrorInvalidValue;
  stream->captures = false;
  shim::Works works = std::exchange(stream->captured, {});
  if (std::exchange(stream->invalidated, false)) return cudaErrorStreamCaptureInvalidated;
  *graph = new shim::Works(std::move(works));
  return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new std::shared_ptr<const shim::Works>(new shim::Works(*graph));
  return cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  shim::Device::here().queue(stream, [works = *executable] {
    for (const shim::Work& work : *works) work();
  });
  return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments... arguments) {
  shim::Device::here().queue(config->stream, [grid = config->gridDim, block = config->blockDim, kernel, arguments...] {
    shim::run_grid(grid, block, [&] { kernel(arguments...); });
  });
  return cudaSuccess;
}
