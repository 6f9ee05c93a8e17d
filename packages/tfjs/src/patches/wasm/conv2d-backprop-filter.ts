import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";

type Disposes = { disposeData(dataId: object): boolean };

/** `Conv2DBackpropFilter`, which the wasm backend of tfjs 4.22 lacks: without it no convolution trains there. */
export const conv2dBackpropFilter: tf.KernelConfig = {
  kernelName: tf.Conv2DBackpropFilter,
  backendName: "wasm",
  kernelFunc: ({ inputs, attrs, backend }) =>
    filterGradient(
      inputs as tf.Conv2DBackpropFilterInputs,
      attrs as unknown as tf.Conv2DBackpropFilterAttrs,
      backend as Disposes,
    ),
};

/**
 * The filter gradient is itself a convolution: of x with its channels as the batch, by dy with the batch as its
 * channels, dilated by the stride of the forward pass.
 */
function filterGradient(
  { x, dy }: tf.Conv2DBackpropFilterInputs,
  { strides, pad, dataFormat, dimRoundingMode, filterShape }: tf.Conv2DBackpropFilterAttrs,
  backend: Disposes,
): tf.TensorInfo {
  if (dataFormat !== "NHWC") {
    throw expected("INVALID_ARGUMENT", '"NHWC" (to train on wasm)', "dataFormat", dataFormat);
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
