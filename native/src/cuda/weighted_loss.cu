/** weighted_loss on the device: one pass over the rows, or two if the batch mean of the weights is needed first. */
#include "row_pass.cuh"

namespace lilaw::cuda {
namespace {

/** Divisors of the second pass: means over the good rows, so that a NaN row does not affect the others. */
__global__ void __launch_bounds__(kFinishThreads)
    weighted_loss_means(const RowSums* block_sums, unsigned blocks, std::int64_t rows, BatchMeans* means) {
  const RowSums all = total_of<kFinishThreads>(block_sums, blocks);
  const double good_rows = static_cast<double>(rows - all.non_finite - all.invalid);
  if (threadIdx.x == 0) *means = {all.weight / good_rows, all.weighted / all.weight};
}

__global__ void __launch_bounds__(kFinishThreads)
    weighted_loss_result(const RowSums* block_sums, unsigned blocks, std::int64_t rows, const BatchMeans* means,
                         lilaw_weighted_loss_result* result) {
  const RowSums all = total_of<kFinishThreads>(block_sums, blocks);
  if (threadIdx.x != 0) return;
  const double mean_weight = means != nullptr ? means->weight : 1.0;
  const double divisor = all.all_good() ? mean_weight * static_cast<double>(rows) : kNaN;
  const lilaw_params gradient = {all.by_alpha / divisor, all.by_beta / divisor, all.by_delta / divisor};
  *result = {gradient, all.weighted / divisor, all.non_finite, all.invalid};
}

lilaw_status weighted_loss(const lilaw_weighted_loss_args& args, void* memory, void* stream) {
  const Workspace workspace = Workspace::in(memory);
  const std::int64_t rows = args.batch.rows;
  unsigned blocks = 0;

  RowPass pass = {};
  LILAW_TRY(device_batch(args.batch, memory, &pass.batch));
  pass.params = args.params;
  pass.sample_weights = args.sample_weights;
  pass.block_sums = workspace.block_sums;
  if (args.normalize == LILAW_BATCH_MEAN && args.params != nullptr) {
    LILAW_TRY(run_row_pass(pass, stream, &blocks));
    LILAW_TRY(launch(weighted_loss_means, 1, kFinishThreads, stream, true, workspace.block_sums, blocks, rows,
                     workspace.means));
    pass.means = workspace.means;
  }
  pass.full = args.gradient == LILAW_FULL;
  pass.losses = args.losses;
  pass.weights = args.weights;
  pass.label_probs = args.label_probs;
  pass.max_probs = args.max_probs;
  pass.predictions = args.predictions;
  pass.term_alpha = args.term_alpha;
  pass.term_beta = args.term_beta;
  pass.term_delta = args.term_delta;
  pass.grad_logits = args.grad_logits;
  pass.grad_stride = args.grad_stride;
  LILAW_TRY(run_row_pass(pass, stream, &blocks));
  return launch(weighted_loss_result, 1, kFinishThreads, stream, true, workspace.block_sums, blocks, rows, pass.means,
                args.result);
}

}  // namespace
}  // namespace lilaw::cuda

extern "C" lilaw_status lilaw_weighted_loss_cuda(const lilaw_weighted_loss_args* args, void* workspace,
                                                 void* stream) {
  LILAW_TRY(lilaw::check(args));
  return lilaw::cuda::weighted_loss(*args, workspace, stream);
}
