import type { Loss } from "@lilaw/core";
import { learningToReweight, lilaw, plain, randomWeights, type Weighting } from "@lilaw/tfjs";
import type { Tensor } from "@tensorflow/tfjs-core";

/** Samples and class indices as tensors. */
export type LabelledTensors = [x: Tensor, y: Tensor];

/** Everything a method may use besides the training samples. */
export interface MethodInputs {
  readonly loss: Loss;
  /** Validation samples with their observed (perhaps wrong) labels. */
  readonly valid: LabelledTensors;
  /** Class-balanced samples with true labels, for methods that need them. */
  readonly clean?: LabelledTensors;
  readonly gradient: "full" | "detached";
  readonly warmupEpochs: number;
}

/** A way to weigh the training samples. */
type Method = {
  /** Other names for it on the command line. */
  readonly aliases?: readonly string[];
} & (
  | { readonly needsClean?: false; readonly weighting: (inputs: MethodInputs) => Weighting }
  | {
      /** The method trusts labels: it gets samples whose labels are right, or does not run. */
      readonly needsClean: true;
      readonly weighting: (inputs: Required<MethodInputs>) => Weighting;
    }
);

/** Every method by name; all run under the same schedule, model and seeds. A new one needs a row here and nothing else. */
const methods: Readonly<Record<string, Method>> = {
  baseline: { aliases: ["plain"], weighting: ({ loss }) => plain({ loss }) },
  lilaw: {
    weighting: ({ loss, gradient, warmupEpochs, valid }) =>
      lilaw({ loss, gradient, warmupEpochs, validation: valid }),
  },
  "lilaw-detached": {
    weighting: ({ loss, warmupEpochs, valid }) =>
      lilaw({ loss, gradient: "detached", warmupEpochs, validation: valid }),
  },
  l2rw: {
    aliases: ["learning-to-reweight"],
    needsClean: true,
    weighting: ({ loss, clean }) => learningToReweight({ loss, validation: clean }),
  },
  random: { aliases: ["random-weights"], weighting: ({ loss }) => randomWeights({ loss }) },
};

export const methodNames: readonly string[] = Object.keys(methods);

/** The name of a method by each of its aliases. */
export const methodAliases: ReadonlyMap<string, string> = new Map(
  Object.entries(methods).flatMap(([name, { aliases = [] }]) =>
    aliases.map((alias): [string, string] => [alias, name]),
  ),
);

/** Whether a method needs samples whose labels are right. */
export function needsClean(name: string): boolean {
  return methods[name]!.needsClean === true;
}

/** A new weighting of a method. It holds the state of one training, so that each training needs its own. */
export function weightingOf(name: string, inputs: MethodInputs): Weighting {
  const method = methods[name]!;
  return method.needsClean ? method.weighting(inputs as Required<MethodInputs>) : method.weighting(inputs);
}
