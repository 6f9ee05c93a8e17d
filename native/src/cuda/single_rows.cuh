/** Rows of one number: binary and regression. Each is computed by one thread. */
#pragma once

#include "rows.cuh"

namespace lilaw::cuda {

template <class T, int kBlock_>
class SingleRows {
 public:
  using Element = T;
  static constexpr int kThreads = 1;
  static constexpr int kRows = 1;
  static constexpr int kBlock = kBlock_;

  __device__ __forceinline__ explicit SingleRows(Group<1>&) {}

  __device__ __forceinline__ Measured measure(const DeviceBatch& batch, std::int64_t row) {
    row_ = row;
    exists_ = row < batch.batch.rows;
    binary_ = batch.batch.loss.kind == LILAW_BINARY;
    range_ = batch.batch.loss.parameters[0];
    target_ = 0;
    output_ = exists_ ? to_float(*batch.logits<T>(row)) : 0.0f;
    const bool valid = exists_ && read_label(batch);
    const bool finite = fabsf(output_) < kInfinity;
    const RowState state = state_of(exists_, finite, valid);
    if (state != RowState::kGood) return {row, loss_ = no_loss(), -1, state, true};
    loss_ = binary_ ? binary_loss<Reals>(output_, target_) : regression_loss<Reals>(output_, target_, range_);
    return {row, loss_, binary_ && output_ > 0 ? 1 : 0, state, true};
  }

  __device__ __forceinline__ void write(T* out, std::int64_t stride, const Factors& factors) {
    if (exists_) out[row_ * stride] = from_float<T>(static_cast<float>(gradient(factors)));
  }

  __device__ __forceinline__ double dot(const T* tangents, std::int64_t stride, const Factors& factors) {
    return exists_ ? gradient(factors) * to_float(tangents[row_ * stride]) : 0.0;
  }

 private:
  /** `target_` is the target, or 1 or -1 for the binary labels 1 and 0. */
  __device__ __forceinline__ bool read_label(const DeviceBatch& batch) {
    if (!binary_) {
      const float target = static_cast<const float*>(batch.batch.labels)[row_];
      target_ = target;
      return fabsf(target) < kInfinity;
    }
    const std::int32_t label = static_cast<const std::int32_t*>(batch.batch.labels)[row_];
    target_ = label == 1 ? 1 : -1;
    return label == 0 || label == 1;
  }

  __device__ __forceinline__ double gradient(const Factors& factors) const {
    // Of an invalid row only loss_ is NaN; the inputs of the gradient may be finite.
    if (loss_.loss != loss_.loss) return loss_.loss;
    return binary_ ? binary_gradient<Reals>(output_, target_, factors)
                   : regression_gradient<Reals>(output_, target_, range_, factors);
  }

  Loss loss_;
  double range_;
  double target_;
  float output_;
  std::int64_t row_;
  bool exists_;
  bool binary_;
};

}  // namespace lilaw::cuda
