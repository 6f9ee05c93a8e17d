/** meta_gradient and meta_step on the device: a pass over the rows without outputs, then the scalars. */
#include "row_pass.cuh"

namespace lilaw::cuda {
namespace {

/** How meta_step moves the scalars; `params` is null in meta_gradient. */
struct Step {
  lilaw_params* params;
  lilaw_params learning_rate;
  lilaw_params weight_decay;
  bool clamp;
};

__device__ __forceinline__ double moved(double p, double gradient, double learning_rate, double weight_decay) {
  return p - learning_rate * (gradient + weight_decay * p);
}

__device__ __forceinline__ bool is_finite(double x) { return x - x == 0; }

/** Moves the scalars, unless that would make one of them NaN or infinite. */
__device__ __forceinline__ bool move(const Step& step, const lilaw_meta_gradient_result& result) {
  const lilaw_params& g = result.gradient;
  const lilaw_params old = *step.params;
  lilaw_params next = {moved(old.alpha, g.alpha, step.learning_rate.alpha, step.weight_decay.alpha),
                       moved(old.beta, g.beta, step.learning_rate.beta, step.weight_decay.beta),
                       moved(old.delta, g.delta, step.learning_rate.delta, step.weight_decay.delta)};
  const bool finite = is_finite(g.alpha) && is_finite(g.beta) && is_finite(g.delta) && is_finite(result.objective) &&
                      is_finite(next.alpha) && is_finite(next.beta) && is_finite(next.delta);
  if (!finite) return false;
  if (step.clamp) {
    next.delta = next.delta < next.beta ? next.beta : next.delta;
    next.alpha = next.alpha < 1 ? 1 : next.alpha;
  }
  *step.params = next;
  return true;
}

__global__ void __launch_bounds__(kFinishThreads)
    meta_gradient_result(const RowSums* block_sums, unsigned blocks, std::int64_t rows, Step step,
                         lilaw_meta_gradient_result* result) {
  const RowSums all = total_of<kFinishThreads>(block_sums, blocks);
  if (threadIdx.x != 0) return;
  const double count = all.all_good() ? static_cast<double>(rows) : kNaN;
  const lilaw_params gradient = {all.by_alpha / count, all.by_beta / count, all.by_delta / count};
  lilaw_meta_gradient_result r = {gradient, all.weighted / count, all.non_finite, all.invalid, 0};
  r.moved = step.params != nullptr && move(step, r) ? 1 : 0;
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
  const lilaw::cuda::Step step = {args->params, args->learning_rate, args->weight_decay, args->clamp != 0};
  return lilaw::cuda::meta_gradient(args->meta_gradient, step, workspace, stream);
}
}
