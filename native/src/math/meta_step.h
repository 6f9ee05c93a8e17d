/** The step of the three scalars along their meta-gradient (LiLAW, arXiv 2509.20786, algorithm 1). */
#pragma once

#include "lilaw.h"
#include "scalar.h"

namespace lilaw {

struct MetaStep {
  lilaw_params learning_rate;
  lilaw_params weight_decay;
  /** Keep delta >= beta and alpha >= 1 */
  bool clamp;
};

LILAW_HD double stepped(double p, double gradient, double learning_rate, double weight_decay) {
  return p - learning_rate * (gradient + weight_decay * p);
}

LILAW_HD bool is_finite_number(double x) { return x - x == 0; }
LILAW_HD bool are_finite(const lilaw_params& p) {
  return is_finite_number(p.alpha) && is_finite_number(p.beta) && is_finite_number(p.delta);
}

/**
 * Moves all three scalars, or none: if the gradient, the objective or a scalar after the step is NaN or infinite, the
 * scalars are unchanged and the result is false.
 */
LILAW_HD bool move(const MetaStep& step, const lilaw_meta_gradient_result& result, lilaw_params* params) {
  const lilaw_params& gradient = result.gradient;
  const lilaw_params& rate = step.learning_rate;
  const lilaw_params& decay = step.weight_decay;
  lilaw_params next = {stepped(params->alpha, gradient.alpha, rate.alpha, decay.alpha),
                       stepped(params->beta, gradient.beta, rate.beta, decay.beta),
                       stepped(params->delta, gradient.delta, rate.delta, decay.delta)};
  if (!are_finite(gradient) || !is_finite_number(result.objective) || !are_finite(next)) return false;
  if (step.clamp) {
    next.delta = next.delta < next.beta ? next.beta : next.delta;
    next.alpha = next.alpha < 1 ? 1 : next.alpha;
  }
  *params = next;
  return true;
}

}  // namespace lilaw
