import type * as tf from "@tensorflow/tfjs-core";
import type { LayerInternals, WeightRef } from "../internals.js";

/** One call of a layer in a forward pass. */
export interface LayerCall {
  readonly layer: LayerInternals;
  readonly inputs: tf.Tensor[];
  readonly output: tf.Tensor;
  readonly kwargs: { training?: boolean };
}

/** How the inputs of a layer change along a direction in weight space: absent where they do not. */
export type Tangents = readonly (tf.Tensor | undefined)[];

/** The part of the direction that belongs to one weight of a layer; absent where it does not change. */
export type Direction = (weight: WeightRef | null | undefined) => tf.Tensor | undefined;

/** The forward-mode derivative of one kind of layer. */
export interface TangentRule {
  /** Whether the rule covers the layer as it is configured. Default: always */
  covers?(layer: LayerInternals): boolean;
  /**
   * The change of the output. At least one tangent or one weight of the direction is present. Called inside `tf.tidy`
   * with gradient recording off, and with the layer as it was in the call (head undone, dropout seeds of the step).
   */
  tangent(call: LayerCall, tangents: Tangents, direction: Direction): tf.Tensor;
}
