import * as tf from "@tensorflow/tfjs-core";

/**
 * Adds `Conv2DBackpropFilter` to the wasm backend, which lacks it: without it no convolution trains there.
 * Does nothing where the kernel exists (a later tfjs).
 */
export function registerWasmKernels(): void {
  if (tf.getKernel(tf.Conv2DBackpropFilter, "wasm") !== undefined) return;
  tf.registerKernel({
    kernelName: tf.Conv2DBackpropFilter,
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs, backend }) =>
      conv2dBackpropFilter(
        inputs as tf.Conv2DBackpropFilterInputs,
        attrs as unknown as tf.Conv2DBackpropFilterAttrs,
        backend as { disposeData(dataId: object): boolean },
      ),
  });
}

/**
 * The filter gradient is itself a convolution: of x with its channels as the batch, by dy with the batch as its
 * channels, dilated by the stride of the forward pass.
 */
function conv2dBackpropFilter(
  { x, dy }: tf.Conv2DBackpropFilterInputs,
  { strides, pad, dataFormat, dimRoundingMode, filterShape }: tf.Conv2DBackpropFilterAttrs,
  backend: { disposeData(dataId: object): boolean },
): tf.TensorInfo {
  if (dataFormat !== "NHWC") {
    throw new Error(
      `Expected "NHWC" for dataFormat (Conv2DBackpropFilter on wasm) but received "${dataFormat}"`,
    );
  }
  const inShape = x!.shape as [number, number, number, number];
  const info = tf.backend_util.computeConv2DInfo(inShape, filterShape, strides, 1, pad, dimRoundingMode);
  const { top, bottom, left, right } = info.padInfo;
  const { inChannels, outChannels, filterHeight, filterWidth, strideHeight, strideWidth } = info;
  const intermediates: tf.TensorInfo[] = [];
  const run = (kernel: string, inputs: tf.NamedTensorInfoMap, attrs: object): tf.TensorInfo => {
    const { kernelFunc } = tf.getKernel(kernel, "wasm")!;
    const output = kernelFunc({ inputs, attrs: attrs as tf.NamedAttrMap, backend }) as tf.TensorInfo;
    intermediates.push(output);
    return output;
  };

  const padding = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  const padded = run(tf.PadV2, { x: x! }, { paddings: padding, constantValue: 0 });
  const input = run(tf.Transpose, { x: padded }, { perm: [3, 1, 2, 0] }); // [Cin, H, W, B]
  const filter = run(tf.Transpose, { x: dy! }, { perm: [1, 2, 0, 3] }); // [outH, outW, B, Cout]
  const gradient = run(
    tf.Conv2D,
    { x: input, filter },
    { strides: 1, pad: "valid", dataFormat: "NHWC", dilations: [strideHeight, strideWidth] },
  ); // [Cin, at least kH, at least kW, Cout]
  // With strides that do not divide the input, the last rows and columns of x met no filter.
  const size = [inChannels, filterHeight, filterWidth, outChannels];
  const kept = run(tf.Slice, { x: gradient }, { begin: [0, 0, 0, 0], size });
  run(tf.Transpose, { x: kept }, { perm: [1, 2, 0, 3] });
  const result = intermediates.pop()!;
  for (const { dataId } of intermediates) backend.disposeData(dataId);
  return result;
}
