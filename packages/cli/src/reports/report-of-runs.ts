import { basename } from "node:path";
import { expected } from "@lilaw/core";
import type { Dataset } from "@lilaw/datasets";
import { auprc, auroc } from "@lilaw/diagnostics";
import type { LabelEvidence, ReportData, ReportRun, Review, ReviewSuspect } from "@lilaw/report";
import type { Unit } from "../documents.js";
import { nameOf, type RunFolder } from "../run-folder.js";
import { injectsNoise } from "../settings.js";
import { contentsOf, featuresOf } from "./contents.js";
import { confidentPools, evenly, nearest } from "./neighbours.js";
import { readSampleLines, type SampleLine } from "./sample-lines.js";
import { type LoadedSource, placesOf } from "./source-samples.js";

/** Points of the plane of u and v: more would lie on each other. */
const planePoints = 1500;
/** Neighbours of a suspect in each of its two classes. */
const neighbourCount = 3;

/** The unit whose labels are shown, and how many suspects. */
export interface ReportChoice {
  readonly method?: string;
  readonly seed?: number;
  readonly top: number;
}

/** A unit with its samples, most suspect first in `ranking`. */
interface Scored {
  readonly unit: Unit;
  readonly samples: readonly SampleLine[];
  /** Places among the samples. */
  readonly ranking: readonly number[];
  readonly scores: Float64Array;
  readonly score: string;
}

/**
 * What run folders say, as a report. The labels and the review are those of the chosen unit of each and of the first folder.
 *
 * @param load loads the samples of the first folder
 * @throws INVALID_ARGUMENT, UNKNOWN_NAME (a choice that a folder does not have), CORRUPT_FILE, CHECKSUM_MISMATCH
 */
export async function reportOfRuns(
  folders: readonly RunFolder[],
  choice: ReportChoice,
  load: (folder: RunFolder) => Promise<LoadedSource>,
): Promise<ReportData> {
  const names = namesOf(folders);
  const scored: (Scored | undefined)[] = [];
  for (const folder of folders) scored.push(await scoredUnit(folder, choice));
  const runs = folders.map((folder, i) => runOf(folder, names[i]!, scored[i]));
  const first = scored[0];
  if (first === undefined) return { runs };
  return { runs, review: reviewOf(folders[0]!, names[0]!, first, choice.top, await load(folders[0]!)) };
}

/** The names of the folders, or their whole paths where two have the same name. */
function namesOf(folders: readonly RunFolder[]): string[] {
  const names = folders.map(({ path }) => basename(path));
  return new Set(names).size === names.length ? names : folders.map(({ path }) => path);
}

function runOf(folder: RunFolder, name: string, scored: Scored | undefined): ReportRun {
  const { config, metrics, summary } = folder;
  const { created: _, ...configuration } = config;
  const unfinished = folder.units.filter((unit) => !folder.isFinished(unit)).map(nameOf);
  return {
    name,
    dataset: summary.dataset,
    remarks: [
      `Test samples: ${summary.test}.`,
      `Noise: ${summary.noise}.`,
      ...(unfinished.length > 0 ? [`Not finished yet: ${unfinished.join(", ")}.`] : []),
    ],
    results: summary.results.map((result) => ({
      method: result.method,
      seed: result.seed,
      bestEpoch: result.bestValidEpoch,
      testAccuracyAtBest: result.testAccuracyAtBestValid,
      testAccuracyLast: result.testAccuracyLast,
      testAurocAtBest: result.testAurocAtBestValid,
    })),
    epochs: metrics,
    ...(scored && { labels: evidenceOf(folder, scored) }),
    configuration,
  };
}

/** The chosen unit; without a choice lilaw, whose scores are the best, else the first that has samples. */
async function scoredUnit(folder: RunFolder, { method, seed }: ReportChoice): Promise<Scored | undefined> {
  const { units } = folder;
  const fitting = units.filter(
    (unit) => (method ?? unit.method) === unit.method && (seed ?? unit.seed) === unit.seed,
  );
  if (fitting.length === 0) {
    const asked = [
      ...(method === undefined ? [] : [`method ${method}`]),
      ...(seed === undefined ? [] : [`seed ${seed}`]),
    ];
    const wanted = `a method and a seed of ${folder.path} (${units.map(nameOf).join(", ")})`;
    throw expected("UNKNOWN_NAME", wanted, "--method and --seed", asked.join(", "));
  }
  const preferred = [...fitting].sort((a, b) => Number(b.method === "lilaw") - Number(a.method === "lilaw"));
  for (const unit of preferred) {
    const text = await folder.samplesOf(unit);
    if (text !== undefined) return ranked(unit, readSampleLines(text, `samples.csv of ${nameOf(unit)}`));
  }
  return undefined;
}

