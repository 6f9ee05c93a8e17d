/** meta_gradient and meta_step on the device: a pass over the rows without outputs, then the scalars. */
#include "../math/meta_step.h"
#include "row_pass.cuh"

namespace lilaw::cuda {
namespace {

/** The step of meta_step; `params` is null in meta_gradient. */
struct Step {
  lilaw_params* params;
  MetaStep by;
};

__global__ void __launch_bounds__(kFinishThreads)
    meta_gradient_result(const RowSums* block_sums, unsigned blocks, std::int64_t rows, Step step,
                         lilaw_meta_gradient_result* result) {
  const RowSums all = total_of<kFinishThreads>(block_sums, blocks);
  if (threadIdx.x != 0) return;
  const double count = all.all_good() ? static_cast<double>(rows) : kNaN;
  const lilaw_params gradient = {all.by_alpha / count, all.by_beta / count, all.by_delta / count};
  lilaw_meta_gradient_result r = {gradient, all.weighted / count, all.non_finite, all.invalid, 0};
  r.moved = step.params != nullptr && move(step.by, r, step.params) ? 1 : 0;
  *result = r;
}

lilaw_status meta_gradient(const lilaw_meta_gradient_args& args, const Step& step, void* memory, void* stream) {
  const Workspace workspace = Workspace::in(memory);
  RowPass pass = {};
  LILAW_TRY(device_batch(args.batch, memory, &pass.batch));
  pass.params = args.params;
  pass.coefficients = args.coefficients;
  pass.block_sums = workspace.block_sums;
  unsigned blocks = 0;
  LILAW_TRY(run_row_pass(pass, stream, &blocks));
  return launch(meta_gradient_result, 1, kFinishThreads, stream, true, workspace.block_sums, blocks, args.batch.rows,
                step, args.result);
}

}  // namespace
}  // namespace lilaw::cuda

extern "C" {

lilaw_status lilaw_meta_gradient_cuda(const lilaw_meta_gradient_args* args, void* workspace, void* stream) {
  LILAW_TRY(lilaw::check(args));
  return lilaw::cuda::meta_gradient(*args, {}, workspace, stream);
}

lilaw_status lilaw_meta_step_cuda(const lilaw_meta_step_args* args, void* workspace, void* stream) {
  LILAW_TRY(lilaw::check(args));
  const lilaw::cuda::Step step = {args->params, {args->learning_rate, args->weight_decay, args->clamp != 0}};
  return lilaw::cuda::meta_gradient(args->meta_gradient, step, workspace, stream);
}
}
