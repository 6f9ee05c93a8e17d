/**
 * 06: labels that are wrong in a known way. Of every ten images of a digit four have the label of the next digit. A network that
 * is told so by a transition matrix compares its model of the true digit with the labels under it (forward correction), and
 * learns the true digits; without it, it learns the labels as they are.
 */
import { fit, plain } from "@lilaw/tfjs";
import { useBackend } from "@lilaw/tfjs/node";
import { network, noisyMnist, testAccuracy } from "./mnist.js";

const { backend } = await useBackend("auto");
// The matrix is [10, 10]: row k, column j is the probability of label j for a true digit k.
const { train, transitionMatrix, test, testLabels, classes } = await noisyMnist({
  kind: "pair-flip",
  rate: 0.4,
});
console.log(`backend ${backend}`);
const weightings = {
  uncorrected: plain({ loss: "cross-entropy" }),
  corrected: plain({ loss: "cross-entropy", transition: transitionMatrix }),
};
for (const [name, weighting] of Object.entries(weightings)) {
  const model = network();
  await fit(model, train.x, train.y, { epochs: 6, batchSize: 64, verbose: 0, weighting });
  const accuracy = testAccuracy(model, test.x, testLabels, classes).toFixed(3);
  console.log(`${name}: test accuracy ${accuracy}`);
}
