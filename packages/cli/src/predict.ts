import { extname } from "node:path";
import { expected } from "@lilaw/core";
import { type Inputs, loadInputs } from "@lilaw/datasets";
import { predictedClasses, softmax } from "@lilaw/diagnostics";
import { useBackend } from "@lilaw/tfjs/node";
import * as tf from "@tensorflow/tfjs-core";
import { stringify } from "csv-stringify/sync";
import { chooseUnit } from "./choose-unit.js";
import type { Unit } from "./documents.js";
import { predict as predictOn } from "./evaluate.js";
import { type KeptEpoch, loadModel } from "./load-model.js";
import { type Column, parquetOf } from "./parquet.js";
import { predProbsNpy } from "./pred-probs.js";
import type { RunFolder } from "./run-folder.js";
import type { Settings } from "./settings.js";

export interface PredictOptions extends Partial<Unit> {
  readonly input: string;
  readonly epoch: KeptEpoch;
  readonly backend: Settings["backend"];
  readonly maxUnpacked?: number;
  readonly signal?: AbortSignal;
}

/** The predictions of a model of a run for new samples. */
export interface NewPredictions {
  /** The training whose model was used, and its epoch, from 1. */
  readonly unit: Unit & { readonly epoch: number };
  readonly classNames: readonly string[];
  readonly inputs: Omit<Inputs, "features">;
  /** Rows of the file that are left out, since a cell is missing. */
  readonly dropped: number;
  /** [count] */
  readonly predictions: Int32Array;
  /** [count, classes] */
  readonly predProbs: Float32Array;
}

/**
 * Predicts the classes of new samples with a model that a run keeps.
 *
 * @throws UNKNOWN_NAME, INCOMPATIBLE_STATE, CORRUPT_FILE, CHECKSUM_MISMATCH (of the run); the errors of `loadInputs`; NON_FINITE
 *   for samples so large that the model overflows
 */
export async function predict(folder: RunFolder, options: PredictOptions): Promise<NewPredictions> {
  const { input, epoch, backend, maxUnpacked, signal, ...asked } = options;
  const unit = chooseUnit(folder, asked);
  await useBackend(backend);
  const { model, inputs: of } = await loadModel(folder, unit, epoch);
  try {
    const { inputs, dropped } = await loadInputs(input, of.encoding, {
      ...(maxUnpacked !== undefined && { maxBytes: maxUnpacked }),
      ...(signal && { signal }),
    });
    const { features, ...rest } = inputs;
    const classes = of.classNames.length;
    const x = tf.tensor(features, [rest.count, ...rest.shape]);
    const { logits } = predictOn(model, x, classes, "are the samples like those of the training?");
    x.dispose();
    return {
      unit: { ...unit, epoch: of.epoch },
      classNames: of.classNames,
      inputs: rest,
      dropped,
      predictions: predictedClasses(logits, classes),
      predProbs: Float32Array.from(softmax(logits, classes)),
    };
  } finally {
    model.dispose();
  }
}

/** How predictions are written, by the extension of the file. */
const writers: Readonly<Record<string, (predictions: NewPredictions) => string | Uint8Array>> = {
  ".csv": predictionsCsv,
  ".json": predictionsJson,
  ".parquet": (predictions) => parquetOf(columnsOf(predictions)),
  ".npy": ({ predProbs, classNames }) => predProbsNpy([predProbs], classNames.length),
};

/** @throws INVALID_ARGUMENT for a file whose extension says no format that predictions are written in */
export function predictionsWriter(path: string): (predictions: NewPredictions) => string | Uint8Array {
  const writer = writers[extname(path).toLowerCase()];
  if (writer) return writer;
  throw expected("INVALID_ARGUMENT", `a file ending in ${Object.keys(writers).join(", ")}`, "--output", path);
}

/** A line for each sample: where it is in its file, the prediction, and the probability of each class. */
export function predictionsCsv(predictions: NewPredictions): string {
  const columns = columnsOf(predictions);
  const lines = Array.from({ length: predictions.inputs.count }, (_, i) =>
    columns.map(({ type, values }) => {
      const value = values[i]!;
      return type === "FLOAT" ? Number((value as number).toPrecision(9)) : value;
    }),
  );
  return stringify([columns.map(({ name }) => name), ...lines]);
}

function predictionsJson(predictions: NewPredictions): string {
  const { unit, classNames, dropped, predProbs } = predictions;
  const classes = classNames.length;
  const columns = columnsOf(predictions).filter(({ type }) => type !== "FLOAT");
  const samples = Array.from(predictions.predictions, (_, i) => ({
    ...Object.fromEntries(columns.map(({ name, values }) => [name, values[i]])),
    predProbs: Array.from(predProbs.subarray(i * classes, (i + 1) * classes), (p) =>
      Number(p.toPrecision(9)),
    ),
  }));
  return `${JSON.stringify({ ...unit, classNames, dropped, samples })}\n`;
}

function columnsOf({ inputs, classNames, predictions, predProbs }: NewPredictions): Column[] {
  const { count, rows, lines, files } = inputs;
  const classes = classNames.length;
  const own = (name: string, type: Column["type"], cellOf: (i: number) => string | number): Column => ({
    name,
    type,
    values: Array.from({ length: count }, (_, i) => cellOf(i)),
  });
  return [
    own("row", "INT32", (i) => rows?.[i] ?? i),
    ...(lines ? [own("line", "INT32", (i) => lines[i]!)] : []),
    ...(files ? [own("file", "STRING", (i) => files[i]!)] : []),
    own("prediction", "INT32", (i) => predictions[i]!),
    own("predictionName", "STRING", (i) => classNames[predictions[i]!]!),
    ...classNames.map((name, k) => own(`prob ${name}`, "FLOAT", (i) => predProbs[i * classes + k]!)),
  ];
}
