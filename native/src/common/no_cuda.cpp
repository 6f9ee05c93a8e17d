/** The CUDA half of the C ABI in a library that was built without CUDA. */
#include "error.h"

namespace {

lilaw_status unavailable() {
  return lilaw::fail(LILAW_CUDA_UNAVAILABLE,
                     "Expected a library built with CUDA but received one without (LILAW_CUDA=ON builds one)");
}

}  // namespace

extern "C" {

lilaw_status lilaw_weighted_loss_cuda(const lilaw_weighted_loss_args*, void*, void*) { return unavailable(); }
lilaw_status lilaw_meta_gradient_cuda(const lilaw_meta_gradient_args*, void*, void*) { return unavailable(); }
lilaw_status lilaw_meta_step_cuda(const lilaw_meta_step_args*, void*, void*) { return unavailable(); }
lilaw_status lilaw_alignment_weights_cuda(const lilaw_alignment_weights_args*, void*, void*) { return unavailable(); }
size_t lilaw_cuda_workspace_bytes(int64_t) { return 0; }

lilaw_status lilaw_cuda_versions(int32_t*, int32_t*) { return unavailable(); }
lilaw_status lilaw_cuda_device_count(int32_t*) { return unavailable(); }
lilaw_status lilaw_cuda_device_info(int32_t, lilaw_cuda_device*) { return unavailable(); }
lilaw_status lilaw_cuda_use_device(int32_t) { return unavailable(); }
lilaw_status lilaw_cuda_memory(int64_t*, int64_t*) { return unavailable(); }

lilaw_status lilaw_buffer_create(int64_t, void**) { return unavailable(); }
lilaw_status lilaw_buffer_free(void*) { return unavailable(); }
lilaw_status lilaw_buffer_upload(void*, const void*, int64_t, void*) { return unavailable(); }
lilaw_status lilaw_buffer_download(void*, const void*, int64_t, void*) { return unavailable(); }

lilaw_status lilaw_stream_create(void**) { return unavailable(); }
lilaw_status lilaw_stream_free(void*) { return unavailable(); }
lilaw_status lilaw_stream_synchronize(void*) { return unavailable(); }

lilaw_status lilaw_stream_begin_capture(void*) { return unavailable(); }
lilaw_status lilaw_stream_end_capture(void*, void**) { return unavailable(); }
lilaw_status lilaw_graph_launch(void*, void*) { return unavailable(); }
lilaw_status lilaw_graph_free(void*) { return unavailable(); }
}
