/** Calls of the CUDA runtime. Their failures become statuses of the C ABI. */
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "../common/arguments.h"
#include "../common/error.h"

namespace lilaw::cuda {

/** LILAW_OK, or the status of the error of `call`, with its message. */
lilaw_status status_of(cudaError_t error, const char* call);

lilaw_status check_pointer(const void* pointer, const char* name);

/** Whether the device of this thread can start a kernel while the previous one ends (compute capability 9). */
bool launches_ahead();

/**
 * Queues a kernel. With `ahead` it may start before the previous kernel has ended, which hides the time of a launch. It
 * must then call `wait_for_previous_kernel` before it reads results of that kernel.
 */
template <class... Parameters, class... Arguments>
lilaw_status launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, void* stream, bool ahead,
                    Arguments... arguments) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(threads);
  config.stream = static_cast<cudaStream_t>(stream);
  config.attrs = &attribute;
  config.numAttrs = ahead && launches_ahead() ? 1 : 0;
  return status_of(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...), "cudaLaunchKernelEx");
}

#define LILAW_CUDA_TRY(function, ...) LILAW_TRY(::lilaw::cuda::status_of(function(__VA_ARGS__), #function))

/** In a kernel launched `ahead`: returns when all work queued before is done and its results can be read. */
__device__ __forceinline__ void wait_for_previous_kernel() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}

}  // namespace lilaw::cuda
