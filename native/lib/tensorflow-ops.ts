import type { NativeLoss, NativeParams } from "./call.js";
import { placeOf } from "./layout.js";
import { addon, load } from "./load.js";
import { lossNumbers } from "./marshal.js";

/**
 * Registers the operations, on the CPU kernels, as ops of the TensorFlow that this process has loaded (tfjs-node):
 * LilawWeightedLoss, LilawMetaGradient and LilawAlignmentWeights.
 *
 * @returns the reason why they are not there, or undefined where they are. Never throws
 */
export function registerTensorFlowOps(): string | undefined {
  const { binding } = load();
  return binding === null ? "@lilaw/native has no addon here" : binding.registerTensorFlowOps() || undefined;
}

/**
 * Loads TensorFlow by `loadTensorFlow`, and keeps the lines about oneDNN that it writes at every start off standard
 * error: no setting keeps it quiet. Every other line gets there. Without an addon all do.
 *
 * @returns the result of `loadTensorFlow`, whose errors pass through
 */
export function loadTensorFlowQuietly<T>(loadTensorFlow: () => T): T {
  const { binding } = load();
  return binding === null ? loadTensorFlow() : binding.withoutLines(startLines, loadTensorFlow);
}

/** Lines of TensorFlow 2.21 that its log level does not hold back, since they come before it reads it. */
const startLines = [
  "All log messages before absl::InitializeLog() is called are written to STDERR",
  "oneDNN custom operations are on.",
];

/** Arguments of an op other than its tensors; an op ignores those that do not concern it. */
export interface OpSettings {
  readonly loss: NativeLoss;
  readonly params: NativeParams | null;
  readonly gradient?: "full" | "detached";
  readonly normalize?: "none" | "batch-mean";
  /** Names of the row values that LilawWeightedLoss computes */
  readonly rowValues?: readonly string[];
  /** Whether the last tensor is a transition matrix */
  readonly transition?: boolean;
}

/** The input `settings` of the TensorFlow ops: the values of `Setting` in src/tensorflow/settings.h. */
export function opSettings(call: OpSettings): Float32Array {
  const { loss, params, gradient = "full", normalize = "none", rowValues = [], transition = false } = call;
  const { names } = addon();
  const { opSettings: at, rowValues: bits } = names.layout;
  const settings = new Float32Array(at.count);
  if (params !== null) {
    writeSplit(settings, at.alpha, params.alpha);
    writeSplit(settings, at.beta, params.beta);
    writeSplit(settings, at.delta, params.delta);
    settings[at.weighted] = 1;
  }
  const numbers = lossNumbers(loss);
  const [kind, ...parameters] = typeof numbers === "number" ? [numbers] : numbers;
  settings[at.loss] = kind!;
  parameters.forEach((parameter, i) => {
    writeSplit(settings, at.parameters + 2 * i, parameter);
  });
  settings[at.gradient] = names.gradientMode(gradient);
  settings[at.normalize] = names.normalization(normalize);
  settings[at.rowMask] = rowValues.reduce((mask, name) => mask | (1 << placeOf(bits, name, "rowValues")), 0);
  settings[at.transition] = transition ? 1 : 0;
  return settings;
}

/** Writes a number as two floats whose sum has twice the digits of one float. */
function writeSplit(to: Float32Array, at: number, value: number): void {
  to[at] = value;
  to[at + 1] = value - to[at]!;
}
