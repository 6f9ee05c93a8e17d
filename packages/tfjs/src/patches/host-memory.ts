import * as tf from "@tensorflow/tfjs-core";

export type HostValues = Float32Array | Int32Array;

/** Outputs of a kernel before they are computed: arrays to fill, and the tensors on the same memory. */
export interface Outputs {
  readonly arrays: Float32Array[];
  readonly tensors: tf.Tensor[];
}

/**
 * Memory of a backend that the host can reach. Allocate outputs before viewing inputs: allocation may move the memory of
 * wasm.
 */
export interface HostMemory {
  /** New float32 tensors of these shapes; the `inputs` are those that will be viewed beside them */
  allocate(shapes: number[][], inputs: (tf.TensorInfo | undefined)[]): Outputs;
  /** The values of a tensor, valid until the next `allocate` */
  view(tensor: tf.TensorInfo): HostValues;
}

/** The part of tfjs-backend-wasm that gives access to its heap. Importing its types would make it a dependency. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: "float32"): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): HostValues;
  getMemoryOffset(dataId: object): number;
}

/** The memory of the backend in use. */
export function hostMemory(): HostMemory {
  const backend = tf.backend();
  return "typedArrayFromHeap" in backend
    ? wasmHeap(backend as unknown as WasmBackend)
    : arrays(backend as unknown as { readSync(dataId: object): HostValues });
}

/** No copies: inputs and outputs lie on the heap. */
const wasmHeap = (backend: WasmBackend): HostMemory => ({
  allocate(shapes, inputs) {
    // getMemoryOffset moves a tensor here from the backend that made it, which allocates memory too.
    for (const input of inputs) if (input !== undefined) backend.getMemoryOffset(input.dataId);
    const infos = shapes.map((shape) => backend.makeOutput(shape, "float32"));
    return {
      arrays: infos.map((info) => backend.typedArrayFromHeap(info) as Float32Array),
      tensors: infos.map((info) => tf.engine().makeTensorFromTensorInfo(info)),
    };
  },
  view: (tensor) => backend.typedArrayFromHeap(tensor),
});

/** Tensors are arrays of JavaScript (cpu) or can be read as arrays (tensorflow). */
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
