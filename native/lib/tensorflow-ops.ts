import { lossKind, lossName, lossParameter, type NativeLoss, type NativeParams } from "./places.js";

/** What a call of an op says beside its tensors; those that an op does not know it does not read. */
export interface OpSettings {
  readonly loss: NativeLoss;
  readonly params: NativeParams | null;
  readonly gradient?: "full" | "detached";
  readonly normalize?: "none" | "batch-mean";
  /** Bits of the row values that LilawWeightedLoss computes, in the order of `RowValue` in ops.cpp */
  readonly rowMask?: number;
}

/** The input `settings` of the TensorFlow ops: the values of `Setting` in src/tensorflow/ops.cpp. */
export function opSettings({ loss, params, gradient, normalize, rowMask }: OpSettings): Float32Array {
  const settings = new Float32Array(13);
  if (params !== null) {
    writeSplit(settings, 0, params.alpha);
    writeSplit(settings, 2, params.beta);
    writeSplit(settings, 4, params.delta);
    settings[11] = 1;
  }
  const name = lossName(loss);
  writeSplit(settings, 6, lossParameter(name, loss));
  settings[8] = lossKind(name);
  settings[9] = gradient === "detached" ? 1 : 0;
  settings[10] = normalize === "batch-mean" ? 1 : 0;
  settings[12] = rowMask ?? 0;
  return settings;
}

/** A number as two floats whose sum has twice the digits of one. */
function writeSplit(to: Float32Array, at: number, value: number): void {
  to[at] = value;
  to[at + 1] = value - to[at]!;
}
