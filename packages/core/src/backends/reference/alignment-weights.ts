import type {
  AlignmentWeightsArgs,
  AlignmentWeightsOutputs,
  AlignmentWeightsScalars,
} from "../../backend.js";
import { lengthOf } from "../../typed-array.js";
import { rowLoss } from "./row-loss.js";

/**
 * L2RW (arXiv 1803.09050, algorithm 1): alignment = <dL/dz, tangent> of each row, clamped at 0 and
 * normalised to sum 1.
 */
export function alignmentWeights(
  args: AlignmentWeightsArgs,
  out: AlignmentWeightsOutputs,
): AlignmentWeightsScalars {
  const { classes, tangents } = args;
  const rows = rowLoss(args);
  const count = lengthOf(args.logits) / classes;
  const gradient = new Float64Array(classes);
  const alignments = new Float64Array(count);
  let positive = 0;
  let nonFiniteRows = 0;

  for (let i = 0; i < count; i++) {
    alignments[i] = Number.isNaN(rows.measure(i).loss) ? Number.NaN : align(i);
    if (!Number.isFinite(alignments[i])) {
      alignments[i] = Number.NaN;
      nonFiniteRows++;
    } else if (alignments[i]! > 0) positive += alignments[i]!;
  }
  if (out.alignments) for (let i = 0; i < count; i++) out.alignments[i] = alignments[i]!;
  if (out.weights) {
    // Without a positive alignment the divisor is 1 and every weight 0.
    const divisor = positive > 0 ? positive : 1;
    for (let i = 0; i < count; i++) out.weights[i] = Math.max(0, alignments[i]!) / divisor;
  }
  return { nonFiniteRows };

  function align(i: number): number {
    rows.gradient(1, 0, 0, gradient, 0);
    let dot = 0;
    for (let k = 0; k < classes; k++) dot += gradient[k]! * tangents[i * classes + k]!;
    return dot;
  }
}
