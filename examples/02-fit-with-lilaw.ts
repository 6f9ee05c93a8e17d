/**
 * 02: `fit` with LiLAW. `fit(model, x, y, args)` takes what `model.fit` takes, and a weighting. Half of the training
 * labels are wrong; the validation samples of the meta-step are held out from them and have as many wrong labels.
 * At the end the weights of the last epoch show which labels are suspect.
 */
import { auroc } from "@lilaw/diagnostics";
import { fit, lilaw, plain } from "@lilaw/tfjs";
import { useBackend } from "@lilaw/tfjs/node";
import { network, noisyMnist, testAccuracy } from "./mnist.js";

const { backend } = await useBackend("auto");
const { train, flags, test, testLabels, classes } = await noisyMnist();
console.log(`backend ${backend}`);

for (const weighting of [plain({ loss: "cross-entropy" }), lilaw()]) {
  const model = network();
  const suspicion: number[] = [];
  const isWrong: number[] = [];
  const { history } = await fit(model, train.x, train.y, {
    epochs: 6,
    batchSize: 64,
    verbose: 0,
    weighting,
    record({ epoch, rows, terms }) {
      if (epoch !== 5 || terms === undefined) return;
      rows.forEach((row, i) => {
        suspicion.push(1 - terms.alpha[i]!); // high = suspect
        isWrong.push(flags[row]!);
      });
    },
  });
  const scalars = history.alpha
    ? `, alpha by epoch ${history.alpha.map((a) => Number(a).toFixed(2)).join(" ")}`
    : "";
  console.log(
    `${weighting.name}: test accuracy ${testAccuracy(model, test.x, testLabels, classes).toFixed(3)}${scalars}`,
  );
  if (suspicion.length > 0)
    console.log(`finding the wrong labels: AUROC ${auroc(suspicion, isWrong).toFixed(3)}`);
}
