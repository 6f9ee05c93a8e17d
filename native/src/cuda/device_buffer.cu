/** Devices, device memory and streams of the C ABI. */
#include "runtime.h"

#include <cstdio>

namespace lilaw::cuda {

lilaw_status status_of(cudaError_t error, const char* call) {
  switch (error) {
    case cudaSuccess:
      return LILAW_OK;
    case cudaErrorMemoryAllocation:
      cudaGetLastError();
      return fail(LILAW_OUT_OF_MEMORY, "Expected enough device memory for %s but received: %s", call,
                  cudaGetErrorString(error));
    case cudaErrorInsufficientDriver:
    case cudaErrorNoDevice:
    case cudaErrorInitializationError:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorSystemNotReady:
    case cudaErrorStubLibrary:
    case cudaErrorCompatNotSupportedOnDevice:
      cudaGetLastError();
      return fail(LILAW_CUDA_UNAVAILABLE, "Expected a CUDA driver and device for %s but received: %s", call,
                  cudaGetErrorString(error));
    default:
      // Clears the error, so that the next call does not report it as its own.
      cudaGetLastError();
      return fail(LILAW_CUDA_ERROR, "Expected %s to succeed but received: %s (%s)", call, cudaGetErrorString(error),
                  cudaGetErrorName(error));
  }
}

bool launches_ahead() {
  int device = 0;
  int major = 0;
  return cudaGetDevice(&device) == cudaSuccess &&
         cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess && major >= 9;
}

lilaw_status check_pointer(const void* pointer, const char* name) {
  if (pointer != nullptr) return LILAW_OK;
  return fail(LILAW_INVALID_ARGUMENT, "Expected a pointer for %s but received NULL", name);
}

namespace {

lilaw_status check_bytes(std::int64_t bytes, std::int64_t least) {
  if (bytes >= least) return LILAW_OK;
  return fail(LILAW_INVALID_ARGUMENT, "Expected at least %lld bytes but received %lld", static_cast<long long>(least),
              static_cast<long long>(bytes));
}

}  // namespace
}  // namespace lilaw::cuda

using namespace lilaw::cuda;

extern "C" {

lilaw_status lilaw_cuda_versions(int32_t* driver, int32_t* runtime) {
  LILAW_TRY(check_pointer(driver, "driver"));
  LILAW_TRY(check_pointer(runtime, "runtime"));
  *driver = *runtime = 0;
  int version = 0;
  LILAW_CUDA_TRY(cudaRuntimeGetVersion, &version);
  *runtime = version;
  LILAW_CUDA_TRY(cudaDriverGetVersion, &version);
  *driver = version;
  return LILAW_OK;
}

lilaw_status lilaw_cuda_device_count(int32_t* count) {
  LILAW_TRY(check_pointer(count, "count"));
  *count = 0;
  int devices = 0;
  LILAW_CUDA_TRY(cudaGetDeviceCount, &devices);
  *count = devices;
  return LILAW_OK;
}

lilaw_status lilaw_cuda_device_info(int32_t device, lilaw_cuda_device* info) {
  LILAW_TRY(check_pointer(info, "info"));
  cudaDeviceProp properties;
  LILAW_CUDA_TRY(cudaGetDeviceProperties, &properties, device);
  *info = {};
  std::snprintf(info->name, sizeof info->name, "%s", properties.name);
  info->compute_major = properties.major;
  info->compute_minor = properties.minor;
  info->multiprocessors = properties.multiProcessorCount;
  info->memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  return LILAW_OK;
}

lilaw_status lilaw_cuda_use_device(int32_t device) {
  LILAW_CUDA_TRY(cudaSetDevice, device);
  return LILAW_OK;
}

lilaw_status lilaw_cuda_memory(int64_t* free_bytes, int64_t* total_bytes) {
  LILAW_TRY(check_pointer(free_bytes, "free_bytes"));
  LILAW_TRY(check_pointer(total_bytes, "total_bytes"));
  std::size_t free = 0;
  std::size_t total = 0;
  LILAW_CUDA_TRY(cudaMemGetInfo, &free, &total);
  *free_bytes = static_cast<std::int64_t>(free);
  *total_bytes = static_cast<std::int64_t>(total);
  return LILAW_OK;
}

lilaw_status lilaw_buffer_create(int64_t bytes, void** buffer) {
  LILAW_TRY(check_pointer(buffer, "buffer"));
  LILAW_TRY(check_bytes(bytes, 1));
  *buffer = nullptr;
  LILAW_CUDA_TRY(cudaMalloc, buffer, static_cast<std::size_t>(bytes));
  return LILAW_OK;
}

lilaw_status lilaw_buffer_free(void* buffer) {
  LILAW_CUDA_TRY(cudaFree, buffer);
  return LILAW_OK;
}

lilaw_status lilaw_buffer_upload(void* buffer, const void* host, int64_t bytes, void* stream) {
  LILAW_TRY(check_pointer(buffer, "buffer"));
  LILAW_TRY(check_pointer(host, "host"));
  LILAW_TRY(check_bytes(bytes, 0));
  LILAW_CUDA_TRY(cudaMemcpyAsync, buffer, host, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice,
                 static_cast<cudaStream_t>(stream));
  return LILAW_OK;
}

lilaw_status lilaw_buffer_download(void* host, const void* buffer, int64_t bytes, void* stream) {
  LILAW_TRY(check_pointer(host, "host"));
  LILAW_TRY(check_pointer(buffer, "buffer"));
  LILAW_TRY(check_bytes(bytes, 0));
  LILAW_CUDA_TRY(cudaMemcpyAsync, host, buffer, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost,
                 static_cast<cudaStream_t>(stream));
  return LILAW_OK;
}

lilaw_status lilaw_stream_create(void** stream) {
  LILAW_TRY(check_pointer(stream, "stream"));
  *stream = nullptr;
  cudaStream_t created = nullptr;
  LILAW_CUDA_TRY(cudaStreamCreateWithFlags, &created, cudaStreamNonBlocking);
  *stream = created;
  return LILAW_OK;
}

lilaw_status lilaw_stream_free(void* stream) {
  LILAW_CUDA_TRY(cudaStreamDestroy, static_cast<cudaStream_t>(stream));
  return LILAW_OK;
}

lilaw_status lilaw_stream_synchronize(void* stream) {
  LILAW_CUDA_TRY(cudaStreamSynchronize, static_cast<cudaStream_t>(stream));
  return LILAW_OK;
}
}
