import * as tf from "@tensorflow/tfjs-core";

/** An attribute of a TensorFlow operation; `type` is one of the binding's TF_ATTR_… */
export interface OpAttribute {
  name: string;
  type: number;
  value: unknown;
}

type Constant = "TF_ATTR_INT" | "TF_ATTR_TYPE" | "TF_ATTR_SHAPE" | "TF_ATTR_STRING" | "TF_FLOAT" | "TF_INT32";

/** The part of tfjs-node's backend that runs TensorFlow operations by name, which tfjs's own types do not have. */
export interface NodeBackend {
  binding: Record<Constant, number>;
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: tf.TensorInfo[]): tf.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: OpAttribute[],
    inputs: tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[];
  /** The number of tensors that share a value */
  refCount(dataId: object): number;
}

/** The backend in use, which must be "tensorflow". */
export function nodeBackend(): NodeBackend {
  return tf.backend() as unknown as NodeBackend;
}
