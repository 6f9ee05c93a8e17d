/**
 * The operations as ops of the TensorFlow that tfjs-node has loaded: the native CPU kernels on TensorFlow's own
 * memory, without a copy. `native/src/tensorflow/ops.cpp` is the other side of every name here.
 */
import { type ErrorCode, LilawError, type TransitionMatrix } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { nodeBackend, type OpAttribute } from "../patches/node-backend.js";
import { type Kernels, kernelNames, movedBy } from "./contract.js";
import type { NativeModule } from "./find-native.js";

export function onTensorFlow({ opSettings }: NativeModule): Kernels {
  return {
    weightedLoss({ logits, labels, sampleWeights, moved }, attributes) {
      const { loss, gradient, normalize, rowValues } = attributes;
      const params = attributes.params && movedBy(attributes.params, valuesOf(moved));
      const transition = transitionTensor(attributes.transition);
      const settings = settingsTensor(
        opSettings({ loss, params, gradient, normalize, rowValues, transition: transition !== undefined }),
      );
      const inputs = [logits, labels, settings, sampleWeights, transition];
      const counts = {
        weight_tensors: sampleWeights !== undefined,
        transition_tensors: transition !== undefined,
        row_tensors: rowValues.length > 0,
      };
      return execute("weightedLoss", [settings, transition], inputs, counts, rowValues.length > 0 ? 3 : 2);
    },

    metaGradient({ logits, labels, coefficients, moved }, attributes) {
      const { loss } = attributes;
      const params = movedBy(attributes.params, valuesOf(moved));
      const transition = transitionTensor(attributes.transition);
      const settings = settingsTensor(opSettings({ loss, params, transition: transition !== undefined }));
      const inputs = [logits, labels, settings, coefficients, transition];
      const counts = {
        coefficient_tensors: coefficients !== undefined,
        transition_tensors: transition !== undefined,
      };
      return execute("metaGradient", [settings, transition], inputs, counts, 1);
    },

    alignmentWeights({ logits, tangents, labels }, attributes) {
      const { loss } = attributes;
      const transition = transitionTensor(attributes.transition);
      const settings = settingsTensor(
        opSettings({ loss, params: null, transition: transition !== undefined }),
      );
      const inputs = [logits, tangents, labels, settings, transition];
      const counts = { transition_tensors: transition !== undefined };
      return execute("alignmentWeights", [settings, transition], inputs, counts, 2);
    },
  };
}

/** `tf.tensor1d` without its checks, which take half of its time. */
const settingsTensor = (values: Float32Array): tf.Tensor =>
  tf.engine().makeTensor(values, [values.length], "float32");

function transitionTensor(transition: TransitionMatrix | null | undefined): tf.Tensor | undefined {
  if (transition == null) return undefined;
  const { classes, byLabelFloat32 } = transition;
  return tf.engine().makeTensor(byLabelFloat32, [classes, classes], "float32");
}

const valuesOf = (tensor: tf.TensorInfo | undefined) =>
  (tensor as tf.Tensor | undefined)?.dataSync<"float32">();

/**
 * Runs an op. TensorFlow infers the type of the labels; each attribute that is passed costs as much as a small batch.
 *
 * @param own inputs that were made for this call, disposed afterwards
 * @param inputs without those that are undefined
 * @param counts attributes that are 1 where true, and otherwise 0, their default
 */
function execute<K extends keyof Kernels>(
  kernel: K,
  own: (tf.Tensor | undefined)[],
  inputs: (tf.TensorInfo | undefined)[],
  counts: Record<string, boolean>,
  outputs: number,
): ReturnType<Kernels[K]> {
  const backend = nodeBackend();
  const attributes: OpAttribute[] = [];
  for (const count in counts) {
    if (counts[count]) attributes.push({ name: count, type: backend.binding.TF_ATTR_INT, value: 1 });
  }
  try {
    const given = inputs.filter((input) => input !== undefined);
    const results = backend.executeMultipleOutputs(kernelNames[kernel], attributes, given, outputs);
    return results as ReturnType<Kernels[K]>;
  } catch (error) {
    throw asLilawError(error as Error);
  } finally {
    tf.dispose(own as tf.Tensor[]);
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
