/**
 * Statistics that one pass over a row of logits collects.
 *
 * With m = max z and `top` its lowest index, only rest = sum over k != top of exp(z_k - m) is accumulated. Then
 * 1 - v = rest / (1 + rest), exactly: forming 1 - s by subtraction would lose every digit of a confident row.
 */
#pragma once

#include "scalar.h"

namespace lilaw {

/** Maximum, its lowest index and the rest, of a part of a row; parts merge into the row in any order. */
template <class T>
struct PartialSoftmax {
  T max;
  std::int32_t top;
  T rest;
};

/** The part that consists of a single logit. */
template <class T>
LILAW_HD PartialSoftmax<T> partial_softmax(T logit, std::int32_t index) {
  return {logit, index, T(0)};
}

/** Merges two parts. Scalars only: for threads that each read a part of a row. */
template <class T>
LILAW_HD PartialSoftmax<T> merge(PartialSoftmax<T> a, PartialSoftmax<T> b) {
  const bool b_leads = b.max > a.max || (b.max == a.max && b.top < a.top);
  const PartialSoftmax<T> lead = b_leads ? b : a;
  const PartialSoftmax<T> other = b_leads ? a : b;
  const T scale = Scalar<T>::exp(other.max - lead.max);
  return {lead.max, lead.top, lead.rest + (T(1) + other.rest) * scale};
}

/** Statistics of a whole row. */
template <class M>
struct SoftmaxStats {
  /** sum over k != top of exp(z_k - max) */
  typename M::Real rest;
  /** z_label - max, <= 0 */
  typename M::Real shifted_label;
  /** sum of z_k - max; read by label smoothing only */
  typename M::Real shifted_sum;
};

/**
 * A row under a transition matrix; T_k is the probability of the observed label if k is the true class. All are sums of
 * terms of one sign, so no digits are lost.
 */
template <class M>
struct TransitionStats {
  /** sum over k != top of exp(z_k - max) */
  typename M::Real rest;
  /** T_top */
  typename M::Real at_top;
  /** sum over k != top of exp(z_k - max) T_k */
  typename M::Real along;
  /** sum over k != top of exp(z_k - max) (1 - T_k) */
  typename M::Real beside;
};

/** A multi-label row: sums over its classes. */
template <class M>
struct MultiLabelStats {
  /** sum of softplus(z_c) - y_c z_c */
  typename M::Real loss_sum;
  /** sum of the probabilities of the observed labels */
  typename M::Real label_prob_sum;
  /** sum of the `observed` largest probabilities */
  typename M::Real top_prob_sum;
  /** k: number of observed labels */
  typename M::Real observed;
};

}  // namespace lilaw