function ranked(unit: Unit, samples: readonly SampleLine[]): Scored {
  const hasTerms = samples.some(({ alpha }) => alpha !== undefined);
  const scores = Float64Array.from(samples, ({ alpha, loss }) =>
    hasTerms ? 1 - (alpha ?? Number.NaN) : loss,
  );
  const ranking = [...samples.keys()]
    .filter((place) => !Number.isNaN(scores[place]))
    .sort((a, b) => scores[b]! - scores[a]! || a - b);
  return {
    unit,
    samples,
    ranking,
    scores,
    score: hasTerms ? "1 - W_alpha of the last epoch" : "loss in the last epoch",
  };
}

function evidenceOf({ config }: RunFolder, { unit, samples, scores }: Scored): LabelEvidence {
  const { classNames } = config.data;
  const confusion = classNames.map(() => classNames.map(() => 0));
  for (const { label, prediction } of samples) if (prediction >= 0) confusion[label]![prediction]!++;
  const flags = samples.map(({ wrong }) => wrong);
  const isKnown = !flags.includes(undefined) && !scores.some(Number.isNaN);
  const wrong = flags.filter(Boolean).length;
  return {
    ...unit,
    classNames,
    confusion,
    classHealth: healthOf(confusion),
    plane: evenly(samples, planePoints)
      .filter(({ labelProb }) => Number.isFinite(labelProb))
      .map((sample) => ({
        u: sample.labelProb,
        v: sample.maxProb,
        ...(sample.wrong !== undefined && { wrong: sample.wrong }),
      })),
    ...(isKnown &&
      wrong > 0 &&
      wrong < samples.length && {
        quality: {
          auroc: auroc(scores, flags as boolean[]),
          auprc: auprc(scores, flags as boolean[]),
          wrong,
          count: samples.length,
        },
      }),
  };
}

/** Classes by the share of their labels that the model takes for another class, the largest first. */
function healthOf(confusion: readonly (readonly number[])[]): LabelEvidence["classHealth"] {
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  return confusion
    .map((row, label) => {
      const [count, taken] = [sum(row), sum(confusion.map((other) => other[label]!))];
      const labelNoise = share(count - row[label]!, count);
      return {
        label,
        count,
        labelNoise,
        inverseLabelNoise: share(taken - row[label]!, taken),
        quality: 1 - labelNoise,
      };
    })
    .sort((a, b) => a.quality - b.quality || a.label - b.label);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function reviewOf(
  { config, run }: RunFolder,
  name: string,
  { unit, samples, ranking, scores, score }: Scored,
  top: number,
  source: LoadedSource,
): Review {
  const { data, settings } = config;
  const places = ranking.slice(0, top);
  const show = "dataset" in source ? shown(source.dataset, samples, data.classes) : undefined;
  const suspects = places.map((place): ReviewSuspect => {
    const { label, prediction } = samples[place]!;
    const own = { ...whereOf(samples[place]!), label, suggestedLabel: prediction, score: scores[place]! };
    return show ? { ...own, ...show.content(place), neighbours: show.neighbours(place) } : own;
  });
  const { train, valid } = data.sources;
  const noisy = `Labels are those after the noise of seed ${unit.seed}: train --decisions takes decisions on them with the same noise, apply refuses them, since the source has other labels.`;
  return {
    title: `${name}, ${unit.method} with seed ${unit.seed}`,
    file: {
      source: train,
      ...(valid && { valid }),
      ...(data.reading && { label: data.reading.label.name }),
      run,
      classNames: data.classNames,
    },
    // Seeds differ in the labels that noise gives.
    key: `seed-${unit.seed}`,
    ...(show?.columns && { columns: show.columns }),
    score,
    ranked: ranking.length,
    suspects,
    remarks: [...("remark" in source ? [source.remark] : []), ...(injectsNoise(settings) ? [noisy] : [])],
  };
}

function whereOf({ split, row, line, file }: SampleLine) {
  return { split, row, ...(line !== undefined && { line }), ...(file !== undefined && { file }) };
}

/** Samples as the source has them, and the confident ones that are like a suspect. */
function shown(dataset: Dataset, samples: readonly SampleLine[], classes: number) {
  const at = placesOf(dataset, samples);
  const contents = contentsOf(dataset);
  const content = (place: number) => contents.contentOf(at[place]!.samples, at[place]!.index);
  const features = (place: number) => featuresOf(at[place]!.samples, at[place]!.index);
  const width = dataset.train.shape.reduce((a, b) => a * b, 1);
  const pools = confidentPools(samples, classes, width);
  const like = (place: number, label: number) =>
    nearest(features, place, pools[label]!, neighbourCount).map((other) => ({
      ...whereOf(samples[other]!),
      ...content(other),
    }));
  return {
    columns: contents.columns,
    content,
    neighbours: (place: number) => ({
      given: like(place, samples[place]!.label),
      suggested: like(place, samples[place]!.prediction),
    }),
  };
}
