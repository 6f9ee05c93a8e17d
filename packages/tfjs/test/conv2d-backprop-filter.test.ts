import { deviation } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import "@tensorflow/tfjs-layers"; // registers the gradients of tfjs's operations
import { useBackend } from "../src/node.js";

describe("Conv2DBackpropFilter on wasm", () => {
  beforeAll(async () => {
    await useBackend("cpu");
    await useBackend("wasm");
  });

  it("equals tfjs's own on the cpu backend", async () => {
    const shapes = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      height: fc.integer({ min: 4, max: 9 }),
      width: fc.integer({ min: 4, max: 9 }),
      inChannels: fc.integer({ min: 1, max: 3 }),
      outChannels: fc.integer({ min: 1, max: 4 }),
      kernel: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      stride: fc.integer({ min: 1, max: 3 }),
      pad: fc.constantFrom("same" as const, "valid" as const, 0, 1),
    });
    await fc.assert(
      fc.asyncProperty(
        shapes,
        async ({ batch, height, width, inChannels, outChannels, kernel, stride, pad }) => {
          // With a padding in numbers tfjs computes the output's width from the height of filter and stride.
          fc.pre(typeof pad === "string" || kernel[0] === kernel[1]);
          const gradient = async (backend: string): Promise<Float32Array> => {
            await tf.setBackend(backend);
            return tf.tidy(() => {
              const x = tf.randomNormal<tf.Rank.R4>([batch, height, width, inChannels], 0, 1, "float32", 1);
              const filter = tf.randomNormal<tf.Rank.R4>(
                [...kernel, inChannels, outChannels],
                0,
                1,
                "float32",
                2,
              );
              // Linear in the output: with strides and "same" padding the forward convolution of tfjs on wasm is
              // wrong for some flat filters, and must not matter here.
              const loss = (f: tf.Tensor) => {
                const y = tf.conv2d(x, f as tf.Tensor4D, stride, pad);
                return tf.sum(tf.mul(y, tf.randomNormal(y.shape, 0, 1, "float32", 3)));
              };
              return tf.grad(loss)(filter).dataSync<"float32">();
            });
          };
          const [ours, theirs] = [await gradient("wasm"), await gradient("cpu")];
          expect(deviation(ours, theirs)).toBeLessThan(1e-4);
        },
      ),
    );
  });
});
