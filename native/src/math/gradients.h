/** The gradient of the objective on the logits of a row, from its loss and its weight. */
#pragma once

#include "weights.h"

namespace lilaw {

/** The gradient on the logits is by_loss * dL/dz + by_label_prob * du/dz + by_max_prob * dv/dz. */
template <class M>
struct RowFactors {
  typename M::Real by_loss;
  typename M::Real by_label_prob;
  typename M::Real by_max_prob;
};

/** Means over a batch for normalize = batch-mean; {1, 0} without it. */
struct BatchMeans {
  /** Mean weight of the finite rows */
  double weight;
  /** Normalised objective of the finite rows: the denominator pulls each weight towards it */
  double objective;
};

/** `full`: the gradient flows through the weight too. `factor` is the row's sample weight. */
template <class M>
LILAW_HD RowFactors<M> row_factors(const RowLoss<M>& row, const RowWeight<M>& weight, typename M::Real factor,
                                   const BatchMeans& means, double rows, bool full) {
  using Real = typename M::Real;
  const Real scale = M::splat(1 / (rows * means.weight));
  const Real by_weight = full ? scale * (factor * row.loss - M::splat(means.objective)) : M::splat(0);
  return {scale * factor * weight.total, by_weight * weight.by_label_prob, by_weight * weight.by_max_prob};
}

/**
 * A softmax row's gradient: every entry is scale * exp(z_k - max) + offset, except those of the label (`at_label`) and
 * of the largest logit (`at_top`). If both are the same class, its entry is `at_label`.
 */
template <class M>
struct SoftmaxGradient {
  typename M::Real scale;
  typename M::Real offset;
  typename M::Real at_top;
  typename M::Real at_label;
};

template <class M, class Mask>
LILAW_HD SoftmaxGradient<M> softmax_gradient(const RowLoss<M>& row, const RowFactors<M>& by,
                                             typename M::Real rest, Mask label_is_top, const SoftmaxLoss& kind) {
  using Real = typename M::Real;
  const Real top_prob = row.max_prob;
  // s - 1 of the largest class is -rest / (1 + rest), exact however close s is to 1.
  const Real top_minus_one = -rest * top_prob;
  const Real from_label = by.by_loss * row.loss_factor - by.by_label_prob * row.label_prob;
  const Real from_top = -by.by_max_prob * top_prob;
  const Real smooth = by.by_loss * M::splat(smoothing_of(kind));
  const Real offset = -smooth * M::splat(1 / kind.classes);
  const Real both = from_label + from_top;
  const Real apart = from_label * (row.label_prob - M::splat(1)) + from_top * row.label_prob;
  return {both * top_prob, offset, from_label * top_prob + from_top * top_minus_one + offset,
          (label_is_top ? both * top_minus_one : apart) + smooth + offset};
}

/**
 * The gradient of a row under a transition matrix is from_label * (s - P) + from_top * (s - e_top), where
 * P_k = s_k T_k / u is the probability of class k given the label. Without the matrix, P is e_label.
 */
template <class M>
struct TransitionFactors {
  typename M::Real from_label;
  typename M::Real from_top;
};

template <class M>
LILAW_HD TransitionFactors<M> transition_factors(const RowLoss<M>& row, const RowFactors<M>& by) {
  return {by.by_loss * row.loss_factor - by.by_label_prob * row.label_prob, -by.by_max_prob * row.max_prob};
}

/**
 * Every entry of that gradient is exp(z_k - max) * (scale + by_transition * T_k), except that of the largest logit.
 * Only for rows in which the sum of T_k exp(z_k - max) is accurate.
 */
template <class M>
struct TransitionGradient {
  typename M::Real scale;
  typename M::Real by_transition;
  typename M::Real at_top;
};

template <class M>
LILAW_HD TransitionGradient<M> transition_gradient(const TransitionFactors<M>& by, const TransitionStats<M>& stats,
                                                   typename M::Real top_prob) {
  using Real = typename M::Real;
  const Real share = by.from_label / (stats.at_top + stats.along);
  // s_top - P_top, which is 0 if all T_k are equal
  const Real top_apart = (stats.along - stats.at_top * stats.rest) * top_prob;
  return {(by.from_label + by.from_top) * top_prob, -share, share * top_apart - by.from_top * stats.rest * top_prob};
}

/**
 * The inner product of a row's loss gradient, under a transition matrix, with its tangent. s and P both sum to 1, so
 * the tangent of the largest logit is subtracted from each tangent.
 *
 * @param by_probs sum over k of s_k (t_k - t_top)
 * @param by_posterior sum over k of P_k (t_k - t_top)
 */
template <class M>
LILAW_HD typename M::Real transition_alignment(const RowLoss<M>& row, typename M::Real by_probs,
                                               typename M::Real by_posterior) {
  return row.loss_factor * (by_probs - by_posterior);
}

/** Sums over a row's tangents t, as L2RW needs them. */
template <class M>
struct TangentStats {
  /** sum over k != top of exp(z_k - max) t_k */
  typename M::Real rest;
  /** t_top and t_label */
  typename M::Real top;
  typename M::Real label;
  /** sum of t_k; read by label smoothing only */
  typename M::Real sum;
};

/** The inner product of a softmax row's loss gradient with its tangent. */
template <class M, class Mask>
LILAW_HD typename M::Real softmax_alignment(const RowLoss<M>& row, typename M::Real rest,
                                            const TangentStats<M>& tangent, Mask label_is_top,
                                            const SoftmaxLoss& kind) {
  using Real = typename M::Real;
  // If the label is the largest class, s_label - 1 is -rest / (1 + rest), and no product with s_label is formed.
  const Real together = (tangent.rest - rest * tangent.top) * row.max_prob;
  const Real apart = (tangent.rest + tangent.top) * row.max_prob - tangent.label;
  const Real smooth = M::splat(smoothing_of(kind)) * (tangent.label - tangent.sum * M::splat(1 / kind.classes));
  return row.loss_factor * (label_is_top ? together : apart) + smooth;
}

/** The one entry of a binary row. A tie (logit 0) counts as class 0. */
template <class M>
LILAW_HD typename M::Real binary_gradient(typename M::Real logit, typename M::Real side, const RowFactors<M>& by) {
  using Real = typename M::Real;
  const Sigmoids<M> label = sigmoids<M>(side * logit);
  const Real slope = label.of * label.of_negative;
  const Real top_side = logit > M::splat(0) ? M::splat(1) : M::splat(-1);
  return (by.by_label_prob * side + by.by_max_prob * top_side) * slope - by.by_loss * side * label.of_negative;
}

/** The one entry of a regression row. */
template <class M>
LILAW_HD typename M::Real regression_gradient(typename M::Real output, typename M::Real target, double range,
                                              const RowFactors<M>& by) {
  return by.by_loss * M::splat(2) * (output - target) + by.by_label_prob / M::splat(range);
}

/** Factors that all entries of a multi-label row share; `observed` is its number of labels. */
template <class M>
struct MultiLabelGradient {
  typename M::Real by_error;
  typename M::Real by_label;
  typename M::Real by_top;
};

template <class M>
LILAW_HD MultiLabelGradient<M> multi_label_gradient(const RowFactors<M>& by, typename M::Real observed,
                                                    double classes) {
  const auto weighted = observed > M::splat(0);
  const typename M::Real share =
      weighted ? M::splat(1) / (weighted ? observed : M::splat(1)) : M::splat(0);
  return {by.by_loss / M::splat(classes), by.by_label_prob * share, by.by_max_prob * share};
}

/** One entry. `label` is 1 if the class is observed, `top` is 1 if it is among the `observed` largest; else 0. */
template <class M>
LILAW_HD typename M::Real multi_label_entry(typename M::Real logit, typename M::Real label, typename M::Real top,
                                            const MultiLabelGradient<M>& by) {
  using Real = typename M::Real;
  const Sigmoids<M> p = sigmoids<M>(logit);
  // p - 1 as -sigmoid(-z): no digits lost near p = 1.
  const Real error = label > M::splat(0) ? -p.of_negative : p.of;
  return by.by_error * error + p.of * p.of_negative * (by.by_label * label + by.by_top * top);
}

}  // namespace lilaw
