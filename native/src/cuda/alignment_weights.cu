/** alignment_weights on the device: the alignments, the sum of the positive ones, then the weights. */
#include "row_pass.cuh"

namespace lilaw::cuda {
namespace {

struct AlignmentPass {
  DeviceBatch batch;
  const void* tangents;
  std::int64_t tangents_stride;
  float* alignments;
  /** Alignments before the clamp at 0, until their sum is known */
  float* weights;
  /** `weight` holds the sum of the positive alignments. */
  RowSums* block_sums;
};

template <class Rows>
__global__ void __launch_bounds__(Rows::kBlock, blocks_at_once<Rows>(kAlignmentThreads<Rows>))
    alignment_pass(AlignmentPass pass) {
  __shared__ typename Group<Rows::kThreads>::Storage storage;
  Group<Rows::kThreads> group(storage);
  Rows rows(group);
  LeaderSums<Rows> sums;
  const std::int64_t count = pass.batch.batch.rows;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kRowsPerBlock<Rows>;

  for (std::int64_t base = static_cast<std::int64_t>(blockIdx.x) * kRowsPerBlock<Rows>; base < count;
       base += stride) {
    const std::int64_t first = base + static_cast<int>(threadIdx.x) / Rows::kThreads * Rows::kRows;
    const Measured m = rows.measure(pass.batch, first);
    const Factors loss_alone = {1, 0, 0};
    const double dot = rows.dot(static_cast<const typename Rows::Element*>(pass.tangents), pass.tangents_stride,
                                loss_alone);
    if (!sums.leads() || m.state == RowState::kAbsent) continue;
    // A tangent may be non-finite although all logits are finite.
    const bool good = m.state == RowState::kGood && fabsf(static_cast<float>(dot)) < kInfinity;
    const double alignment = good ? dot : kNaN;
    put(pass.alignments, m.row, alignment);
    put(pass.weights, m.row, alignment);
    if (alignment > 0) sums.mine().weight += alignment;
    if (good) continue;
    (m.state == RowState::kInvalidLabel ? sums.mine().invalid : sums.mine().non_finite)++;
  }

  sums.store(pass.block_sums);
}

__global__ void __launch_bounds__(kFinishThreads)
    alignment_weights_result(const RowSums* block_sums, unsigned blocks, double* positive,
                             lilaw_alignment_weights_result* result) {
  const RowSums all = total_of<kFinishThreads>(block_sums, blocks);
  if (threadIdx.x != 0) return;
  // If no alignment is positive, the divisor is 1 and every weight is 0.
  *positive = all.weight > 0 ? all.weight : 1.0;
  *result = {all.non_finite, all.invalid};
}

__global__ void __launch_bounds__(kFinishThreads)
    normalize_weights(std::int64_t rows, const double* positive, float* weights) {
  wait_for_previous_kernel();
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kFinishThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kFinishThreads + threadIdx.x; i < rows; i += stride) {
    const float alignment = weights[i];
    weights[i] = alignment < 0 ? 0.0f : static_cast<float>(alignment / *positive);
  }
}

lilaw_status alignment_weights(const lilaw_alignment_weights_args& args, void* memory, void* stream) {
  const Workspace workspace = Workspace::in(memory);
  const std::int64_t rows = args.batch.rows;
  AlignmentPass pass = {};
  LILAW_TRY(device_batch(args.batch, memory, &pass.batch));
  pass.tangents = args.tangents;
  pass.tangents_stride = args.tangents_stride;
  pass.alignments = args.alignments;
  pass.weights = args.weights;
  pass.block_sums = workspace.block_sums;

  unsigned blocks = 0;
  LILAW_TRY(with_element(args.batch.dtype, [&](auto element) {
    return with_rows<decltype(element)>(args.batch, [&](auto rows_of) {
      using Rows = typename decltype(rows_of)::Type;
      blocks = blocks_for<Rows>(rows);
      return launch(alignment_pass<Rows>, blocks, Rows::kBlock, stream, false, pass);
    });
  }));
  LILAW_TRY(launch(alignment_weights_result, 1, kFinishThreads, stream, true, workspace.block_sums, blocks,
                   workspace.positive, args.result));
  if (args.weights == nullptr) return LILAW_OK;
  const std::int64_t most = (rows + kFinishThreads - 1) / kFinishThreads;
  return launch(normalize_weights, static_cast<unsigned>(most < kMostBlocks ? most : kMostBlocks), kFinishThreads,
                stream, true, rows, workspace.positive, args.weights);
}

}  // namespace
}  // namespace lilaw::cuda

extern "C" lilaw_status lilaw_alignment_weights_cuda(const lilaw_alignment_weights_args* args, void* workspace,
                                                     void* stream) {
  LILAW_TRY(lilaw::check(args));
  return lilaw::cuda::alignment_weights(*args, workspace, stream);
}
