/**
 * Rows with any number of labels, each computed by a group of threads. Every step reads the row again, mostly from the
 * cache.
 */
#pragma once

#include "rows.cuh"

namespace lilaw::cuda {

/** Integers in the order of the floats: a larger float has a larger integer. -0 and 0 have the same. */
__device__ __forceinline__ std::uint32_t ordered(float x) {
  const std::uint32_t bits = __float_as_uint(x == 0 ? 0.0f : x);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

template <class T, int kThreads_, int kBlock_>
class MultiLabelRows {
 public:
  using Element = T;
  static constexpr int kThreads = kThreads_;
  static constexpr int kRows = 1;
  static constexpr int kBlock = kBlock_;
  static_assert(kThreads % kWarp == 0, "the threads of a warp go the same way");

  __device__ __forceinline__ explicit MultiLabelRows(Group<kThreads>& group) : group_(group) {}

  __device__ __forceinline__ Measured measure(const DeviceBatch& batch, std::int64_t row) {
    row_ = row;
    const bool exists = row < batch.batch.rows;
    all_classes_ = batch.classes();
    classes_ = exists ? all_classes_ : 0;
    logits_ = batch.logits<T>(exists ? row : 0);
    labels_ = static_cast<const std::uint8_t*>(batch.batch.labels) + (exists ? row : 0) * batch.batch.labels_stride;

    double loss = 0;
    double label_prob = 0;
    Top top = kNothing;
    int observed = 0;
    bool finite = true;
    bool valid = true;
    for_each([&](int k, float z, int y) {
      finite = finite && fabsf(z) < kInfinity;
      valid = valid && y <= 1;
      top = Larger()(top, {z, k});
      observed += y;
      // For a large z, softplus(z) - z would lose its digits.
      loss += softplus<Floats>(y != 0 ? -z : z);
      if (y != 0) label_prob += sigmoids<Floats>(z).of;
    });
    top = group_.reduce(top, Larger());
    observed_ = group_.reduce(observed, Sum());
    const bool all_finite = group_.reduce(finite ? 0 : 1, Sum()) == 0;
    const bool all_valid = group_.reduce(valid ? 0 : 1, Sum()) == 0;
    MultiLabelStats<Reals> stats;
    stats.loss_sum = group_.reduce(loss, Sum());
    stats.label_prob_sum = group_.reduce(label_prob, Sum());
    stats.observed = observed_;

    const RowState state = state_of(exists, all_finite, all_valid);
    good_ = state == RowState::kGood;
    find_top_classes(good_ ? observed_ : 0);
    double top_prob = 0;
    for_each([&](int k, float z, int) {
      if (is_top(k, z)) top_prob += sigmoids<Floats>(z).of;
    });
    stats.top_prob_sum = group_.reduce(top_prob, Sum());
    if (!good_) return {row, no_loss(), -1, state, true};
    return {row, multi_label_loss<Reals>(stats, all_classes_), top.index, state, observed_ > 0};
  }

  __device__ __forceinline__ void write(T* out, std::int64_t stride, const Factors& factors) {
    const auto by = gradient(factors);
    // The output may be the logits: a thread reads only the elements that it writes.
    T* const row = out + row_ * stride;
    for_each([&](int k, float z, int y) { row[k] = from_float<T>(entry(by, k, z, y)); });
  }

  __device__ __forceinline__ double dot(const T* tangents, std::int64_t stride, const Factors& factors) {
    const auto by = gradient(factors);
    const T* const row = tangents + row_ * stride;
    double sum = 0;
    for_each([&](int k, float z, int y) { sum += static_cast<double>(entry(by, k, z, y)) * to_float(row[k]); });
    return group_.reduce(sum, Sum());
  }

 private:
  using Floats = Scalar<float>;

  template <class Visit>
  __device__ __forceinline__ void for_each(Visit visit) const {
    for (int k = group_.rank(); k < classes_; k += kThreads) visit(k, to_float(logits_[k]), labels_[k]);
  }

  __device__ __forceinline__ MultiLabelGradient<Floats> gradient(const Factors& factors) const {
    const auto by = multi_label_gradient<Reals>(factors, observed_, all_classes_);
    return {static_cast<float>(by.by_error), static_cast<float>(by.by_label), static_cast<float>(by.by_top)};
  }

  __device__ __forceinline__ float entry(const MultiLabelGradient<Floats>& by, int k, float z, int y) const {
    return good_ ? multi_label_entry<Floats>(z, static_cast<float>(y), is_top(k, z) ? 1.0f : 0.0f, by) : kNaN;
  }

  /**
   * Finds the `count` largest logits; of equal ones those with the lowest index. They are the logits above a threshold,
   * and those equal to the threshold with an index below a limit. The threshold is the largest number that at least
   * `count` logits reach. It is found bit by bit, and so is the limit.
   */
  __device__ __forceinline__ void find_top_classes(int count) {
    threshold_ = 0;
    last_ = INT_MAX;
    if (count == 0) {
      threshold_ = UINT_MAX;
      return;
    }
    for (std::uint32_t bit = 0x80000000u; bit != 0; bit >>= 1) {
      const std::uint32_t candidate = threshold_ | bit;
      if (count_where([&](int, float z) { return ordered(z) >= candidate; }) >= count) threshold_ = candidate;
    }
    const int above = count_where([&](int, float z) { return ordered(z) > threshold_; });
    const int equal = count_where([&](int, float z) { return ordered(z) == threshold_; });
    if (above + equal == count) return;
    int last = 0;
    for (int bit = 1 << 30; bit != 0; bit >>= 1) {
      const int candidate = last | bit;
      const int before = count_where([&](int k, float z) { return ordered(z) == threshold_ && k < candidate; });
      if (above + before < count) last = candidate;
    }
    last_ = last;
  }

  __device__ __forceinline__ bool is_top(int k, float z) const {
    const std::uint32_t key = ordered(z);
    return key > threshold_ || (key == threshold_ && k <= last_);
  }

  template <class Holds>
  __device__ __forceinline__ int count_where(Holds holds) {
    int count = 0;
    for_each([&](int k, float z, int) { count += holds(k, z) ? 1 : 0; });
    return group_.reduce(count, Sum());
  }

  Group<kThreads>& group_;
  const T* logits_;
  const std::uint8_t* labels_;
  std::int64_t row_;
  int all_classes_;
  int classes_;
  int observed_;
  int last_;
  std::uint32_t threshold_;
  bool good_;
};

}  // namespace lilaw::cuda
