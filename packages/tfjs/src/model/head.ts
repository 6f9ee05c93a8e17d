import { expected, type Loss } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { requireSynchronousReads } from "../kernels/register.js";
import { crossEntropy } from "../operations/cross-entropy.js";
import { checkInputs, checkSamples } from "./inputs.js";
import { internals, isDisposed, type LayerInternals, linearActivation } from "./internals.js";

/** How a model ends, and the way to its logits. */
export interface Head {
  /** Units of the output layer */
  readonly units: number;
  /** The function from the logits to the outputs of the model */
  readonly activation: "linear" | "softmax" | "sigmoid";
  /** Logits [B, units] of a batch; the caller disposes them (or tidies) */
  forward(xs: tf.Tensor[], training: boolean): tf.Tensor2D;
  /** The model's own outputs from its logits */
  activate(logits: tf.Tensor2D): tf.Tensor2D;
}

const activations = {
  linear: (z: tf.Tensor2D) => z,
  softmax: (z: tf.Tensor2D) => tf.softmax(z),
  sigmoid: (z: tf.Tensor2D) => tf.sigmoid(z),
} as const;

/**
 * Detects how a model ends. A softmax or sigmoid at the end is left out of the forward pass, so that the logits are
 * exact however confident the model is; log-softmax outputs are logits as they are.
 *
 * @throws LilawError `MODEL_OUTPUT` unless the model has one output [B, C] ending in logits, softmax or sigmoid
 */
export function headOf(model: LayersModel): Head {
  if (model.outputs.length !== 1) {
    throw expected("MODEL_OUTPUT", "a model with one output", "model", `${model.outputs.length} outputs`);
  }
  if (!model.built) model.build(model.inputs[0]!.shape); // a Sequential that was neither compiled nor used has no output layers yet
  const shape = model.outputs[0]!.shape;
  const units = shape[1];
  if (shape.length !== 2 || units == null) {
    throw expected("MODEL_OUTPUT", "an output of shape [batch, units]", "model", shape);
  }
  const last = lastLayer(internals(model).outputLayers[0]!);
  const activation = activationOf(last);
  return {
    units,
    activation,
    forward: (xs, training) => withoutActivation(last, activation, () => apply(model, xs, training)),
    activate: activations[activation],
  };
}

/** Layers of tfjs whose softmax can be left out. */
const softmaxLayers = ["Dense", "Activation", "Softmax"];

/** Whether a model ends in a softmax [B, C] on which only its outputs depend: that of a layer of its own, called once. */
export function endsInSoftmax(model: LayersModel): boolean {
  const { shape } = model.outputs[0]!;
  const last = internals(model).outputLayers[0]!;
  const isOwn = softmaxLayers.includes(last.getClassName()) && last.inboundNodes.length === 1;
  return shape.length === 2 && shape[1] != null && isOwn && activationNameOf(last) === "softmax";
}

/** The outputs of a model: logits, or the probabilities that softmax or sigmoid make of them. */
export type Outputs = "logits" | "softmax" | "sigmoid";

/**
 * The kind of a model's outputs. Log-probabilities count as logits: their softmax is the same.
 *
 * @throws LilawError `MODEL_OUTPUT` unless the model has one output [B, C] ending in logits, softmax or sigmoid
 */
export function outputsOf(model: LayersModel): Outputs {
  const { activation } = headOf(model);
  return activation === "linear" ? "logits" : activation;
}

function lastLayer(layer: LayerInternals): LayerInternals {
  const inner = layer.outputLayers?.[0];
  return inner === undefined ? layer : lastLayer(inner);
}

function activationNameOf(last: LayerInternals): string {
  return last.getClassName() === "Softmax" ? "softmax" : (last.activation?.getClassName() ?? "linear");
}

function activationOf(last: LayerInternals): Head["activation"] {
  const name = activationNameOf(last);
  if (name === "logSoftmax") return "linear";
  if (name === "linear" || name === "softmax" || name === "sigmoid") return name;
  throw expected(
    "MODEL_OUTPUT",
    "a model ending in logits, softmax or sigmoid",
    "model",
    `activation ${name}`,
  );
}

