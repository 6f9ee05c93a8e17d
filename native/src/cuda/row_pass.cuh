/**
 * The pass over a batch that weighted_loss and meta_gradient share. It computes loss, u, v and weight of every row, the
 * requested outputs, and the sums over the rows, which are added in two stages of fixed order without atomics.
 */
#pragma once

#include "launch_policy.h"
#include "runtime.h"

namespace lilaw::cuda {

/** Sums over the good rows of a batch, or of a block. */
struct RowSums {
  double weight;
  /** of weight * value, where value is the row's loss times its sample weight, or its coefficient */
  double weighted;
  /** of the weight's partial derivatives times value; with a batch mean, times value minus the objective */
  double by_alpha;
  double by_beta;
  double by_delta;
  std::int64_t non_finite;
  std::int64_t invalid;

  __device__ __forceinline__ bool all_good() const { return non_finite + invalid == 0; }
};

/**
 * Everything that a pass reads and writes. Pointers are to device memory; null for an absent input or an output that is
 * not wanted.
 */
struct RowPass {
  DeviceBatch batch;
  const lilaw_params* params;
  const BatchMeans* means;
  const float* sample_weights;
  const float* coefficients;
  bool full;
  float* losses;
  float* weights;
  float* label_probs;
  float* max_probs;
  std::int32_t* predictions;
  float* term_alpha;
  float* term_beta;
  float* term_delta;
  void* grad_logits;
  std::int64_t grad_stride;
  RowSums* block_sums;
};

/** The device memory that the operations work in. */
struct Workspace {
  RowSums* block_sums;
  BatchMeans* means;
  double* positive;

  /** Divides the memory of the caller, which has lilaw_cuda_workspace_bytes bytes. */
  static Workspace in(void* memory);
};

__device__ __forceinline__ RowSums add(const RowSums& a, const RowSums& b) {
  return {a.weight + b.weight,         a.weighted + b.weighted, a.by_alpha + b.by_alpha,
          a.by_beta + b.by_beta,       a.by_delta + b.by_delta, a.non_finite + b.non_finite,
          a.invalid + b.invalid};
}

/** The sum over the threads of a block. `group` is the whole block. */
template <int kThreads>
__device__ __forceinline__ RowSums add_up(Group<kThreads>& group, const RowSums& mine) {
  return {group.reduce(mine.weight, Sum()),   group.reduce(mine.weighted, Sum()),
          group.reduce(mine.by_alpha, Sum()), group.reduce(mine.by_beta, Sum()),
          group.reduce(mine.by_delta, Sum()), group.reduce(mine.non_finite, Sum()),
          group.reduce(mine.invalid, Sum())};
}

/** Adds up the sums of the blocks of the previous pass. Every thread of the block gets the total. */
template <int kThreads>
__device__ __forceinline__ RowSums total_of(const RowSums* block_sums, unsigned blocks) {
  __shared__ typename Group<kThreads>::Storage storage;
  Group<kThreads> group(storage);
  wait_for_previous_kernel();
  RowSums mine = {};
  for (unsigned i = threadIdx.x; i < blocks; i += kThreads) mine = add(mine, block_sums[i]);
  return add_up(group, mine);
}

/**
 * The sums of a block while it loops over its rows: one for each thread that is the first of a row's group. They are in
 * shared memory, since they would take 14 registers of every thread.
 */
template <class Rows>
class LeaderSums {
 public:
  __device__ __forceinline__ LeaderSums() {
    if (leads()) mine() = {};
  }

  __device__ __forceinline__ bool leads() const { return rank() < Rows::kRows; }

  /** The sums of such a thread */
  __device__ __forceinline__ RowSums& mine() const {
    __shared__ RowSums all[kRowsPerBlock<Rows>];
    return all[static_cast<int>(threadIdx.x) / Rows::kThreads * Rows::kRows + rank()];
  }

  /** Writes the sum over the block. */
  __device__ __forceinline__ void store(RowSums* block_sums) const {
    __shared__ typename Group<Rows::kBlock>::Storage storage;
    Group<Rows::kBlock> block(storage);
    const RowSums sums = add_up(block, leads() ? mine() : RowSums{});
    if (threadIdx.x == 0) block_sums[blockIdx.x] = sums;
  }

