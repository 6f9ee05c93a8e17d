/** A training as a case of a suite: every method trains its own model, and a call is an epoch. */
import {
  type Effort,
  type Measured,
  type OpenCase,
  type SkippedVariant,
  spreadOf,
  timed,
  type Variant,
} from "@lilaw/bench";
import { type NodeBackend, useBackend } from "@lilaw/tfjs/node";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { baseline, type Train } from "./methods.js";
import {
  buildModel,
  type ModelName,
  type ModelOptions,
  optionsOf,
  randomSamples,
  type Samples,
} from "./models.js";

export const backends: readonly NodeBackend[] = ["tensorflow", "wasm", "cpu"];

/** Rounds of one epoch for every method. An epoch is long enough to need no warm-up and no further calls. */
export const rounds = (count: number): Effort => ({
  rounds: count,
  sampleSeconds: 0,
  warmUpSeconds: 0,
  callSecondsLimit: 60,
});

export interface Training {
  readonly backend: NodeBackend;
  readonly model: ModelName;
  readonly options?: Partial<ModelOptions>;
  readonly batchSize: number;
  /** Steps of an epoch; many enough that the start of `fit` does not count */
  readonly steps: number;
}

/** A training that is prepared. */
export interface Epochs {
  readonly build: () => LayersModel;
  readonly samples: Samples;
  readonly validation: Samples;
  readonly batchSize: number;
  /** The variant of a method, with its own model; a call is an epoch */
  variant(name: string, train: Train): Variant;
  /** More columns of a result */
  columns(measured: Measured): { steps: number; stepMsP50: number };
  close(): void;
}

/** Makes the samples of an epoch, and validation samples: 1024, or a batch where that is more. */
export function openEpochs({ model, options, batchSize, steps }: Training): Epochs {
  const shape = optionsOf(model, options);
  const build = () => buildModel(model, shape);
  const samples = randomSamples(shape, steps * batchSize, 1);
  const validation = randomSamples(shape, Math.max(1024, batchSize), 2);
  const models: LayersModel[] = [];
  return {
    build,
    samples,
    validation,
    batchSize,
    variant(name, train) {
      const own = build();
      models.push(own);
      return {
        name,
        ours: name !== baseline,
        sample: timed(() => train(own, samples, validation, batchSize)),
      };
    },
    columns: ({ seconds }) => ({
      steps,
      stepMsP50: Number(((1000 * median(seconds)) / steps).toPrecision(4)),
    }),
    close() {
      for (const own of models) own.dispose();
      tf.dispose([samples, validation] as unknown as tf.TensorContainer);
    },
  };
}

const median = (values: readonly number[]) => spreadOf(values).p50;

/** Methods that are compared on the same training. */
export interface Comparison {
  readonly training: Training;
  readonly methods: Readonly<Record<string, Train>>;
  /** Throws where a method gives wrong results. */
  check(epochs: Epochs): Promise<void>;
  /** The reason to skip the case, if there is one; called when the backend has been loaded */
  reasonToSkip?(): Promise<string | undefined>;
}

/** Opens a case of methods that train on one backend; where it does not run, they are skipped. */
export async function openComparison(
  names: readonly string[],
  { training, methods, check, reasonToSkip }: Comparison,
): Promise<OpenCase> {
  const reason = (await reasonAgainst(() => useBackend(training.backend))) ?? (await reasonToSkip?.());
  if (reason !== undefined) return skippedCase(names, reason);
  const epochs = openEpochs(training);
  return {
    variants: names.map((name) => epochs.variant(name, methods[name]!)),
    check: () => check(epochs),
    columns: (measured) => epochs.columns(measured),
    close: () => epochs.close(),
  };
}

/** A case whose variants are all skipped, for one reason. */
export function skippedCase(names: readonly string[], skipped: string): OpenCase {
  const variants: SkippedVariant[] = names.map((name) => ({ name, ours: name !== baseline, skipped }));
  return { variants, check() {} };
}

/** The reason why an attempt fails, or undefined. */
export async function reasonAgainst(attempt: () => unknown): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
