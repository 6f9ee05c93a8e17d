/**
 * Rows of a softmax loss with a transition matrix, each computed by one block. Every step reads the row again, mostly
 * from the cache.
 */
#pragma once

#include "softmax_rows.cuh"

namespace lilaw::cuda {

template <class T, int kThreads_>
class TransitionRows {
 public:
  using Element = T;
  static constexpr int kThreads = kThreads_;
  static constexpr int kRows = 1;
  static constexpr int kBlock = kThreads_;

  __device__ __forceinline__ explicit TransitionRows(Group<kThreads>& group) : group_(group) {}

  __device__ __forceinline__ Measured measure(const DeviceBatch& batch, std::int64_t row) {
    row_ = row;
    classes_ = batch.classes();
    logits_ = batch.logits<T>(row);
    const Label label = read_label<T>(batch, row);
    transition_ = batch.batch.transition + static_cast<std::int64_t>(label.index) * batch.batch.transition_stride;

    bool finite = true;
    max_ = kNothing;
    Top likely = kNothing;
    for_each([&](int k, float z, float t) {
      finite = finite && fabsf(z) < kInfinity;
      max_ = Larger()(max_, {z, k});
      if (t > 0) likely = Larger()(likely, {z, k});
    });
    max_ = group_.reduce(max_, Larger());
    likely_ = group_.reduce(likely, Larger()).value;
    const bool all_finite = group_.reduce(finite ? 0 : 1, Sum()) == 0;

    double rest = 0;
    double joint = 0;
    double beside = 0;
    for_each([&](int k, float z, float t) {
      if (k == max_.index) return;
      const double e = exp_below<T>(z, max_.value);
      rest += e;
      beside += e * (1 - static_cast<double>(t));
      joint += joint_of(z, t);
    });
    rest_ = group_.reduce(rest, Sum());
    joint = group_.reduce(joint, Sum());
    beside = group_.reduce(beside, Sum());

    const RowState state = state_of(true, all_finite, label.valid);
    good_ = state == RowState::kGood;
    if (!good_) return {row, loss_ = no_loss(), -1, state, true};
    at_top_ = transition_[max_.index];
    joint_rest_ = joint;
    const double below = static_cast<double>(max_.value) - likely_;
    // A label that no class can have has probability 0. The joint probability of other labels may underflow; its
    // logarithm does not.
    const auto prob = likely_ == kNothing.value ? far_label_prob<Reals>(kNaN)
                      : below > kFarBelow
                          ? far_label_prob<Reals>(below - ::log(joint) + ::log1p(rest_))
                          : transition_label_prob<Reals>({rest_, at_top_, joint * ::exp(-below), beside});
    loss_ = transition_loss<Reals>(prob, rest_, batch.softmax);
    return {row, loss_, max_.index, state, true};
  }

  __device__ __forceinline__ void write(T* out, std::int64_t stride, const Factors& factors) {
    const Entries by = entries(factors);
    // The output may be the logits: a thread reads only the elements that it writes.
    T* const row = out + row_ * stride;
    for_each([&](int k, float z, float t) { row[k] = from_float<T>(static_cast<float>(entry(by, k, z, t))); });
  }

  __device__ __forceinline__ double dot(const T* tangents, std::int64_t stride, const Factors& factors) {
    const Entries by = entries(factors);
    const T* const row = tangents + row_ * stride;
    const double at_top = good_ ? to_float(row[max_.index]) : 0.0f;
    double sum = 0;
    // The entries of a row sum to 0, so the tangent of the largest logit can be subtracted from each.
    for_each([&](int k, float z, float t) { sum += entry(by, k, z, t) * (to_float(row[k]) - at_top); });
    return group_.reduce(sum, Sum());
  }

 private:
  /** Below this distance from the largest logit, the sum of the joint probabilities has no digits left. */
  static constexpr double kFarBelow = 60;

  /**
   * An entry of the gradient is by_exp * exp(z - max) - by_joint * T exp(z - likely), except that of the largest logit.
   * It is computed in float64, since by_joint exceeds float32 if T is very small.
   */
  struct Entries {
    double by_exp;
    double by_joint;
    double at_top;
  };

  template <class Visit>
  __device__ __forceinline__ void for_each(Visit visit) const {
    for (int k = group_.rank(); k < classes_; k += kThreads) visit(k, to_float(logits_[k]), transition_[k]);
  }

  /** T exp(z - likely) */
  __device__ __forceinline__ double joint_of(float z, float t) const {
    return t > 0 ? static_cast<double>(t) * exp_below<T>(z, likely_) : 0.0;
  }

  __device__ __forceinline__ Entries entries(const Factors& factors) const {
    const auto by = transition_factors<Reals>(loss_, factors);
    const double top_prob = loss_.max_prob;
    const double share = by.from_label / (at_top_ + joint_rest_);
    // s_top - P_top. P_top is 0 if the class of the largest logit cannot have the label.
    const double top_apart = at_top_ > 0 ? share * (joint_rest_ - at_top_ * rest_) * top_prob : by.from_label * top_prob;
    return {(by.from_label + by.from_top) * top_prob, share, top_apart - by.from_top * rest_ * top_prob};
  }

  __device__ __forceinline__ double entry(const Entries& by, int k, float z, float t) const {
    if (!good_) return kNaN;
    if (k == max_.index) return by.at_top;
    return by.by_exp * exp_below<T>(z, max_.value) - by.by_joint * joint_of(z, t);
  }

  Group<kThreads>& group_;
  const T* logits_;
  const float* transition_;
  std::int64_t row_;
  int classes_;
  Top max_;
  float likely_;
  double rest_;
  /** Entry of T for the class of the largest logit */
  double at_top_;
  /** sum over the other classes of T exp(z - likely) */
  double joint_rest_;
  Loss loss_;
  bool good_;
};

}  // namespace lilaw::cuda
