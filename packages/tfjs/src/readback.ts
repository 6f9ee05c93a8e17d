import * as tf from "@tensorflow/tfjs-core";
import { readsSynchronously } from "./kernels/register.js";

/** Takes values to the host: at once where tensors can be read synchronously, else by the end of the step. */
export class Readback {
  #pending: Promise<void>[] = [];

  /** Hands `use` the values of the tensors, which it disposes. */
  read(tensors: tf.Tensor[], use: (...values: Float32Array[]) => void): void {
    if (readsSynchronously()) {
      use(...tensors.map((tensor) => tensor.dataSync<"float32">()));
      tf.dispose(tensors);
      return;
    }
    const kept = tensors.map((tensor) => tf.keep(tensor));
    const values = Promise.all(kept.map((tensor) => tensor.data<"float32">()));
    this.#pending.push(
      values.then((read) => {
        tf.dispose(kept);
        use(...read);
      }),
    );
  }

  /** When everything has been handed over. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }
}
