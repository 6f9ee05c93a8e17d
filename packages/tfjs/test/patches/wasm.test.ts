import { deviation } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import "@tensorflow/tfjs-layers"; // registers the gradients of tfjs's operations
import { useBackend } from "../../src/node.js";

interface Window {
  batch: number;
  height: number;
  width: number;
  inChannels: number;
  outChannels: number;
  kernel: [number, number];
  strides: [number, number];
  pad: "same" | "valid" | number;
}

const upTo = (max: number) => fc.integer({ min: 1, max });
const windows: fc.Arbitrary<Window> = fc
  .record({
    batch: upTo(3),
    height: fc.integer({ min: 4, max: 9 }),
    width: fc.integer({ min: 4, max: 9 }),
    inChannels: upTo(3),
    outChannels: upTo(4),
    kernel: fc.tuple(upTo(4), upTo(4)),
    strides: fc.tuple(upTo(3), upTo(3)),
    pad: fc.constantFrom("same" as const, "valid" as const, 0, 1),
  })
  // With a padding in numbers tfjs computes the output's width from the height of filter and stride.
  .filter(
    ({ pad, kernel, strides }) =>
      typeof pad === "string" || (kernel[0] === kernel[1] && strides[0] === strides[1]),
  );

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);
const imagesOf = ({ batch, height, width, inChannels }: Window, seed = 1) =>
  normal([batch, height, width, inChannels], seed) as tf.Tensor4D;
const filterOf = ({ kernel, inChannels, outChannels }: Window) =>
  normal([...kernel, inChannels, outChannels], 2) as tf.Tensor4D;

/** The gradients of an operation's outputs, added up with random factors. */
const gradients = (operation: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): tf.Tensor[] =>
  tf.grads((...args: tf.Tensor[]) => {
    const y = operation(...args);
    return tf.sum(tf.mul(y, normal(y.shape, 3)));
  })(inputs);

const computations: [string, (w: Window) => tf.Tensor[]][] = [
  ["Conv2D", (w) => [tf.conv2d(imagesOf(w), filterOf(w), w.strides, w.pad)]],
  [
    "FusedConv2D",
    (w) => {
      const bias = normal([w.outChannels], 4);
      const args = { x: imagesOf(w), filter: filterOf(w), strides: w.strides, pad: w.pad, bias };
      return [tf.fused.conv2d({ ...args, activation: "relu" })];
    },
  ],
  ["DepthwiseConv2dNative", (w) => [tf.depthwiseConv2d(imagesOf(w), filterOf(w), w.strides, w.pad)]],
  [
    "FusedDepthwiseConv2D",
    (w) => {
      const args = { x: imagesOf(w), filter: filterOf(w), strides: w.strides, pad: w.pad };
      return [tf.fused.depthwiseConv2d({ ...args, activation: "relu" })];
    },
  ],
  [
    "the gradients of Conv2D",
    (w) =>
      gradients(
        (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, w.strides, w.pad),
        [imagesOf(w), filterOf(w)],
      ),
  ],
  [
    "the gradient of MaxPool",
    (w) => gradients((x) => tf.maxPool(x as tf.Tensor4D, w.kernel, w.strides, w.pad), [imagesOf(w)]),
  ],
];

/** The values of what `compute` makes on a backend. */
async function valuesOn(backend: string, compute: () => tf.Tensor[]): Promise<number[]> {
  await tf.setBackend(backend);
  return tf.tidy(() => compute().flatMap((tensor) => [...tensor.dataSync<"float32">()]));
}

describe("on wasm", () => {
  beforeAll(async () => {
    await useBackend("cpu");
    await useBackend("wasm");
  });

  it.each(computations)("%s equals tfjs's own on cpu", async (_, compute) => {
    await fc.assert(
      fc.asyncProperty(windows, async (window) => {
        const [ours, theirs] = [
          await valuesOn("wasm", () => compute(window)),
          await valuesOn("cpu", () => compute(window)),
        ];
        expect(deviation(ours, theirs)).toBeLessThan(1e-4);
      }),
      { numRuns: 200 },
    );
  });

  it("the gradient of AvgPool is that of a linear operation", async () => {
    await fc.assert(
      fc.asyncProperty(windows, async (window) => {
        // An average over padding alone is tfjs's to define.
        fc.pre(typeof window.pad === "string" || window.pad < window.kernel[0]);
        // Not compared with cpu: tfjs's own is wrong there where windows reach into the padding.
        const pool = (x: tf.Tensor) =>
          tf.avgPool(x as tf.Tensor4D, window.kernel, window.strides, window.pad);
        const [along, slope] = await valuesOn("wasm", () => {
          const [x, direction] = [imagesOf(window), imagesOf(window, 5)];
          const y = pool(direction);
          const [gradient] = gradients(pool, [x]);
          return [tf.sum(tf.mul(gradient!, direction)), tf.sum(tf.mul(y, normal(y.shape, 3)))];
        });
        expect(deviation([along!], [slope!])).toBeLessThan(1e-4);
      }),
      { numRuns: 200 },
    );
  });
});
