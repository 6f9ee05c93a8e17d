import * as tf from "@tensorflow/tfjs-core";
import { readsSynchronously } from "../kernels/register.js";

/** Takes values to the host, and hands them over after the step: at once where tensors can be read synchronously. */
export class Readback {
  #read: (() => void)[] = [];
  #pending: Promise<void>[] = [];

  /** Hands `use` the values of the tensors, which it disposes. */
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

  /** At the end of a step: hands over what could be read at once. */
  stepDone(): void {
    for (const use of this.#read.splice(0)) use();
  }

  /** When everything has been handed over. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  /** When nothing is on its way any more, for a training that has ended: errors have been told, or are of one that has failed. */
  async dropped(): Promise<void> {
    this.#read = [];
    await Promise.allSettled(this.#pending.splice(0));
  }
}
