/** The weight of a row (LiLAW): W = sigmoid(a) + sigmoid(-b) + exp(-d^2 / 2), with its partial derivatives. */
#pragma once

#include "losses.h"

namespace lilaw {

template <class M>
struct RowWeight {
  typename M::Real alpha;
  typename M::Real beta;
  typename M::Real delta;
  typename M::Real total;
  /** dW/du and dW/dv */
  typename M::Real by_label_prob;
  typename M::Real by_max_prob;
  /** dW/dalpha, dW/dbeta, dW/ddelta */
  typename M::Real by_alpha;
  typename M::Real by_beta;
  typename M::Real by_delta;
};

/** a = alpha u - v, b = beta u - v, d = delta u - v. */
template <class M>
LILAW_HD RowWeight<M> row_weight(typename M::Real u, typename M::Real v, double alpha, double beta, double delta) {
  using Real = typename M::Real;
  const Sigmoids<M> a = sigmoids<M>(M::splat(alpha) * u - v);
  const Sigmoids<M> b = sigmoids<M>(M::splat(beta) * u - v);
  const Real d = M::splat(delta) * u - v;
  const Real bell = M::exp(M::splat(-0.5) * d * d);
  // The slope of a sigmoid as the product of both tails: 1 - sigmoid would lose the small one.
  const Real slope_alpha = a.of * a.of_negative;
  const Real slope_beta = b.of * b.of_negative;
  const Real slope_delta = d * bell;
  return {a.of,
          b.of_negative,
          bell,
          a.of + b.of_negative + bell,
          M::splat(alpha) * slope_alpha - M::splat(beta) * slope_beta - M::splat(delta) * slope_delta,
          slope_beta + slope_delta - slope_alpha,
          slope_alpha * u,
          -slope_beta * u,
          -slope_delta * u};
}

/** The weight of the plain loss, and of a multi-label row without labels: 1, whatever u and v. */
template <class M>
LILAW_HD RowWeight<M> plain_weight() {
  const typename M::Real zero = M::splat(0);
  return {zero, zero, zero, M::splat(1), zero, zero, zero, zero, zero};
}

}  // namespace lilaw
