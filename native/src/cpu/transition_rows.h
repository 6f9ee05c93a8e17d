/** Rows under a softmax loss with a transition matrix. */
#pragma once

#include "softmax_rows.h"

namespace {

/**
 * A loss of u, the probability of the observed label under a transition matrix.
 *
 * A row is "far" if nearly all of its probability is on classes that cannot give its label: the sum of exponentials for
 * u is then not accurate. Such a row is read again in doubles, relative to the largest of the classes that can give the
 * label, and its logits are not overwritten until its gradient is written.
 */
class TransitionRows : public SoftmaxBlock {
 public:
  explicit TransitionRows(const lilaw_batch& batch) : SoftmaxBlock(batch) {}

  void measure(std::int64_t first, int count, const Matrix& gradient) {
    any_far_ = false;
    find_largest(first, count);
    for (int slot = 0; slot < count; slot++) {
      const float* z = logits(first + slot);
      float* exps = gradient.row(first + slot);
      read_label_of(slot, first + slot);
      // If exponentials overwrote the logits, a far row could not be read again. It is therefore summed without them first.
      float* into = exps == z && may_be_far(slot) ? nullptr : exps;
      for (;;) {
        sum_row(slot, z, into);
        if (is_far(slot)) measure_far(slot, z);
        if (into == exps || far_[slot]) break;
        into = exps;
      }
    }
  }

  void measure_along(std::int64_t first, int count, const ConstMatrix& tangents) {
    any_far_ = false;
    find_largest(first, count);
    for (int slot = 0; slot < count; slot++) {
      read_label_of(slot, first + slot);
      const float* z = logits(first + slot);
      const float* tangent = tangents.row(first + slot);
      with_exp(slot, max_[slot], [&](const auto& exp) {
        const TransitionSumsAlong sums =
            sum_of_rest_along_under(z, tangent, transition(slot), batch_.classes, exp, top_[slot]);
        set_sums(slot, sums.of);
        tangent_rest_[slot] = sums.tangent;
        tangent_along_[slot] = sums.tangent_along;
      });
      tangent_top_[slot] = tangent[top_[slot]];
      if (!is_far(slot)) continue;
      measure_far(slot, z);
      posterior_tangent_[slot] = posterior_along(slot, z, tangent);
    }
  }

  RowLoss loss(int at) const {
    const auto near = lilaw::transition_label_prob<Lanes>(stats(at));
    if (!any_far_) return lilaw::transition_loss<Lanes>(near, rest(at), kind_);
    const auto distant = lilaw::far_label_prob<Lanes>(minus_log_u_.lanes(at));
    const Longs far = load<Longs>(far_ + at) != 0;
    return lilaw::transition_loss<Lanes>({far ? distant.u : near.u, far ? distant.one_minus_u : near.one_minus_u,
                                          far ? distant.minus_log_u : near.minus_log_u},
                                         rest(at), kind_);
  }

  Reals align(int at, const RowLoss& loss) const {
    const auto s = stats(at);
    const Reals top = tangent_top_.lanes(at);
    const Reals by_probs = (tangent_rest_.lanes(at) * exp_factor(at) - s.rest * top) * loss.max_prob;
    const Reals by_posterior = (tangent_along_.lanes(at) * exp_factor(at) - s.along * top) / (s.at_top + s.along);
    const Longs far = load<Longs>(far_ + at) != 0;
    return lilaw::transition_alignment<Lanes>(loss, by_probs, far ? posterior_tangent_.lanes(at) - top : by_posterior);
  }

  void prepare(int at, const RowLoss& loss, const RowFactors& factors) {
    const auto by = lilaw::transition_factors<Lanes>(loss, factors);
    const auto gradient = lilaw::transition_gradient<Lanes>(by, stats(at), loss.max_prob);
    from_label_.set_lanes(at, by.from_label);
    from_top_.set_lanes(at, by.from_top);
    top_prob_.set_lanes(at, loss.max_prob);
    rest_prob_.set_lanes(at, rest(at) * loss.max_prob);
    scale_.set_lanes(at, gradient.scale * exp_factor(at));
    by_transition_.set_lanes(at, gradient.by_transition * exp_factor(at));
    at_top_.set_lanes(at, gradient.at_top);
  }

  void write(int slot, std::int64_t row, float* gradient) {
    if (far_[slot]) return write_far(slot, logits(row), gradient);
    scale_row_under(gradient, transition(slot), batch_.classes, scale_[slot], by_transition_[slot]);
    gradient[top_[slot]] = static_cast<float>(at_top_[slot]);
  }

 private:
  /** A row is not far if the class of its largest logit gives the label with at least this probability, */
  static constexpr float kLeastProb = 1e-6f;
  /**
   * or if its sum is at least 1e-11: exponentials that are 0 in float32 then do not show in the gradient. Sums are too
   * large by 2^kExtraExponent.
   */
  static constexpr double kLeastSum = 1e-11 * 0x1p64;
  static_assert(kExtraExponent == 64);

  /** Probabilities of the row's label given each true class. */
  const float* transition(int slot) const {
    return row_of<float>(batch_.transition, batch_.transition_stride, label_[slot]);
  }

