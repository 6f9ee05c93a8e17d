/**
 * The operations as ops of the TensorFlow that tfjs-node has loaded: the native CPU kernels on TensorFlow's own
 * memory, without a copy. `native/src/tensorflow/ops.cpp` is the other side of every name here.
 */
import { type ErrorCode, LilawError, type TensorFlowOps } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { nodeBackend, type OpAttribute } from "../patches/node-backend.js";
import { type Kernels, kernelNames, movedBy, rowValueNames } from "./contract.js";

export function onTensorFlow(ops: TensorFlowOps): Kernels {
  return {
    weightedLoss({ logits, labels, sampleWeights, moved }, attributes) {
      const { loss, gradient, normalize, rowValues } = attributes;
      const params = attributes.params && movedBy(attributes.params, valuesOf(moved));
      const rowMask = rowValues.reduce((bits, name) => bits | (1 << rowValueNames.indexOf(name)), 0);
      const settings = settingsTensor(ops.settings({ loss, params, gradient, normalize, rowMask }));
      const inputs = [logits, labels, settings, ...(sampleWeights ? [sampleWeights] : [])];
      const counts = { weight_tensors: sampleWeights !== undefined, row_tensors: rowMask > 0 };
      return execute("weightedLoss", settings, inputs, counts, rowMask > 0 ? 3 : 2);
    },

    metaGradient({ logits, labels, coefficients, moved }, { loss, params }) {
      const settings = settingsTensor(ops.settings({ loss, params: movedBy(params, valuesOf(moved)) }));
      const inputs = [logits, labels, settings, ...(coefficients ? [coefficients] : [])];
      return execute(
        "metaGradient",
        settings,
        inputs,
        { coefficient_tensors: coefficients !== undefined },
        1,
      );
    },

    alignmentWeights({ logits, tangents, labels }, { loss }) {
      const settings = settingsTensor(ops.settings({ loss, params: null }));
      return execute("alignmentWeights", settings, [logits, tangents, labels, settings], {}, 2);
    },
  };
}

/** `tf.tensor1d` without its checks, which take half of its time. */
const settingsTensor = (values: Float32Array): tf.Tensor =>
  tf.engine().makeTensor(values, [values.length], "float32");

const valuesOf = (tensor: tf.TensorInfo | undefined) =>
  (tensor as tf.Tensor | undefined)?.dataSync<"float32">();

/**
 * Runs an op. TensorFlow infers the type of the labels; each attribute that is passed costs as much as a small batch.
 *
 * @param settings one of its inputs, disposed afterwards
 * @param counts attributes that are 1 where true, and otherwise 0, their default
 */
function execute<K extends keyof Kernels>(
  kernel: K,
  settings: tf.Tensor,
  inputs: tf.TensorInfo[],
  counts: Record<string, boolean>,
  outputs: number,
): ReturnType<Kernels[K]> {
  const backend = nodeBackend();
  const attributes: OpAttribute[] = [];
  for (const count in counts) {
    if (counts[count]) attributes.push({ name: count, type: backend.binding.TF_ATTR_INT, value: 1 });
  }
  try {
    const results = backend.executeMultipleOutputs(kernelNames[kernel], attributes, inputs, outputs);
    return results as ReturnType<Kernels[K]>;
  } catch (error) {
    throw asLilawError(error as Error);
  } finally {
    settings.dispose();
  }
}

/** TensorFlow puts the message of an op into a longer one and has no error codes of this package. */
function asLilawError(error: Error): Error {
  const message = /Expected [^\n]*/.exec(error.message)?.[0];
  if (message === undefined) return error;
  return new LilawError(codeOf(message), message, { cause: error });
}

function codeOf(message: string): ErrorCode {
  if (message.includes(" for labels[")) return "LABEL_OUT_OF_RANGE";
  return message.startsWith("Expected memory ") ? "OUT_OF_MEMORY" : "INVALID_ARGUMENT";
}
