/**
 * The operations as ops of the TensorFlow that tfjs-node has loaded: the native CPU kernels on TensorFlow's own
 * memory, without a copy. `native/src/tensorflow/ops.cpp` is the other side of every name and number here.
 */
import { LilawError, type LilawParams, type Loss } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import {
  AlignmentWeights,
  type Kernels,
  MetaGradient,
  movedBy,
  rowValueNames,
  split,
  WeightedLoss,
} from "./contract.js";
import { nodeBackend, type OpAttribute } from "./node-backend.js";

const lossKinds = {
  "cross-entropy": 0,
  focal: 1,
  "label-smoothing": 2,
  binary: 3,
  "multi-label": 4,
  regression: 5,
};

export const onTensorFlow: Kernels = {
  weightedLoss({ logits, labels, sampleWeights, moved }, { loss, params, gradient, normalize, rowValues }) {
    const mask = rowValueNames.reduce((bits, name, i) => bits | (rowValues.includes(name) ? 1 << i : 0), 0);
    const attributes = {
      gradient: gradient === "full" ? 0 : 1,
      normalize: normalize === "none" ? 0 : 1,
      weighted: params === null ? 0 : 1,
      row_mask: mask,
      row_tensors: mask === 0 ? 0 : 1,
    };
    return execute(WeightedLoss, loss, attributes, labels, mask === 0 ? 2 : 3, (settings, none) => [
      logits,
      labels,
      settings(params && movedBy(params, valuesOf(moved))),
      sampleWeights ?? none(),
    ]);
  },

  metaGradient({ logits, labels, coefficients, moved }, { loss, params }) {
    return execute(MetaGradient, loss, {}, labels, 1, (settings, none) => [
      logits,
      labels,
      settings(movedBy(params, valuesOf(moved))),
      coefficients ?? none(),
    ]);
  },

  alignmentWeights({ logits, tangents, labels }, { loss }) {
    return execute(AlignmentWeights, loss, {}, labels, 2, (settings) => [
      logits,
      tangents,
      labels,
      settings(null),
    ]);
  },
};

const valuesOf = (tensor: tf.TensorInfo | undefined) =>
  (tensor as tf.Tensor | undefined)?.dataSync<"float32">();

/** Runs an op. What it needs beside its inputs is made for it and disposed after it. */
function execute(
  name: string,
  loss: Loss,
  attributes: Record<string, number>,
  labels: tf.TensorInfo,
  outputs: number,
  inputs: (settings: (params: LilawParams | null) => tf.Tensor, none: () => tf.Tensor) => tf.TensorInfo[],
): tf.Tensor[] {
  const backend = nodeBackend();
  const { binding } = backend;
  const made: tf.Tensor[] = [];
  const keep = (tensor: tf.Tensor): tf.Tensor => {
    made.push(tensor);
    return tensor;
  };
  const kind = typeof loss === "string" ? loss : loss.kind;
  const list: OpAttribute[] = [
    {
      name: "T",
      type: binding.TF_ATTR_TYPE,
      value: labels.dtype === "int32" ? binding.TF_INT32 : binding.TF_FLOAT,
    },
    ...Object.entries({ loss: lossKinds[kind], ...attributes }).map(([attribute, value]) => ({
      name: attribute,
      type: binding.TF_ATTR_INT,
      value,
    })),
  ];
  try {
    const tensors = inputs(
      (params) => keep(tf.tensor1d(settingsOf(loss, params))),
      () => keep(tf.tensor1d([], "float32")),
    );
    return backend.executeMultipleOutputs(name, list, tensors, outputs);
  } catch (error) {
    throw asLilawError(error as Error);
  } finally {
    tf.dispose(made);
  }
}

/** TensorFlow wraps the message of an op in its own words and knows no codes of ours. */
function asLilawError(error: Error): Error {
  const message = /Expected [^\n]*/.exec(error.message)?.[0];
  if (message === undefined) return error;
  const code = message.includes(" for labels[") ? "LABEL_OUT_OF_RANGE" : "INVALID_ARGUMENT";
  return new LilawError(code, message, { cause: error });
}

/** alpha, beta, delta and the parameter of the loss, each as high and low part. */
function settingsOf(loss: Loss, params: LilawParams | null): number[] {
  const { alpha, beta, delta } = params ?? { alpha: 0, beta: 0, delta: 0 };
  return [alpha, beta, delta, parameterOf(loss)].flatMap(split);
}

function parameterOf(loss: Loss): number {
  if (typeof loss === "string") return 0;
  if (loss.kind === "focal") return loss.gamma;
  return loss.kind === "label-smoothing" ? loss.smoothing : loss.range;
}
