/** Variants on tensors of TensorFlow.js: our kernels, and the same computed by its own operations. */
import { type Kernels, kernels } from "@lilaw/tfjs/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { timed } from "../turns.js";
import * as autodiff from "./autodiff.js";
import type { KernelOutput, KernelPlan } from "./case.js";
import { type KernelData, params } from "./data.js";
import * as shortest from "./shortest.js";

/** Tensors of a {@link KernelData}. */
interface Inputs {
  readonly logits: tf.Tensor2D;
  readonly labels: tf.Tensor1D;
  readonly validLogits?: tf.Tensor2D;
  readonly validLabels?: tf.Tensor1D;
  readonly tangents?: tf.Tensor2D;
}

/** A way to compute the operations on tensors. */
interface TensorOperations {
  /** Objective and gradient */
  weightedLoss(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor[];
  metaGradient(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor;
  /** [alpha, beta, delta] of the values that `metaGradient` returned */
  partials(values: ArrayLike<number>): ArrayLike<number>;
  alignmentWeights(logits: tf.Tensor2D, tangents: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor;
}

const loss = "cross-entropy";

const withKernels = (from: Kernels): TensorOperations => ({
  weightedLoss: (logits, labels) =>
    from.weightedLoss(
      { logits, labels },
      { loss, params, gradient: "full", normalize: "none", rowValues: [] },
    ),
  metaGradient: (logits, labels) => from.metaGradient({ logits, labels }, { loss, params })[0]!,
  partials: (values) => [0, 2, 4].map((at) => values[at]! + values[at + 1]!),
  alignmentWeights: (logits, tangents, labels) =>
    from.alignmentWeights({ logits, tangents, labels }, { loss })[1]!,
});

const ways = {
  /** The kernels that @lilaw/tfjs runs on the backend */
  kernels: withKernels(kernels.registered),
  /** tfjs operations that treat every row as the kernels do */
  composed: withKernels(kernels.composed),
  /** The formulas in tfjs operations, with the gradients that tfjs finds */
  autodiff: { ...autodiff, partials: (values) => values },
  /** The fewest tfjs operations, with gradients in closed form */
  shortest: { ...shortest, partials: (values) => values },
} satisfies Record<string, TensorOperations>;
export type Way = keyof typeof ways;

export interface TensorPlanOptions {
  /** Of tfjs */
  readonly backend: string;
  readonly way: Way;
  readonly skipped?: string | undefined;
  /** The device or library that the backend computes with */
  readonly where?: string | undefined;
  readonly bytesLimit?: number;
}

/** A plan for a backend of TensorFlow.js, which has to be registered. Its name is backend and way, such as `wasm kernels`. */
export function tensorPlan({ backend, way, skipped, where, bytesLimit }: TensorPlanOptions): KernelPlan {
  const name = `${backend} ${way}`;
  const ours = way === "kernels";
  return {
    name,
    ours,
    skipped,
    // WebGPU may run on a software driver, which is slow.
    frugal: ours && backend !== "webgpu",
    ...(bytesLimit !== undefined && { bytesLimit }),
    async open(data) {
      await tf.setBackend(backend);
      const inputs = tensorsOf(data);
      const run = workOf(data.operation, ways[way], inputs);
      // Only webgpu has to be read by a promise; elsewhere its cost would be measured too.
      const sample = timed(backend === "webgpu" ? () => readLater(run) : () => readNow(run));
      const here = () => tf.setBackend(backend);
      return {
        name,
        ours,
        async sample(calls) {
          await here();
          return sample(calls);
        },
        async output() {
          await here();
          return outputOf(run, ways[way]);
        },
        async facts() {
          await here();
          const { numBytes } = tf.memory();
          const { kernels, peakBytes } = await tf.profile(() => tf.tidy(() => void run()));
          return { launches: kernels.length, peakBytes: peakBytes - numBytes, ...(where && { where }) };
        },
        dispose: () => tf.dispose({ ...inputs }),
      };
    },
  };
}

function tensorsOf({ batch, validation, tangents }: KernelData): Inputs {
  const [rows, classes] = [batch.rows, batch.classes];
  const matrix = (values: Float32Array) => tf.tensor2d(values, [rows, classes]);
  return {
    logits: matrix(batch.logits),
    labels: tf.tensor1d(batch.labels, "int32"),
    ...(validation && {
      validLogits: matrix(validation.logits),
      validLabels: tf.tensor1d(validation.labels, "int32"),
    }),
    ...(tangents && { tangents: matrix(tangents) }),
  };
}

/**
 * The tensors that an operation returns. Every call reads all of them but the gradient, which is large: without a read the
 * work might only be queued.
 */
interface Results {
  readonly [name: string]: tf.Tensor;
}

function workOf(
  operation: KernelData["operation"],
  way: TensorOperations,
  { logits, labels, validLogits, validLabels, tangents }: Inputs,
): () => Results {
  const weightedLoss = () => {
    const [objective, gradLogits] = way.weightedLoss(logits, labels);
    return { objective: objective!, gradLogits: gradLogits! };
  };
  switch (operation) {
    case "weightedLoss":
      return weightedLoss;
    case "metaGradient":
      return () => ({ partials: way.metaGradient(logits, labels) });
    case "alignmentWeights":
      return () => ({ weights: way.alignmentWeights(logits, tangents!, labels) });
    case "lilawStep":
      return () => ({ ...weightedLoss(), partials: way.metaGradient(validLogits!, validLabels!) });
  }
}

const isRead = (name: string) => name !== "gradLogits";

function readNow(run: () => Results): void {
  tf.tidy(() => {
    for (const [name, tensor] of Object.entries(run())) if (isRead(name)) tensor.dataSync();
  });
}

async function readLater(run: () => Results): Promise<void> {
  const results = tf.tidy(run);
  await Promise.all(Object.entries(results).map(([name, tensor]) => isRead(name) && tensor.data()));
  tf.dispose({ ...results });
}

async function outputOf(run: () => Results, way: TensorOperations): Promise<KernelOutput> {
  const results = tf.tidy(run);
  const { objective, partials, gradLogits, weights } = results;
  const values: (ArrayLike<number> | undefined)[] = [
    await objective?.data(),
    partials && way.partials(await partials.data()),
    await gradLogits?.data(),
    await weights?.data(),
  ];
  tf.dispose({ ...results });
  return values.filter((array) => array !== undefined);
}
