import { learningToReweight, lilaw, plain, randomWeights, type Weighting } from "@lilaw/tfjs";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Settings } from "./options.js";

/** Samples and class indices as tensors. */
export type LabelledTensors = [x: Tensor, y: Tensor];

/** What a method may use besides the training samples. */
export interface MethodInputs {
  /** Validation samples with their observed (perhaps wrong) labels. */
  readonly valid: LabelledTensors;
  /** A class-balanced part of them with true labels; present when a method {@link needsClean}. */
  readonly clean?: LabelledTensors;
  readonly settings: Pick<Settings, "gradient" | "warmupEpochs">;
}

const loss = "cross-entropy";

/** Every method by name; all run under the same schedule, model and seeds. */
const methods = {
  baseline: () => plain({ loss }),
  lilaw: ({ valid, settings: { gradient, warmupEpochs } }) =>
    lilaw({ loss, gradient, warmupEpochs, validation: valid }),
  "lilaw-detached": ({ valid, settings: { warmupEpochs } }) =>
    lilaw({ loss, gradient: "detached", warmupEpochs, validation: valid }),
  l2rw: ({ clean }) => learningToReweight({ loss, validation: clean! }),
  random: () => randomWeights({ loss }),
} satisfies Record<string, (inputs: MethodInputs) => Weighting>;

export const methodNames: readonly string[] = Object.keys(methods);

export function needsClean(method: string): boolean {
  return method === "l2rw";
}

/** The weighting of a method: state of one training run, never shared between two. */
export function weightingOf(method: string, inputs: MethodInputs): Weighting {
  return methods[method as keyof typeof methods](inputs);
}
