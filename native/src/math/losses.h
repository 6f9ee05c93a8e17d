/** The loss of a row, its probabilities u and v, and the factors of its gradient, from the statistics of the row. */
#pragma once

#include "lilaw.h"
#include "row_stats.h"

namespace lilaw {

/** The values of a row that the methods use, under any loss. */
template <class M>
struct RowLoss {
  typename M::Real loss;
  /** u */
  typename M::Real label_prob;
  /** v */
  typename M::Real max_prob;
  /** Softmax losses: dL/dz = loss_factor * (s - e_label), before smoothing. Others: 1. */
  typename M::Real loss_factor;
};

/** Logistic functions of x and of -x from one exponential, accurate in both tails. */
template <class M>
struct Sigmoids {
  typename M::Real of;
  typename M::Real of_negative;
};

template <class M>
LILAW_HD Sigmoids<M> sigmoids(typename M::Real x) {
  using Real = typename M::Real;
  const Real small = M::exp(-M::abs(x));
  const Real large_side = M::splat(1) / (M::splat(1) + small);
  const Real small_side = small * large_side;
  const auto positive = x >= M::splat(0);
  return {positive ? large_side : small_side, positive ? small_side : large_side};
}

/** log(1 + exp(x)) without overflow. */
template <class M>
LILAW_HD typename M::Real softplus(typename M::Real x) {
  return (x > M::splat(0) ? x : M::splat(0)) + M::log1p(M::exp(-M::abs(x)));
}

/** A softmax loss, with the values of the batch that it depends on. */
struct SoftmaxLoss {
  lilaw_loss loss;
  double classes;
};

/** The smoothing of label smoothing; 0 for other losses. */
LILAW_HD double smoothing_of(const SoftmaxLoss& kind) {
  return kind.loss.kind == LILAW_LABEL_SMOOTHING ? kind.loss.parameters[0] : 0;
}

/** The probability u of the observed label, in the three forms that together keep all digits near 0 and near 1. */
template <class M>
struct LabelProb {
  typename M::Real u;
  typename M::Real one_minus_u;
  /** -log u: the cross-entropy */
  typename M::Real minus_log_u;
};

/** A loss f(u): its gradient on the logits is `factor` times that of the cross-entropy. */
template <class M>
struct LossOfLabelProb {
  typename M::Real loss;
  /** -f'(u) u */
  typename M::Real factor;
};

template <class M>
LILAW_HD LossOfLabelProb<M> loss_of_label_prob(const LabelProb<M>& p, const lilaw_loss& loss) {
  using Real = typename M::Real;
  const Real one = M::splat(1);
  switch (loss.kind) {
    case LILAW_FOCAL: {
      const Real gamma = M::splat(loss.parameters[0]);
      const Real modulation = M::pow(p.one_minus_u, gamma);
      // CE / (1 - u) -> 1 as u -> 1.
      const auto certain = p.one_minus_u == M::splat(0);
      const Real ratio = certain ? one : p.minus_log_u / (certain ? one : p.one_minus_u);
      return {modulation * p.minus_log_u, modulation * (one + gamma * p.u * ratio)};
    }
    case LILAW_GENERALIZED_CROSS_ENTROPY: {
      const Real minus_log_power = M::splat(loss.parameters[0]) * p.minus_log_u;
      return {-M::expm1(-minus_log_power) / M::splat(loss.parameters[0]), M::exp(-minus_log_power)};
    }
    case LILAW_SYMMETRIC_CROSS_ENTROPY: {
      const Real forward = M::splat(loss.parameters[0]);
      const Real reverse = M::splat(-loss.parameters[1] * loss.parameters[2]);
      return {forward * p.minus_log_u + reverse * p.one_minus_u, forward + reverse * p.u};
    }
    case LILAW_MEAN_ABSOLUTE_ERROR:
      return {M::splat(2) * p.one_minus_u, M::splat(2) * p.u};
    default:
      return {p.minus_log_u, one};
  }
}

template <class M>
LILAW_HD RowLoss<M> softmax_loss(const SoftmaxStats<M>& row, const SoftmaxLoss& kind) {
  using Real = typename M::Real;
  const Real one = M::splat(1);
  const Real top_prob = one / (one + row.rest);
  const Real log_partition = M::log1p(row.rest);
  const Real label_prob = M::exp(row.shifted_label) * top_prob;
  if (kind.loss.kind == LILAW_LABEL_SMOOTHING) {
    const double smoothing = smoothing_of(kind);
    const Real loss = log_partition - M::splat(1 - smoothing) * row.shifted_label -
                      M::splat(smoothing / kind.classes) * row.shifted_sum;
    return {loss, label_prob, top_prob, one};
  }
  // A label whose logit equals the maximum may still be another class than `top`; then 1 - u is no small difference.
  const auto label_is_max = row.shifted_label == M::splat(0);
  const Real one_minus_u = label_is_max ? row.rest * top_prob : one - label_prob;
  const auto f = loss_of_label_prob<M>({label_prob, one_minus_u, log_partition - row.shifted_label}, kind.loss);
  return {f.loss, label_prob, top_prob, f.factor};
}

/** The probability of the observed label under a transition matrix. */
template <class M>
LILAW_HD LabelProb<M> transition_label_prob(const TransitionStats<M>& row) {
  using Real = typename M::Real;
  const Real one = M::splat(1);
  const Real top_prob = one / (one + row.rest);
  const Real u = (row.at_top + row.along) * top_prob;
  const Real one_minus_u = ((one - row.at_top) + row.beside) * top_prob;
  // Where u is likely its logarithm is that of 1 - (1 - u), whose rounding is undone by a ratio, as in log1p.
  const auto likely = u > M::splat(0.5);
  const Real rounded = likely ? one - one_minus_u : u;
  const auto certain = rounded == one;
  const Real ratio = likely ? one_minus_u / (certain ? one : one - rounded) : one;
  // The last term makes it NaN where u is.
  const Real minus_log_u = (certain ? one_minus_u : -M::log(rounded) * ratio) + (u - u);
  return {u, one_minus_u, minus_log_u};
}

/** The same if the classes that the label may come from are so far below the largest that their sum is not accurate. */
template <class M>
LILAW_HD LabelProb<M> far_label_prob(typename M::Real minus_log_u) {
  const typename M::Real u = M::exp(-minus_log_u);
  return {u, M::splat(1) - u, minus_log_u};
}

template <class M>
LILAW_HD RowLoss<M> transition_loss(const LabelProb<M>& p, typename M::Real rest, const SoftmaxLoss& kind) {
  const auto f = loss_of_label_prob<M>(p, kind.loss);
  return {f.loss, p.u, M::splat(1) / (M::splat(1) + rest), f.factor};
}

/** One logit a row; `side` is 1 for label 1 and -1 for label 0. */
template <class M>
LILAW_HD RowLoss<M> binary_loss(typename M::Real logit, typename M::Real side) {
  const auto label = sigmoids<M>(side * logit);
  const auto label_wins = label.of > label.of_negative;
  return {softplus<M>(-side * logit), label.of, label_wins ? label.of : label.of_negative, M::splat(1)};
}

/** Squared error. The weights read u = output / range and v = target / range; v does not depend on the model. */
template <class M>
LILAW_HD RowLoss<M> regression_loss(typename M::Real output, typename M::Real target, double range) {
  const typename M::Real error = output - target;
  return {error * error, output / M::splat(range), target / M::splat(range), M::splat(1)};
}

/** Sigmoid cross-entropy, mean over the classes; u and v are 0 in a row without labels. */
template <class M>
LILAW_HD RowLoss<M> multi_label_loss(const MultiLabelStats<M>& row, double classes) {
  const typename M::Real none = M::splat(0);
  const auto weighted = row.observed > none;
  const typename M::Real share = M::splat(1) / (weighted ? row.observed : M::splat(1));
  return {row.loss_sum / M::splat(classes), row.label_prob_sum * share, row.top_prob_sum * share, M::splat(1)};
}

}  // namespace lilaw
