/** CUDA graphs of the C ABI: work that is captured on a stream once and launched many times. */
#include "runtime.h"

using namespace lilaw::cuda;

extern "C" {

lilaw_status lilaw_stream_begin_capture(void* stream) {
  // Relaxed: memory may be allocated during the capture. This happens at once and is no part of the graph.
  LILAW_CUDA_TRY(cudaStreamBeginCapture, static_cast<cudaStream_t>(stream), cudaStreamCaptureModeRelaxed);
  return LILAW_OK;
}

lilaw_status lilaw_stream_end_capture(void* stream, void** graph) {
  LILAW_TRY(check_pointer(graph, "graph"));
  *graph = nullptr;
  cudaGraph_t recorded = nullptr;
  LILAW_CUDA_TRY(cudaStreamEndCapture, static_cast<cudaStream_t>(stream), &recorded);
  cudaGraphExec_t executable = nullptr;
  const lilaw_status status =
      status_of(cudaGraphInstantiateWithFlags(&executable, recorded, 0), "cudaGraphInstantiateWithFlags");
  cudaGraphDestroy(recorded);
  *graph = executable;
  return status;
}

lilaw_status lilaw_graph_launch(void* graph, void* stream) {
  LILAW_TRY(check_pointer(graph, "graph"));
  LILAW_CUDA_TRY(cudaGraphLaunch, static_cast<cudaGraphExec_t>(graph), static_cast<cudaStream_t>(stream));
  return LILAW_OK;
}

lilaw_status lilaw_graph_free(void* graph) {
  LILAW_TRY(check_pointer(graph, "graph"));
  LILAW_CUDA_TRY(cudaGraphExecDestroy, static_cast<cudaGraphExec_t>(graph));
  return LILAW_OK;
}
}
