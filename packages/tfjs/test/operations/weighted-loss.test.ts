import { deviation, lossOf, paramsOf, readGolden } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { weightedLoss } from "../../src/index.js";
import { describeBackends } from "../backends.js";

const cases = readGolden().lilaw_cases;

describeBackends("weightedLoss", () => {
  describe.each(cases)("golden $name", (c) => {
    // Logits of 1e4 carry 1e-3 of rounding in float32.
    const tolerance = Math.max(...c.logits.flat().map(Math.abs)) > 1000 ? 1e-3 : 2e-5;

    it.each(["full", "detached"] as const)("objective and %s gradient", (gradient) => {
      const labels = Int32Array.from(c.labels);
      const options = { labels, params: paramsOf(c), loss: lossOf(c), gradient };
      const { value, grad } = tf.valueAndGrad((z) => weightedLoss(z as tf.Tensor2D, options))(
        tf.tensor2d(c.logits),
      );
      expect(deviation(value.dataSync(), [c.weighted_loss_mean])).toBeLessThan(tolerance);
      expect(deviation(grad.dataSync(), c[`grad_logits_${gradient}`].flat())).toBeLessThan(tolerance);
    });
  });

  it("scales its gradient by what follows it", () => {
    const options = { labels: Int32Array.of(0), params: null };
    const logits = tf.tensor2d([[1, 2]]);
    const once = tf.grad((z) => weightedLoss(z as tf.Tensor2D, options))(logits);
    const thrice = tf.grad((z) => tf.mul(weightedLoss(z as tf.Tensor2D, options), 3))(logits);
    expect(deviation(thrice.dataSync(), tf.mul(once, 3).dataSync())).toBe(0);
  });
});
