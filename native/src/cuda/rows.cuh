/**
 * The rows of a batch under one loss. The kernels use every loss through the same members. A class of rows has
 *
 * - kThreads that work on a row together, kRows that they work on at once, kBlock threads in a block
 * - measure(batch, first): reads rows first ... first + kRows - 1 (those below batch.rows), and returns one of them,
 *   row first + rank % kRows, as its loss with u and v
 * - write(out, stride, factors): stores the gradients of all these rows; `factors` are those of the returned row
 * - dot(tangents, stride, factors): the inner product of the returned row's gradient with its tangent
 *
 * All threads of a block call these together. The few scalars of a row are computed in float64: on a confident row,
 * float32 would lose more digits of the weight and the gradient than the logits have lost.
 */
#pragma once

#include "../math/gradients.h"
#include "elements.cuh"
#include "row_reduce.cuh"

namespace lilaw::cuda {

/** The arithmetic of the scalars of a row. */
struct Reals : Scalar<double> {
  /** Precise enough for float32 results, without the registers and the function call of CUDA's pow. */
  static __device__ __forceinline__ double pow(double x, double y) {
    return x > 0 ? ::exp(y * ::log(x)) : y == 0 ? 1.0 : 0.0;
  }
};
using Loss = RowLoss<Reals>;
using Factors = RowFactors<Reals>;

enum class RowState : std::int32_t { kGood, kNonFinite, kInvalidLabel, kAbsent };

/** The values of a row that the operations need. */
struct Measured {
  std::int64_t row;
  Loss loss;
  std::int32_t prediction;
  RowState state;
  /** False if the weight is 1 by definition, as for a multi-label row without labels */
  bool weighted;
};

/** A batch in device memory. */
struct DeviceBatch {
  lilaw_batch batch;
  SoftmaxLoss softmax;

  template <class T>
  __device__ __forceinline__ const T* logits(std::int64_t row) const {
    return static_cast<const T*>(batch.logits) + row * batch.logits_stride;
  }
  __device__ __forceinline__ int classes() const { return static_cast<int>(batch.classes); }
};

/** A row with a non-finite logit or an invalid label. All results of it are NaN. */
__device__ __forceinline__ Loss no_loss() {
  return {kNaN, kNaN, kNaN, kNaN};
}

__device__ __forceinline__ RowState state_of(bool exists, bool finite, bool valid) {
  if (!exists) return RowState::kAbsent;
  if (!finite) return RowState::kNonFinite;
  return valid ? RowState::kGood : RowState::kInvalidLabel;
}

}  // namespace lilaw::cuda
