import * as tf from "@tensorflow/tfjs-core";
import { readsSynchronously } from "../kernels/register.js";

/** Reads tensors to the host and passes their values on after the step. Backends that can read synchronously do so. */
export class Readback {
  #read: (() => void)[] = [];
  #pending: Promise<void>[] = [];

  /** Reads and disposes the tensors; `use` gets their values when the step is done. */
  read(tensors: tf.Tensor[], use: (...values: Float32Array[]) => void): void {
    if (readsSynchronously()) {
      const values = tensors.map((tensor) => tensor.dataSync<"float32">().slice());
      tf.dispose(tensors);
      this.#read.push(() => use(...values));
      return;
    }
    const kept = tensors.map((tensor) => tf.keep(tensor));
    const values = Promise.all(kept.map((tensor) => tensor.data<"float32">()));
    this.#pending.push(values.finally(() => tf.dispose(kept)).then((read) => use(...read)));
  }

  /** At the end of a step: passes on the values that were read synchronously. */
  stepDone(): void {
    for (const use of this.#read.splice(0)) use();
  }

  /** Resolves when all values have been passed on. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  /** Waits for readings on their way and ignores their errors, at the end of a training. */
  async dropped(): Promise<void> {
    this.#read = [];
    await Promise.allSettled(this.#pending.splice(0));
  }
}