  void read_label_of(int slot, std::int64_t row) {
    label_[slot] = class_label(row);
    transition_top_[slot] = transition(slot)[top_[slot]];
    far_[slot] = 0;
  }

  bool may_be_far(int slot) const {
    return transition_top_[slot] < kLeastProb && finite_number(static_cast<float>(max_[slot]));
  }

  /** Whether a row that has been summed is far. */
  bool is_far(int slot) const { return may_be_far(slot) && along_[slot] < kLeastSum; }

  /** Sums the exponentials of a row, and writes them to `exps` unless that is null. */
  inline __attribute__((always_inline)) void sum_row(int slot, const float* z, float* exps) {
    with_exp(slot, max_[slot], [&](const auto& exp) {
      set_sums(slot, exps != nullptr
                         ? sum_of_rest_under<true>(z, transition(slot), batch_.classes, exp, top_[slot], exps)
                         : sum_of_rest_under<false>(z, transition(slot), batch_.classes, exp, top_[slot], nullptr));
    });
  }

  void set_sums(int slot, const TransitionSums& sums) {
    rest_[slot] = sums.rest();
    along_[slot] = sums.along;
    beside_[slot] = sums.beside;
  }

  lilaw::TransitionStats<Lanes> stats(int at) const {
    const Reals factor = exp_factor(at);
    return {rest_.lanes(at) * factor, transition_top_.lanes(at), along_.lanes(at) * factor, beside_.lanes(at) * factor};
  }

  /** log(T_k exp(z_k)) from `k` on; a very low number if T_k is 0, and beyond the end of the row. */
  Reals log_joint(const float* z, const float* transition, std::int64_t k) const {
    Reals logit = Lanes::splat(0);
    Reals prob = Lanes::splat(0);
    for (int i = 0; i < kRealLanes && k + i < batch_.classes; i++) {
      logit[i] = z[k + i];
      prob[i] = transition[k + i];
    }
    const Longs possible = prob > 0.0;
    return possible ? logit + Lanes::log(possible ? prob : Lanes::splat(1)) : Lanes::splat(-__DBL_MAX__);
  }

  /** Computes the logarithm of the sum of T_k exp(z_k), and its distance from that of the sum of exp(z_k). */
  void measure_far(int slot, const float* z) {
    far_[slot] = 1;
    any_far_ = true;
    const float* t = transition(slot);
    double most = -__DBL_MAX__;
    for (std::int64_t k = 0; k < batch_.classes; k += kRealLanes) {
      const Reals joint = log_joint(z, t, k);
      for (int i = 0; i < kRealLanes; i++) most = joint[i] > most ? joint[i] : most;
    }
    Reals sum{};
    for (std::int64_t k = 0; k < batch_.classes; k += kRealLanes) sum += Lanes::exp(log_joint(z, t, k) - most);
    // A label that no class gives has no probability, so all results of its row are NaN.
    log_joint_[slot] = most > -__DBL_MAX__ ? most + Lanes::log(Lanes::splat(sum_lanes(sum)))[0] : kNaN;
    const Reals rest = rest_[slot] * Lanes::exp(Lanes::splat(-exp_remainder_[slot]));
    minus_log_u_[slot] = (max_[slot] - log_joint_[slot]) + Lanes::log1p(rest)[0];
  }

  double posterior_along(int slot, const float* z, const float* tangent) const {
    Reals sum{};
    for (std::int64_t k = 0; k < batch_.classes; k += kRealLanes) {
      const Reals posterior = Lanes::exp(log_joint(z, transition(slot), k) - log_joint_[slot]);
      for (int i = 0; i < kRealLanes && k + i < batch_.classes; i++) sum[i] += posterior[i] * tangent[k + i];
    }
    return sum_lanes(sum);
  }

  /** `z` may be `gradient`: each part of the row is read before it is written. */
  void write_far(int slot, const float* z, float* gradient) const {
    const double from_label = from_label_[slot];
    const double from_top = from_top_[slot];
    double top_posterior = 0;
    for (std::int64_t k = 0; k < batch_.classes; k += kRealLanes) {
      const Reals posterior = Lanes::exp(log_joint(z, transition(slot), k) - log_joint_[slot]);
      Reals shifted{};
      for (int i = 0; i < kRealLanes && k + i < batch_.classes; i++) shifted[i] = z[k + i] - max_[slot];
      const Reals prob = Lanes::exp(shifted) * top_prob_[slot];
      const Reals entry = from_label * (prob - posterior) + from_top * prob;
      for (int i = 0; i < kRealLanes && k + i < batch_.classes; i++) {
        if (k + i == top_[slot]) top_posterior = posterior[i];
        gradient[k + i] = static_cast<float>(entry[i]);
      }
    }
    gradient[top_[slot]] =
        static_cast<float>(from_label * (top_prob_[slot] - top_posterior) - from_top * rest_prob_[slot]);
  }

  std::int64_t far_[kMaxBlockRows] = {};
  bool any_far_ = false;
  Column transition_top_, along_, beside_, minus_log_u_, log_joint_;
  Column tangent_rest_, tangent_along_, tangent_top_, posterior_tangent_;
  Column from_label_, from_top_, top_prob_, rest_prob_, scale_, by_transition_, at_top_;
};

}  // namespace
