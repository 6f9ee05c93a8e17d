import type { WeightedLossArgs, WeightedLossOutputs, WeightedLossScalars } from "../../backend.js";
import { lengthOf } from "../../typed-array.js";
import { rowLoss } from "./row-loss.js";
import { plainWeight, rowWeigher } from "./row-weight.js";

/** LiLAW (arXiv 2509.20786, algorithm 1, line 1) in one pass over the rows; in two with batch-mean normalisation. */
export function weightedLoss(args: WeightedLossArgs, out: WeightedLossOutputs): WeightedLossScalars {
  const { classes, params, gradient, sampleWeights } = args;
  const rows = rowLoss(args);
  const weigh = params === null ? null : rowWeigher(params);
  const count = lengthOf(args.logits) / classes;
  const batch = args.normalize === "batch-mean" && params !== null ? batchMeans(args, count) : null;
  const meanWeight = batch?.weight ?? 1;
  const by = { alpha: 0, beta: 0, delta: 0 };
  let sum = 0;
  let nonFiniteRows = 0;

  for (let i = 0; i < count; i++) {
    const row = rows.measure(i);
    const nonFinite = Number.isNaN(row.loss);
    if (nonFinite) nonFiniteRows++;
    const w = weigh !== null && row.weighted ? weigh(row.labelProb, row.maxProb) : plainWeight;
    const weight = nonFinite ? Number.NaN : w.total;
    const factor = sampleWeights?.[i] ?? 1;
    sum += factor * (weight / meanWeight) * row.loss;
    // d(objective)/dW of this row: the batch mean in the denominator pulls towards the objective.
    const byWeight = factor * row.loss - (batch?.objective ?? 0);
    // Also if the derivatives are 0, so that a sample weight that is not finite shows on every backend.
    by.alpha += byWeight * w.byAlpha;
    by.beta += byWeight * w.byBeta;
    by.delta += byWeight * w.byDelta;

    if (out.losses) out.losses[i] = row.loss;
    if (out.weights) out.weights[i] = weight / meanWeight;
    if (out.labelProbs) out.labelProbs[i] = row.labelProb;
    if (out.maxProbs) out.maxProbs[i] = row.maxProb;
    if (out.predictions) out.predictions[i] = row.prediction;
    if (out.terms) {
      out.terms.alpha[i] = w.alpha;
      out.terms.beta[i] = w.beta;
      out.terms.delta[i] = w.delta;
    }
    if (out.gradLogits) {
      const at = i * classes;
      if (nonFinite) {
        for (let k = at; k < at + classes; k++) out.gradLogits[k] = Number.NaN;
        continue;
      }
      const scale = 1 / (count * meanWeight);
      const flow = gradient === "full" && weigh !== null ? scale * byWeight : 0;
      rows.gradient(scale * factor * weight, flow * w.byLabelProb, flow * w.byMaxProb, out.gradLogits, at);
    }
  }
  const divisor = nonFiniteRows > 0 ? Number.NaN : count * meanWeight;
  const gradParams = { alpha: by.alpha / divisor, beta: by.beta / divisor, delta: by.delta / divisor };
  return { objective: sum / count, gradParams, nonFiniteRows };
}

/** Mean weight and normalised objective over the finite rows, so that a NaN row does not affect the others. */
function batchMeans(args: WeightedLossArgs, count: number): { weight: number; objective: number } {
  const rows = rowLoss(args);
  const weigh = rowWeigher(args.params!);
  let weights = 0;
  let weighted = 0;
  let finite = 0;
  for (let i = 0; i < count; i++) {
    const row = rows.measure(i);
    if (Number.isNaN(row.loss)) continue;
    const weight = row.weighted ? weigh(row.labelProb, row.maxProb).total : 1;
    finite++;
    weights += weight;
    weighted += (args.sampleWeights?.[i] ?? 1) * weight * row.loss;
  }
  return { weight: weights / finite, objective: weighted / weights };
}
