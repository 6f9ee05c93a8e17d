import type { MetaGradient, MetaGradientArgs } from "../../backend.js";
import { lengthOf } from "../../typed-array.js";
import { rowLoss } from "./row-loss.js";
import { plainWeight, rowWeigher } from "./row-weight.js";

/** LiLAW, algorithm 1, line 3: the direct partials of the weighted validation loss by the three scalars. */
export function metaGradient(args: MetaGradientArgs): MetaGradient {
  const rows = rowLoss(args);
  const weigh = rowWeigher(args.params);
  const count = lengthOf(args.logits) / args.classes;
  const sum: MetaGradient = { alpha: 0, beta: 0, delta: 0, objective: 0, nonFiniteRows: 0 };

  for (let i = 0; i < count; i++) {
    const row = rows.measure(i);
    if (Number.isNaN(row.loss)) sum.nonFiniteRows++;
    const coefficient = args.coefficients?.[i] ?? row.loss;
    // A coefficient that is not finite shows even where the weight is 1 by definition, as on every backend.
    const w = row.weighted ? weigh(row.labelProb, row.maxProb) : plainWeight;
    sum.objective += coefficient * w.total;
    sum.alpha += coefficient * w.byAlpha;
    sum.beta += coefficient * w.byBeta;
    sum.delta += coefficient * w.byDelta;
  }
  sum.alpha /= count;
  sum.beta /= count;
  sum.delta /= count;
  sum.objective /= count;
  return sum;
}
