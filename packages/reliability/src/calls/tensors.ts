/** The operations and the training of @lilaw/tfjs, on its backend cpu. */
import { Random } from "@lilaw/core";
import { fit, learningToReweight, lilaw, plain, randomWeights, weightedLoss } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
// These operations are not exported; weightings use them.
import { alignmentWeights } from "../../../tfjs/dist/operations/alignment-weights.js";
import { metaGradient } from "../../../tfjs/dist/operations/meta-gradient.js";
import { type Ending, FaultFound } from "../kind.js";
import { checkRefusal } from "../refusals.js";
import { type Call, checkRight, operations, randomCall } from "./call.js";
import type { Found } from "./truth.js";
import { chance, OwnError, pick, size, strange } from "./values.js";

export async function openTensors(): Promise<void> {
  await import("@tensorflow/tfjs-backend-cpu");
  await tf.setBackend("cpu");
  // Turns off the advice that TensorFlow.js prints.
  tf.enableProdMode();
}

export async function tensorCase(seed: number, index: number): Promise<Ending> {
  const random = Random.from(seed, "tensor", index);
  const call = randomCall(pick(random, operations), "cpu", random);
  // The other two are not exported.
  const isStrange = call.operation === "weightedLoss" && chance(random, 0.6);
  const options: Record<string, unknown> = { ...call.args };
  delete options.logits;
  delete options.classes;
  if (isStrange) options[pick(random, Object.keys(options))] = pick(random, strange);
  return leakless(call.operation, isStrange, () => {
    const found = runOnTensors(call, options);
    if (!isStrange) checkRight(call, found);
  });
}

/** @throws FaultFound when tensors are left over, or an error is no refusal */
async function leakless(name: string, mayRefuse: boolean, run: () => unknown): Promise<Ending> {
  const { numTensors } = tf.memory();
  const left = () => tf.memory().numTensors - numTensors;
  try {
    await run();
    if (left() === 0) return "right";
  } catch (error) {
    if (error instanceof FaultFound) throw new FaultFound(error.fault, `${name}: ${error.message}`);
    try {
      if (!(error instanceof OwnError)) checkRefusal(error);
    } catch (fault) {
      throw fault instanceof FaultFound ? new FaultFound(fault.fault, `${name}: ${fault.message}`) : fault;
    }
    if (!mayRefuse) throw new FaultFound("silentDifferences", `${name} refused: ${(error as Error).message}`);
    if (left() === 0) return "refused";
  }
  throw new FaultFound("silentDifferences", `${name}: ${left()} tensors are left`);
}

function runOnTensors({ operation, meant }: Call, options: Record<string, unknown>): Found {
  return tf.tidy(() => {
    const rows = meant.logits.length / meant.classes;
    const logits = tf.tensor2d(meant.logits as Float32Array, [rows, meant.classes]);
    if (operation === "metaGradient") return { ...metaGradient(logits, options as never) };
    if (operation === "alignmentWeights") {
      const { tangents, ...others } = options;
      const directions = ArrayBuffer.isView(tangents)
        ? tf.tensor2d(tangents as Float32Array, [rows, meant.classes])
        : tangents;
      const { alignments, weights } = alignmentWeights(logits, directions as never, others as never);
      return { alignments: alignments.dataSync(), weights: weights.dataSync() };
    }
    const out = {
      losses: new Float32Array(rows),
      weights: new Float32Array(rows),
      predictions: new Int32Array(rows),
    };
    const { value, grad } = tf.valueAndGrad((z) => weightedLoss(z as tf.Tensor2D, options as never, out))(
      logits,
    );
    return { ...out, objective: value.dataSync()[0], gradLogits: grad.dataSync() };
  });
}

const weightings = {
  lilaw: (options: object) => lilaw(options),
  learningToReweight: (options: object) => learningToReweight(options as never),
  plain: (options: object) => plain(options),
  randomWeights: (options: object) => randomWeights(options),
};

/** Trains for an epoch or two. Where nothing is wrong it trains twice, and compares the weights bit for bit. */
export async function fitCase(seed: number, index: number): Promise<Ending> {
  const random = Random.from(seed, "fit", index);
  const [count, width, classes] = [6 + random.int(20), size(random, 4), 2 + random.int(3)];
  const features = Float32Array.from({ length: count * width }, () => random.normal());
  const labels = Int32Array.from({ length: count }, () => random.int(classes));
  const name = pick(random, Object.keys(weightings) as (keyof typeof weightings)[]);
  const weightingOptions: Record<string, unknown> =
    name === "lilaw"
      ? {
          alpha: 10,
          learningRate: 0.01,
          warmupEpochs: random.int(2),
          metaEvery: 1 + random.int(2),
          validationBatchSize: 3,
        }
      : name === "learningToReweight"
        ? { validationBatchSize: 3, route: "auto" }
        : name === "plain"
          ? { loss: "cross-entropy" }
          : {};
  const args: Record<string, unknown> = {
    epochs: 1 + random.int(2),
    batchSize: size(random, count),
    shuffle: chance(random, 0.5),
    validationSplit: chance(random, 0.5) ? 0.3 : 0,
    seed: random.int(9),
    sampleWeight: chance(random, 0.5) ? Float32Array.from(labels, () => random.uniform()) : undefined,
    verbose: 0,
    yieldEvery: "never",
  };
  const isStrange = chance(random, 0.6);
  if (isStrange) {
    const bag = chance(random, 0.5) ? weightingOptions : args;
    const names = [
      ...Object.keys(bag),
      ...(bag === args ? ["resume", "record", "checkpoint", "weighting"] : ["loss", "validation"]),
    ];
    // TensorFlow.js checks these arguments itself.
    bag[
      pick(
        random,
        names.filter((key) => key !== "verbose" && key !== "yieldEvery"),
      )
    ] = pick(random, strange);
  }
  if (isStrange && typeof args.epochs === "number" && args.epochs > 20) args.epochs = 20;

  const train = async () => {
    const model = layers.sequential({
      layers: [layers.layers.dense({ units: classes, inputShape: [width], kernelInitializer: "ones" })],
    });
    const optimizer = tf.train.adam(0.1);
    const [x, y] = [tf.tensor2d(features, [count, width]), tf.tensor1d(labels, "int32")];
    try {
      model.compile({ optimizer, loss: "categoricalCrossentropy" });
      const options =
        name === "learningToReweight" ? { validation: [x, y], ...weightingOptions } : weightingOptions;
      await fit(model, x, y, { weighting: weightings[name](options), ...args } as never);
      return Float32Array.from(model.getWeights().flatMap((weight) => [...weight.dataSync()]));
    } finally {
      tf.dispose([x, y]);
      model.dispose();
      optimizer.dispose();
    }
  };
  return leakless(`fit, ${name}`, isStrange, async () => {
    const weights = await train();
    if (isStrange) return;
    if (!weights.every(Number.isFinite))
      throw new FaultFound("silentDifferences", "weights that are not finite");
    if (Buffer.compare(Buffer.from(weights.buffer), Buffer.from((await train()).buffer)) !== 0) {
      throw new FaultFound("silentDifferences", "the same training again: other bits");
    }
  });
}
