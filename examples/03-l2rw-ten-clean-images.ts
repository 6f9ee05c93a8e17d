/**
 * 03: Learning to Reweight with ten clean images for each class. 4,000 images of which half carry a wrong label, and
 * 100 images whose labels are known to be right: each step gives weight only to those training images whose gradient
 * lowers the loss of the clean ones.
 */
import { fit, learningToReweight, plain } from "@lilaw/tfjs";
import { useBackend } from "@lilaw/tfjs/node";
import { network, noisyMnist, testAccuracy } from "./mnist.js";

const { backend } = await useBackend("auto");
const { train, flags, clean, test, testLabels, classes } = await noisyMnist();
console.log(`backend ${backend}`);

const methods = [plain({ loss: "cross-entropy" }), learningToReweight({ validation: [clean.x, clean.y] })];
for (const weighting of methods) {
  const model = network();
  const weightOn = { right: 0, wrong: 0 };
  await fit(model, train.x, train.y, {
    epochs: 6,
    batchSize: 64,
    verbose: 0,
    weighting,
    record({ epoch, rows, weights }) {
      if (epoch !== 5) return;
      rows.forEach((row, i) => {
        weightOn[flags[row] === 1 ? "wrong" : "right"] += weights[i]!;
      });
    },
  });
  const share = weightOn.right / (weightOn.right + weightOn.wrong);
  console.log(
    `${weighting.name}: test accuracy ${testAccuracy(model, test.x, testLabels, classes).toFixed(3)}, ` +
      `weight on right labels in the last epoch ${(100 * share).toFixed(1)} %`,
  );
}
