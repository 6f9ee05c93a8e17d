import * as tf from "@tensorflow/tfjs-core";

/**
 * A convolution of tfjs's wasm backend that is told its padding in numbers: what tfjs 4.22 takes for `"same"` there is
 * wrong for some filters that are not square and stride over the image.
 */
export function withExplicitPadding(own: tf.KernelConfig, depthwise: boolean): tf.KernelConfig {
  return {
    ...own,
    kernelFunc(args) {
      const attrs = args.attrs as unknown as tf.Conv2DAttrs;
      if (attrs.pad !== "same") return own.kernelFunc(args);
      const pad = samePadding(args.inputs, attrs, depthwise);
      return own.kernelFunc({ ...args, attrs: { ...attrs, pad } as unknown as tf.NamedAttrMap });
    },
  };
}

/** Of images [B, H, W, C], the only layout that this backend convolves. */
function samePadding(
  { x, filter }: tf.NamedTensorInfoMap,
  { strides, dilations }: tf.Conv2DAttrs,
  depthwise: boolean,
): tf.backend_util.ExplicitPadding {
  const [image, window] = [x!.shape, filter!.shape] as [number, number, number, number][];
  const { padInfo } = tf.backend_util.computeConv2DInfo(
    ...([image!, window!, strides, dilations ?? 1, "same", undefined, depthwise] as const),
  );
  const { top, bottom, left, right } = padInfo;
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}
