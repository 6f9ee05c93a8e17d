import { checks, expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";

/** @throws LilawError `INVALID_ARGUMENT`, `DISPOSED` */
export function checkTensor<T extends tf.Tensor>(name: string, value: T): T {
  if (!checks.isObject(value) || !(value instanceof tf.Tensor))
    throw expected("INVALID_ARGUMENT", "a tensor", name, value);
  if (value.isDisposed) throw expected("DISPOSED", "a tensor that is not disposed", name, "one that is");
  return value;
}
