import * as tf from "@tensorflow/tfjs-core";

export type HostValues = Float32Array | Int32Array;

/** Outputs of a kernel, not computed yet: the arrays to fill and the tensors that show them. */
export interface Outputs {
  readonly arrays: Float32Array[];
  readonly tensors: tf.Tensor[];
}

/** Memory of a backend whose tensors the host can reach. Outputs come first: new ones may move the memory of wasm. */
export interface HostMemory {
  /** New float32 tensors of these shapes; the `inputs` are those that will be viewed beside them */
  allocate(shapes: number[][], inputs: (tf.TensorInfo | undefined)[]): Outputs;
  /** The values of a tensor, good until the next `allocate` */
  view(tensor: tf.TensorInfo): HostValues;
}

/** The part of tfjs-backend-wasm that shows its heap. Its own types would make it a dependency. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: "float32"): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): HostValues;
  getMemoryOffset(dataId: object): number;
}

/** That of the backend in use. */
export function hostMemory(): HostMemory {
  const backend = tf.backend();
  return "typedArrayFromHeap" in backend
    ? wasmHeap(backend as unknown as WasmBackend)
    : arrays(backend as unknown as { readSync(dataId: object): HostValues });
}

/** No copies: inputs and outputs lie on the heap. */
const wasmHeap = (backend: WasmBackend): HostMemory => ({
  allocate(shapes, inputs) {
    // Asking where a tensor is brings it in from the backend that made it: that takes memory as well.
    for (const input of inputs) if (input !== undefined) backend.getMemoryOffset(input.dataId);
    const infos = shapes.map((shape) => backend.makeOutput(shape, "float32"));
    return {
      arrays: infos.map((info) => backend.typedArrayFromHeap(info) as Float32Array),
      tensors: infos.map((info) => tf.engine().makeTensorFromTensorInfo(info)),
    };
  },
  view: (tensor) => backend.typedArrayFromHeap(tensor),
});

/** Tensors are arrays of JavaScript (cpu), or hand out theirs (tensorflow). */
const arrays = (backend: { readSync(dataId: object): HostValues }): HostMemory => ({
  allocate(shapes) {
    const arrays = shapes.map((shape) => new Float32Array(tf.util.sizeFromShape(shape)));
    return {
      arrays,
      tensors: arrays.map((values, i) => tf.engine().makeTensor(values, shapes[i]!, "float32")),
    };
  },
  view: ({ dataId }) => backend.readSync(dataId),
});
