/** A training as a case of a benchmark: every method has a model of its own, and a call is an epoch. */
import type { Absentee, Contender, Effort, Measured, Opened } from "@lilaw/cli/bench";
import { spreadOf, timed } from "@lilaw/cli/bench";
import { useBackend } from "@lilaw/tfjs/node";
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

export const backends = ["tensorflow", "wasm", "cpu"] as const;
export type Backend = (typeof backends)[number];

/** Rounds with one epoch of every method in each, without calibration: an epoch is long, and as long for all. */
export const rounds = (count: number): Effort => ({
  rounds: count,
  sampleSeconds: 0,
  warmUpSeconds: 0,
  callSecondsLimit: 60,
});

/** What is trained. */
export interface Training {
  readonly backend: Backend;
  readonly model: ModelName;
  readonly options?: Partial<ModelOptions>;
  readonly batchSize: number;
  /** In an epoch: enough for the start of a `fit` not to count */
  readonly steps: number;
}

/** Ready to be trained. */
export interface Epochs {
  readonly build: () => LayersModel;
  readonly samples: Samples;
  readonly validation: Samples;
  readonly batchSize: number;
  /** A method with a model of its own; a call is an epoch */
  contender(name: string, train: Train): Contender;
  /** More columns of a result */
  columns(measured: Measured): { steps: number; stepMsP50: number };
  close(): void;
}

/** Makes samples, as many as an epoch wants, and validation samples: 1024, or a batch where that is more. */
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
    contender(name, train) {
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

/** A training, and what is done with it. */
export interface Comparison {
  readonly training: Training;
  readonly methods: Readonly<Record<string, Train>>;
  /** Throws when a method does not do what it should. */
  check(epochs: Epochs): Promise<void>;
  /** Why it is better left out, if so; asked once the backend is there */
  leftOut?(): Promise<string | undefined>;
}

/** Opens a case of methods that train on one backend; where that cannot be had, they are absent. */
export async function openComparison(
  names: readonly string[],
  { training, methods, check, leftOut }: Comparison,
): Promise<Opened> {
  const reason = (await reasonAgainst(() => useBackend(training.backend))) ?? (await leftOut?.());
  if (reason !== undefined) return absent(names, reason);
  const epochs = openEpochs(training);
  return {
    contenders: names.map((name) => epochs.contender(name, methods[name]!)),
    check: () => check(epochs),
    columns: (measured) => epochs.columns(measured),
    close: () => epochs.close(),
  };
}

/** A case whose contenders are all absent, for one reason. */
export function absent(names: readonly string[], skipped: string): Opened {
  const contenders: Absentee[] = names.map((name) => ({ name, ours: name !== baseline, skipped }));
  return { contenders, check() {} };
}

/** Why something cannot be had here, if so. */
export async function reasonAgainst(attempt: () => unknown): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
