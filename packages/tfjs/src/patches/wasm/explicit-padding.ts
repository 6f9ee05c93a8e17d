import * as tf from "@tensorflow/tfjs-core";

/**
 * A convolution of tfjs's wasm backend with its padding given in numbers. The padding that tfjs 4.22 computes there for
 * `"same"` is wrong for some filters that are not square, with strides.
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

/** For images [B, H, W, C], the only layout that this backend convolves. */
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
