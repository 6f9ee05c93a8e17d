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
    kernelFunc: ({ inputs, attrs }) => {
      const { x, dy } = inputs as tf.Conv2DBackpropFilterInputs;
      return conv2dBackpropFilter(
        tf.engine().makeTensorFromTensorInfo(x!) as tf.Tensor4D,
        tf.engine().makeTensorFromTensorInfo(dy!) as tf.Tensor4D,
        attrs as unknown as tf.Conv2DBackpropFilterAttrs,
      );
    },
  });
}

/**
 * The filter gradient is itself a convolution: of x with channels as its batch, by dy with the batch as its channels,
 * dilated by the stride of the forward pass.
 */
export function conv2dBackpropFilter(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  { strides, pad, dataFormat, dimRoundingMode, filterShape }: tf.Conv2DBackpropFilterAttrs,
): tf.Tensor4D {
  return tf.tidy(() => {
    if (dataFormat !== "NHWC")
      throw new Error(`Conv2DBackpropFilter on wasm takes NHWC but received ${dataFormat}`);
    const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
    const { top, bottom, left, right } = info.padInfo;
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]) as tf.Tensor4D;
    const input = tf.transpose(padded, [3, 1, 2, 0]) as tf.Tensor4D; // [Cin, H, W, B]
    const filter = tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D; // [outH, outW, B, Cout]
    const dilation: [number, number] = [info.strideHeight, info.strideWidth];
    const gradient = tf.conv2d(input, filter, 1, "valid", "NHWC", dilation); // [Cin, >= kH, >= kW, Cout]
    const [height, width, inChannels, outChannels] = filterShape;
    // With strides that do not divide the input, the last rows and columns of x met no filter.
    const kept = tf.slice(gradient, [0, 0, 0, 0], [inChannels, height, width, outChannels]);
    return tf.transpose(kept, [1, 2, 0, 3]);
  });
}
