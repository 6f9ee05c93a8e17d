import * as tf from "@tensorflow/tfjs-core";
import type { TangentRule } from "./rule.js";

type Pair = [number, number];

/**
 * Max pooling, 1-D and 2-D: the change of the largest element of each window; the mean of the changes where several
 * elements are largest.
 */
export const maxPooling: TangentRule = {
  tangent({ layer, inputs, output, kwargs }, [change]) {
    const held = layer.poolingFunction;
    // The layer reshapes its input for the pooling function, and the result back.
    layer.poolingFunction = (x, size, strides, padding, dataFormat) => {
      const first = dataFormat === "channelsFirst";
      const last = (tensor: tf.Tensor4D) => (first ? tf.transpose(tensor, [0, 2, 3, 1]) : tensor);
      const [input, inputChange] = [last(x), last(tf.reshape(change!, x.shape) as tf.Tensor4D)];
      const pooled = first ? last(output as tf.Tensor4D) : output;
      const changed = maxPoolTangent(input, inputChange, pooled, size, strides, padding);
      return first ? tf.transpose(changed, [0, 3, 1, 2]) : changed;
    };
    try {
      return layer.call(inputs[0]!, kwargs) as tf.Tensor;
    } finally {
      layer.poolingFunction = held;
    }
  },
};

function maxPoolTangent(
  x: tf.Tensor4D,
  change: tf.Tensor4D,
  y: tf.Tensor,
  size: Pair,
  strides: Pair,
  padding: string,
): tf.Tensor4D {
  const info = tf.backend_util.computePool2DInfo(x.shape, size, strides, 1, padding as "same" | "valid");
  if (tiles(info)) return tiledTangent(x, change, y, info);
  const inputs = windowElements(x, info, Number.NEGATIVE_INFINITY);
  const changes = windowElements(change, info, 0);
  const largest = tf.reshape(y, inputs[0]!.shape);
  const won = inputs.map((input) => tf.cast(tf.equal(input, largest), "float32"));
  const sum = won.map((one, i) => tf.mul(one, changes[i]!)).reduce((a, b) => tf.add(a, b));
  const count = won.reduce((a, b) => tf.add(a, b));
  return tf.reshape(tf.div(sum, count), info.outShape);
}

/** Whether the windows cover the input without gaps or overlap: each element is in one window, and few operations do. */
function tiles(info: tf.backend_util.Conv2DInfo): boolean {
  const { filterHeight, filterWidth, strideHeight, strideWidth, outHeight, outWidth } = info;
  return (
    filterHeight === strideHeight &&
    filterWidth === strideWidth &&
    outHeight * strideHeight === info.inHeight &&
    outWidth * strideWidth === info.inWidth
  );
}

function tiledTangent(
  x: tf.Tensor4D,
  change: tf.Tensor4D,
  y: tf.Tensor,
  { strideHeight, strideWidth, outHeight, outWidth, inChannels, batchSize }: tf.backend_util.Conv2DInfo,
): tf.Tensor4D {
  const repeat = (rows: tf.Tensor, times: number) => tf.concat(new Array(times).fill(rows), 1);
  const wide = repeat(tf.reshape(y, [batchSize * outHeight * outWidth, inChannels]), strideWidth);
  const largest = repeat(tf.reshape(wide, [batchSize * outHeight, -1]), strideHeight);
  // No element is above its window's largest, so step(largest - x) is 0 where x is it: faster than a comparison.
  const won = tf.sub(1, tf.step(tf.sub(tf.reshape(largest, x.shape), x)));
  const size: Pair = [strideHeight, strideWidth];
  const mean = (tensor: tf.Tensor) => tf.avgPool(tensor as tf.Tensor4D, size, size, "valid");
  return tf.div(mean(tf.mul(won, change)), mean(won));
}

/**
 * For each position in a pooling window, the elements of all windows at that position. Splitting each spatial axis by the
 * stride makes them plain slices.
 */
function windowElements(x: tf.Tensor4D, info: tf.backend_util.Conv2DInfo, fill: number): tf.Tensor[] {
  const { outHeight, outWidth, strideHeight, strideWidth, filterHeight, filterWidth } = info;
  const [batch, height, width, channels] = x.shape;
  const { top, left } = info.padInfo;
  const rows = outHeight + Math.ceil(filterHeight / strideHeight) - 1;
  const columns = outWidth + Math.ceil(filterWidth / strideWidth) - 1;
  // Rows and columns that no window reaches are cut off, missing ones filled.
  const kept: Pair = [
    Math.min(height, rows * strideHeight - top),
    Math.min(width, columns * strideWidth - left),
  ];
  const cut =
    kept[0] === height && kept[1] === width
      ? x
      : tf.slice4d(x, [0, 0, 0, 0], [batch, kept[0], kept[1], channels]);
  const below = rows * strideHeight - top - kept[0];
  const right = columns * strideWidth - left - kept[1];
  const padded =
    top + below + left + right === 0
      ? cut
      : tf.pad4d(
          cut,
          [
            [0, 0],
            [top, below],
            [left, right],
            [0, 0],
          ],
          fill,
        );
  // Slices of rank 3, which are fast on all backends: first the rows of a position in the window, then its columns.
  const columnLength = strideWidth * channels;
  const rowLength = columns * columnLength;
  const byRow = tf.reshape(padded, [batch, rows, strideHeight * rowLength]);
  const elements: tf.Tensor[] = [];
  for (let i = 0; i < filterHeight; i++) {
    const begin = [0, Math.floor(i / strideHeight), (i % strideHeight) * rowLength];
    const row = tf.slice(byRow, begin, [batch, outHeight, rowLength]);
    const byColumn = tf.reshape(row, [batch * outHeight, columns, columnLength]);
    for (let j = 0; j < filterWidth; j++) {
      const begin = [0, Math.floor(j / strideWidth), (j % strideWidth) * channels];
      elements.push(tf.slice(byColumn, begin, [batch * outHeight, outWidth, channels]));
    }
  }
  return elements;
}

/** Global max pooling: as {@link maxPooling} with one window. */
export const globalMaxPooling: TangentRule = {
  tangent({ layer, inputs, output }, [change]) {
    const x = inputs[0]!;
    const axes = spatialAxes(x.rank, layer.dataFormat);
    const shape = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
    const won = tf.cast(tf.equal(x, tf.reshape(output, shape)), "float32");
    return tf.div(tf.sum(tf.mul(won, change!), axes), tf.sum(won, axes));
  },
};

/** GlobalMaxPooling1D has no data format: its channels are last. */
function spatialAxes(rank: number, dataFormat: string | undefined): number[] {
  if (rank === 3) return [1];
  return dataFormat === "channelsFirst" ? [2, 3] : [1, 2];
}
