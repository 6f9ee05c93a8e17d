/** From the statistics of a row to its loss, its probabilities u and v, and what the gradient needs of them. */
#pragma once

#include "row_stats.h"

namespace lilaw {

/** What the methods need to know of a row under any loss. */
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

/** Cross-entropy (gamma = smoothing = 0), focal loss (gamma > 0) and label smoothing (smoothing > 0). */
struct SoftmaxLoss {
  double gamma;
  double smoothing;
  double classes;
};

template <class M>
LILAW_HD RowLoss<M> softmax_loss(const SoftmaxStats<M>& row, const SoftmaxLoss& kind) {
  using Real = typename M::Real;
  const Real one = M::splat(1);
  const Real top_prob = one / (one + row.rest);
  const Real log_partition = M::log1p(row.rest);
  const Real label_prob = M::exp(row.shifted_label) * top_prob;
  Real loss = log_partition - row.shifted_label;
  Real loss_factor = one;
  if (kind.gamma > 0) {
    // A label as large as the maximum may still be another class than `top`: then 1 - u is no small difference.
    const auto label_is_max = row.shifted_label == M::splat(0);
    const Real one_minus_u = label_is_max ? row.rest * top_prob : one - label_prob;
    const Real modulation = M::pow(one_minus_u, M::splat(kind.gamma));
    // CE / (1 - u) -> 1 as u -> 1.
    const auto certain = one_minus_u == M::splat(0);
    const Real ratio = certain ? one : loss / (certain ? one : one_minus_u);
    loss_factor = modulation * (one + M::splat(kind.gamma) * label_prob * ratio);
    loss = modulation * loss;
  }
  if (kind.smoothing > 0) {
    loss = log_partition - M::splat(1 - kind.smoothing) * row.shifted_label -
           M::splat(kind.smoothing / kind.classes) * row.shifted_sum;
  }
  return {loss, label_prob, top_prob, loss_factor};
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
