import * as tf from "@tensorflow/tfjs-core";

/** Backends on which `tf.cast` of a bool tensor to float32 changes the dtype of the tensor and leaves its bytes. */
const castsByName = ["cpu", "webgpu"];

/**
 * A float32 tensor whose memory holds floats, whatever it was cast from: tfjs's operations look for themselves what they
 * read, kernels of our own do not.
 */
export function trueFloats<T extends tf.Tensor>(tensor: T): T {
  return castsByName.includes(tf.getBackend()) ? tf.mul(tensor, 1) : tensor;
}
