import * as tf from "@tensorflow/tfjs-core";

/** Runs `compute`, which may change the variables, and restores them bit for bit. */
export function preserving<T>(variables: readonly tf.Variable[], compute: () => T): T {
  const held = variables.map((variable) => tf.keep(variable.clone()));
  try {
    return compute();
  } finally {
    variables.forEach((variable, i) => {
      variable.assign(held[i]!);
    });
    tf.dispose(held);
  }
}
