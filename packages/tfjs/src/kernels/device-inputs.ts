import { checks, expected, type Labels, type Loss, losses } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "./contract.js";

/**
 * Kernels on a device, with a check of their inputs: of shapes, and of labels that are still on the host. Labels on the device
 * cannot be read without waiting; the kernels return NaN for a row whose label is not valid.
 *
 * @throws LilawError `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `NON_FINITE`: from each of the kernels
 */
export function checkingInputs(kernels: Kernels): Kernels {
  return {
    weightedLoss(inputs, attributes) {
      const { logits, labels, sampleWeights, moved } = inputs;
      checkBatch(logits, labels, attributes.loss);
      checkLength("sampleWeights", sampleWeights, logits.shape[0]!);
      checkLength("moved", moved, 3);
      return kernels.weightedLoss(inputs, attributes);
    },

    metaGradient(inputs, attributes) {
      const { logits, labels, coefficients, moved } = inputs;
      checkBatch(logits, labels, attributes.loss);
      checkLength("coefficients", coefficients, logits.shape[0]!);
      checkLength("moved", moved, 3);
      return kernels.metaGradient(inputs, attributes);
    },

    alignmentWeights(inputs, attributes) {
      const { logits, tangents, labels } = inputs;
      checkBatch(logits, labels, attributes.loss);
      checkLength("tangents", tangents, tf.util.sizeFromShape(logits.shape));
      return kernels.alignmentWeights(inputs, attributes);
    },
  };
}

function checkBatch(logits: tf.TensorInfo, labels: tf.TensorInfo, loss: Loss): void {
  const [count, classes] = logits.shape as [number, number];
  checkLength("labels", labels, losses.labelTypeOf(loss) === "flags" ? count * classes : count);
  const values = hostValues(labels);
  if (values !== undefined) checks.checkLabels(values, loss, classes, count);
}

/** A wrong length would give wrong values without an error: WebGPU reads within the buffer whatever the index, and tfjs broadcasts. */
function checkLength(name: string, tensor: tf.TensorInfo | undefined, length: number): void {
  if (tensor === undefined) return;
  const received = tf.util.sizeFromShape(tensor.shape);
  if (received !== length) throw expected("LENGTH_MISMATCH", `${length}`, `${name}.length`, received);
}

/** The part of the backends webgpu and webgl that holds the values of a tensor until a program uploads them. */
interface DeviceBackend {
  tensorMap?: { get(dataId: object): { values?: unknown } };
  texData?: { get(dataId: object): { values?: unknown } };
}

function hostValues({ dataId }: tf.TensorInfo): Labels | undefined {
  const { tensorMap, texData } = tf.backend() as unknown as DeviceBackend;
  const values = (tensorMap ?? texData)?.get(dataId).values;
  return ArrayBuffer.isView(values) ? (values as Labels) : undefined;
}