 private:
  static __device__ __forceinline__ int rank() { return static_cast<int>(threadIdx.x) % Rows::kThreads; }
};

/** Threads of the single block that completes an operation */
constexpr int kFinishThreads = 256;

__device__ __forceinline__ void put(float* out, std::int64_t row, double value) {
  if (out != nullptr) out[row] = static_cast<float>(value);
}

/** Writes the outputs of one row, and adds it to the sums. */
__device__ __forceinline__ void finish_row(const RowPass& pass, const Measured& m, const RowWeight<Reals>& w,
                                           double factor, const BatchMeans& means, RowSums& sums) {
  const bool good = m.state == RowState::kGood;
  put(pass.losses, m.row, m.loss.loss);
  put(pass.weights, m.row, good ? w.total / means.weight : kNaN);
  put(pass.label_probs, m.row, m.loss.label_prob);
  put(pass.max_probs, m.row, m.loss.max_prob);
  if (pass.predictions != nullptr) pass.predictions[m.row] = m.prediction;
  put(pass.term_alpha, m.row, w.alpha);
  put(pass.term_beta, m.row, w.beta);
  put(pass.term_delta, m.row, w.delta);

  if (m.state == RowState::kNonFinite) sums.non_finite++;
  if (m.state == RowState::kInvalidLabel) sums.invalid++;
  if (!good) return;
  const double value = pass.coefficients != nullptr ? pass.coefficients[m.row] : factor * m.loss.loss;
  sums.weight += w.total;
  sums.weighted += value * w.total;
  const double by_weight = value - means.objective;
  sums.by_alpha += by_weight * w.by_alpha;
  sums.by_beta += by_weight * w.by_beta;
  sums.by_delta += by_weight * w.by_delta;
}

template <class Rows>
__global__ void __launch_bounds__(Rows::kBlock, blocks_at_once<Rows>(kRowPassThreads)) row_pass(RowPass pass) {
  __shared__ typename Group<Rows::kThreads>::Storage storage;
  Group<Rows::kThreads> group(storage);
  Rows rows(group);
  LeaderSums<Rows> sums;
  const std::int64_t count = pass.batch.batch.rows;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kRowsPerBlock<Rows>;

  // All threads of a block take part in every round, those without a row too.
  for (std::int64_t base = static_cast<std::int64_t>(blockIdx.x) * kRowsPerBlock<Rows>; base < count;
       base += stride) {
    const std::int64_t first = base + static_cast<int>(threadIdx.x) / Rows::kThreads * Rows::kRows;
    const Measured m = rows.measure(pass.batch, first);
    const bool exists = m.state != RowState::kAbsent;
    const BatchMeans means = pass.means != nullptr ? *pass.means : BatchMeans{1, 0};
    const lilaw_params params = pass.params != nullptr ? *pass.params : lilaw_params{};
    const auto w = pass.params != nullptr && m.weighted
                       ? row_weight<Reals>(m.loss.label_prob, m.loss.max_prob, params.alpha, params.beta,
                                           params.delta)
                       : plain_weight<Reals>();
    const double factor = pass.sample_weights != nullptr && exists ? pass.sample_weights[m.row] : 1.0;
    if (sums.leads() && exists) finish_row(pass, m, w, factor, means, sums.mine());
    if (pass.grad_logits == nullptr) continue;
    const auto factors =
        row_factors<Reals>(m.loss, w, factor, means, static_cast<double>(count), pass.full && pass.params != nullptr);
    rows.write(static_cast<typename Rows::Element*>(pass.grad_logits), pass.grad_stride, factors);
  }

  sums.store(pass.block_sums);
}

/** Queues a pass. Returns the number of blocks, each of which has sums of its own. */
lilaw_status run_row_pass(const RowPass& pass, void* stream, unsigned* blocks);

/** The batch for the device, or the reason why it is refused. */
lilaw_status device_batch(const lilaw_batch& batch, const void* workspace, DeviceBatch* out);

}  // namespace lilaw::cuda
