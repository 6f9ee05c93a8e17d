import type { WeightedLossInput, WeightedLossOutputs } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import {
  type RowValueName,
  rowValueNames,
  WeightedLoss,
  type WeightedLossAttributes,
} from "../kernels/contract.js";
import { readsSynchronously, runKernel } from "../kernels/register.js";
import { labelTensor } from "./labels.js";

export type WeightedLossOptions = Omit<WeightedLossInput, "logits" | "classes" | "backend">;
type RowOutputs = Omit<WeightedLossOutputs<Float32Array>, "gradLogits">;

/**
 * The weighted loss of a batch as a differentiable tfjs operation: the scalar objective, whose gradient on the
 * logits is the closed form of `weightedLoss` in @lilaw/core (where all options, results and errors are described).
 * Per-row results are written to the arrays in `out`, on backends that read tensors synchronously.
 *
 * @param logits float32 [B, C]
 */
export function weightedLoss(
  logits: tf.Tensor2D,
  options: WeightedLossOptions,
  out: RowOutputs = {},
): tf.Scalar {
  const { loss = "cross-entropy", gradient = "full", normalize = "none", params } = options;
  const targets = rowTargets(out);
  const rowValues = rowValueNames.filter((name) => targets[name] !== undefined);
  const attributes: WeightedLossAttributes = { loss, params, gradient, normalize, rowValues };

  // Not a registered gradient: tfjs would make zeros for the gradients of all outputs, [B, C] among them.
  const operation = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [tf.Tensor2D, tf.GradSaveFunc];
    const labels = labelTensor(options.labels, loss, input.shape[0]);
    const sampleWeights = options.sampleWeights && tf.tensor1d(options.sampleWeights as Float32Array);
    const inputs = { logits: input, labels, ...(sampleWeights && { sampleWeights }) };
    const [objective, gradLogits, rows] = runKernel(WeightedLoss, inputs, attributes);
    if (rows !== undefined) copyRows(rows, rowValues, targets);
    tf.dispose([labels, sampleWeights ?? [], rows ?? []]);
    save([gradLogits!]);
    return {
      value: objective!,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => scaled(saved[0]!, dy),
    };
  });
  return operation(logits) as tf.Scalar;
}

/** The gradient times that of what follows; a pass over [B, C] less where this is the end. */
function scaled(gradLogits: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  const isOne = readsSynchronously() && dy.dataSync()[0] === 1;
  return isOne ? gradLogits.clone() : tf.mul(gradLogits, dy);
}

function rowTargets({ terms, ...out }: RowOutputs): Partial<Record<RowValueName, Float32Array | Int32Array>> {
  return { ...out, ...terms };
}

function copyRows(
  rows: tf.Tensor,
  names: readonly RowValueName[],
  targets: Partial<Record<RowValueName, Float32Array | Int32Array>>,
): void {
  const values = rows.dataSync<"float32">();
  const count = values.length / names.length;
  names.forEach((name, i) => {
    targets[name]!.set(values.subarray(i * count, (i + 1) * count));
  });
}
