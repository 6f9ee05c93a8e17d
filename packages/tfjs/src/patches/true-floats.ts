import * as tf from "@tensorflow/tfjs-core";

/** Backends on which `tf.cast` of a bool tensor to float32 changes the dtype of the tensor and leaves its bytes. */
const castsByName = ["cpu", "webgpu"];

/**
 * The values of a float32 tensor as floats in memory, also if it was cast from bool. tfjs's operations read the bytes of such
 * a tensor correctly, kernels of this package would not.
 */
export function trueFloats<T extends tf.Tensor>(tensor: T): T {
  return castsByName.includes(tf.getBackend()) ? tf.mul(tensor, 1) : tensor;
}