function apply(model: LayersModel, xs: tf.Tensor[], training: boolean): tf.Tensor2D {
  return model.apply(xs.length === 1 ? xs[0]! : xs, { training }) as tf.Tensor2D;
}

/** Replaces the softmax of a Softmax layer at the end. */
export const identity = (x: tf.Tensor): tf.Tensor => x;

/** Runs `forward` without the activation of the last layer, and restores it, also after an error. */
function withoutActivation<T>(last: LayerInternals, activation: Head["activation"], forward: () => T): T {
  if (activation === "linear") return forward();
  const { activation: held, softmax } = last;
  if (softmax !== undefined) last.softmax = identity;
  else last.activation = linearActivation();
  try {
    return forward();
  } finally {
    if (softmax !== undefined) last.softmax = softmax;
    else last.activation = held!;
  }
}

/**
 * The loss that fits a head where the user names none: softmax cross-entropy, binary or multi-label.
 *
 * @throws LilawError `MODEL_OUTPUT` where it is ambiguous
 */
export function lossOf(model: LayersModel, head: Head): Loss {
  if (head.activation === "sigmoid") return head.units === 1 ? "binary" : "multi-label";
  if (head.units > 1) return "cross-entropy";
  if (model.loss === "binaryCrossentropy") return "binary";
  throw expected(
    "MODEL_OUTPUT",
    'several logits, or a loss such as "binary" or { kind: "regression", range } named in the weighting',
    "model",
    "one linear output",
  );
}

/**
 * The loss that a model was compiled with, as a loss on its logits.
 *
 * @throws LilawError `MODEL_OUTPUT` where @lilaw/core has no such loss: the weighting has to name one then
 */
export function compiledLoss(model: LayersModel, { activation, units }: Head): Loss {
  const { loss } = model;
  const several = units === 1 ? "binary" : "multi-label";
  if (
    activation === "softmax" &&
    (loss === "categoricalCrossentropy" || loss === "sparseCategoricalCrossentropy")
  ) {
    return "cross-entropy";
  }
  if (activation === "sigmoid" && loss === "binaryCrossentropy") return several;
  if (
    activation === "linear" &&
    units > 1 &&
    (loss === crossEntropy || loss === tf.losses.softmaxCrossEntropy)
  ) {
    return "cross-entropy";
  }
  if (activation === "linear" && loss === tf.losses.sigmoidCrossEntropy) return several;
  const name = typeof loss === "string" ? loss : "a function";
  throw expected(
    "MODEL_OUTPUT",
    'a cross-entropy that fits its last layer, or a loss named in the weighting, such as plain({ loss: "cross-entropy" }) ' +
      "(record tells losses and probabilities of it),",
    "the loss of the model",
    `${name} after ${activation}`,
  );
}

/**
 * The logits of a model on many samples, in inference mode; a softmax or sigmoid at its end is undone.
 *
 * @param x one tensor [N, …] (an array of them for several inputs)
 * @returns row-major [N, units]
 * @throws LilawError `MODEL_OUTPUT`, `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `DISPOSED`, `BACKEND_UNAVAILABLE` on webgpu,
 *   whose tensors cannot be read synchronously
 */
export function predictLogits(
  model: LayersModel,
  x: tf.Tensor | tf.Tensor[],
  { batchSize = 1024 }: { batchSize?: number } = {},
): Float32Array {
  requireSynchronousReads("predictLogits");
  if (!Array.isArray(model?.outputs)) throw expected("INVALID_ARGUMENT", "a model", "model", model);
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw expected("INVALID_ARGUMENT", "an integer of at least 1", "batchSize", batchSize);
  }
  const head = headOf(model);
  const xs = checkInputs(model, x, "x");
  if (isDisposed(model)) throw expected("DISPOSED", "a model that is not disposed", "model", model.name);
  const count = xs[0]!.shape[0]!;
  if (count > 0) checkSamples(xs.slice(1), xs[0]!, "x");
  const logits = new Float32Array(count * head.units);
  for (let start = 0; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    const part = tf.tidy(() =>
      head
        .forward(
          xs.map((tensor) => tf.slice(tensor, start, size)),
          false,
        )
        .dataSync<"float32">(),
    );
    logits.set(part, start * head.units);
  }
  return logits;
}
