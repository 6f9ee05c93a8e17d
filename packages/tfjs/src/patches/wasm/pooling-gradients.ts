import * as tf from "@tensorflow/tfjs-core";

interface WasmBackend {
  makeOutput(shape: number[], dtype: "float32"): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
}

type PoolAttrs = tf.MaxPoolGradAttrs;

/** One pooling window of one channel: its output, and the first `count` flat indices of the input under it. */
type Visit = (output: number, elements: Int32Array, count: number) => void;

/** Replaces the kernel of tfjs 4.22, which is wrong for every input. */
export const maxPoolGrad = poolingGradient(tf.MaxPoolGrad, ({ dy, input }, attrs, backend) => {
  const [dx, gradient, values] = buffers(backend, dy!, input!);
  forEachWindow(input!.shape, attrs, (output, elements, count) => {
    let largest = elements[0]!;
    for (let k = 1; k < count; k++) if (values[elements[k]!]! > values[largest]!) largest = elements[k]!;
    dx.values[largest]! += gradient[output]!;
  });
  return dx.info;
});

/** Replaces the kernel of tfjs 4.22, which is wrong where windows reach into the padding. */
export const avgPoolGrad = poolingGradient(tf.AvgPoolGrad, ({ dy, input }, attrs, backend) => {
  const [dx, gradient] = buffers(backend, dy!, input!);
  forEachWindow(input!.shape, attrs, (output, elements, count) => {
    for (let k = 0; k < count; k++) dx.values[elements[k]!]! += gradient[output]! / count;
  });
  return dx.info;
});

function poolingGradient(
  kernelName: string,
  kernel: (inputs: tf.NamedTensorInfoMap, attrs: PoolAttrs, backend: WasmBackend) => tf.TensorInfo,
): tf.KernelConfig {
  return {
    kernelName,
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs, backend }) =>
      kernel(inputs, attrs as unknown as PoolAttrs, backend as WasmBackend),
  };
}

/** A zeroed output, and views of dy and x. Views move when the heap grows, so they are taken after the output. */
function buffers(backend: WasmBackend, dy: tf.TensorInfo, x: tf.TensorInfo) {
  const info = backend.makeOutput(x.shape, "float32");
  const values = backend.typedArrayFromHeap(info).fill(0);
  return [{ info, values }, backend.typedArrayFromHeap(dy), backend.typedArrayFromHeap(x)] as const;
}

function forEachWindow(shape: number[], attrs: PoolAttrs, visit: Visit): void {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const inShape = shape as [number, number, number, number];
  const info = tf.backend_util.computePool2DInfo(inShape, filterSize, strides, 1, pad, dimRoundingMode);
  const { inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info;
  const elements = new Int32Array(filterHeight * filterWidth);
  let output = 0;
  for (let b = 0; b < info.batchSize; b++) {
    for (let i = 0; i < outHeight; i++) {
      const top = i * info.strideHeight - info.padInfo.top;
      const [rowStart, rowEnd] = [Math.max(top, 0), Math.min(top + filterHeight, inHeight)];
      for (let j = 0; j < outWidth; j++) {
        const left = j * info.strideWidth - info.padInfo.left;
        const [columnStart, columnEnd] = [Math.max(left, 0), Math.min(left + filterWidth, inWidth)];
        for (let c = 0; c < inChannels; c++) {
          let count = 0;
          for (let row = rowStart; row < rowEnd; row++) {
            for (let column = columnStart; column < columnEnd; column++) {
              elements[count++] = ((b * inHeight + row) * inWidth + column) * inChannels + c;
            }
          }
          if (count > 0) visit(output, elements, count); // else the window lies in the padding
          output++;
        }
      }
    }
  }
}
