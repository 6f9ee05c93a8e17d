import { LiLAW, LilawError, type LilawParams } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { readsSynchronously } from "../../kernels/register.js";
import {
  type MetaGradientOptions,
  metaGradient,
  metaGradientTensor,
} from "../../operations/meta-gradient.js";

type ValidationLabels = Pick<MetaGradientOptions, "labels" | "loss" | "transition">;

/** Alpha, beta and delta during a training. */
export interface Scalars {
  /** The method; its scalars are up to date after `settle` */
  method: LiLAW;
  /** The present scalars: those of the method, plus `moved` [3], their change on the device since then */
  current(): { params: LilawParams; moved?: tf.Tensor1D };
  /** @throws LilawError `NON_FINITE`, here or from `settle`; the scalars have not changed then */
  metaStep(logits: tf.Tensor2D, observed: ValidationLabels): void;
  settle(): void | Promise<void>;
  dispose(): void;
}

/** On the host where reading three numbers is cheap, else on the device. */
export function scalarsOf(method: LiLAW): Scalars {
  return readsSynchronously() ? new HostScalars(method) : new DeviceScalars(method);
}

class HostScalars implements Scalars {
  method: LiLAW;

  constructor(method: LiLAW) {
    this.method = method;
  }

  current() {
    return { params: this.method.params };
  }

  metaStep(logits: tf.Tensor2D, observed: ValidationLabels): void {
    this.method.applyMetaGradient(metaGradient(logits, { ...observed, params: this.method.params }));
  }

  settle(): void {}
  dispose(): void {}
}

/**
 * Scalars on the device, so that no step waits for a reading. Their change is kept apart from them: in float32 a step of
 * 1e-6 would be lost if it were added to a scalar near 10.
 */
class DeviceScalars implements Scalars {
  method: LiLAW;
  #moved: tf.Tensor1D = tf.keep(tf.zeros([3]));
  #nonFiniteRows: tf.Tensor = tf.keep(tf.scalar(0));

  constructor(method: LiLAW) {
    this.method = method;
  }

  current() {
    return { params: this.method.params, moved: this.#moved };
  }

  metaStep(logits: tf.Tensor2D, observed: ValidationLabels): void {
    const { params } = this.method;
    const [moved, nonFiniteRows] = tf.tidy(() => {
      const values = metaGradientTensor(logits, { ...observed, params, moved: this.#moved });
      const sums = tf.sum(values, 1);
      const gradient = tf.slice(sums, 0, 3) as tf.Tensor1D;
      const next = this.#movedAlong(gradient);
      // All three move or none does: the gradient, the objective and the scalars are finite.
      const allFinite = tf.all(tf.isFinite(tf.concat([tf.slice(sums, 0, 4), next])));
      return [
        tf.keep(tf.where(allFinite, next, this.#moved) as tf.Tensor1D),
        tf.keep(tf.add(this.#nonFiniteRows, tf.slice(sums, 4, 1))),
      ] as const;
    });
    this.dispose();
    this.#moved = moved;
    this.#nonFiniteRows = nonFiniteRows;
  }

  /** The update of `LiLAW.metaStep`. */
  #movedAlong(gradient: tf.Tensor1D): tf.Tensor1D {
    const { learningRate, weightDecay, clamp, alpha, beta, delta } = this.method.toJSON();
    const [rate, decay] = [learningRate, weightDecay].map((value) =>
      tf.tensor1d(typeof value === "number" ? [value, value, value] : [value.alpha, value.beta, value.delta]),
    ) as [tf.Tensor1D, tf.Tensor1D];
    const scalars = tf.add(tf.tensor1d([alpha, beta, delta]), this.#moved);
    const next = tf.sub(this.#moved, tf.mul(rate, tf.add(gradient, tf.mul(decay, scalars)))) as tf.Tensor1D;
    if (!clamp) return next;
    const [nextAlpha, nextBeta, nextDelta] = tf.split(next, 3) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
    return tf.concat([
      tf.maximum(nextAlpha, 1 - alpha),
      nextBeta,
      tf.maximum(nextDelta, tf.add(nextBeta, beta - delta)),
    ]);
  }

  async settle(): Promise<void> {
    const [moved, nonFiniteRows] = await Promise.all([this.#moved.data(), this.#nonFiniteRows.data()]);
    this.dispose();
    this.#moved = tf.keep(tf.zeros([3]));
    this.#nonFiniteRows = tf.keep(tf.scalar(0));
    const { alpha, beta, delta, ...options } = this.method.toJSON();
    this.method = LiLAW.fromJSON({
      ...options,
      alpha: alpha + moved[0]!,
      beta: beta + moved[1]!,
      delta: delta + moved[2]!,
    });
    if (nonFiniteRows[0]! > 0) {
      throw new LilawError(
        "NON_FINITE",
        `Expected finite validation logits for metaStep but received ${nonFiniteRows[0]} non-finite rows in this epoch; ` +
          "alpha, beta and delta have not moved with them",
      );
    }
  }

  dispose(): void {
    tf.dispose([this.#moved, this.#nonFiniteRows]);
  }
}
