import { basename } from "node:path";
import { expected } from "@lilaw/core";
import type { Dataset } from "@lilaw/datasets";
import { classHealth, type LabelIssue } from "@lilaw/diagnostics";
import type { LabelEvidence, ReportData, ReportEpoch, ReportRun, Review } from "@lilaw/report";
import type { EpochMetrics, Unit } from "../documents.js";
import { readSamples } from "../read-samples.js";
import { nameOf, type RunFolder } from "../run-folder.js";
import type { SampleRow } from "../samples.js";
import { injectsNoise } from "../settings.js";
import { contentsOf, featuresOf } from "./contents.js";
import { confidentPools, evenly, nearest } from "./neighbours.js";
import { type LoadedSource, placesOf } from "./source-samples.js";
import { type Suspects, suspectsOf } from "./suspects.js";

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

/** How the samples of a run are loaded. */
export interface Loading {
  readonly load: (folder: RunFolder) => Promise<LoadedSource>;
  readonly signal: AbortSignal;
}

/** A unit with its samples. */
interface Scored {
  readonly unit: Unit;
  readonly samples: readonly SampleRow[];
  readonly suspects: Suspects;
}

/**
 * What run folders say, as a report. The labels and the review are those of the chosen unit of each and of the first folder.
 *
 * @throws INVALID_ARGUMENT, UNKNOWN_NAME (a choice that a folder does not have), CORRUPT_FILE, CHECKSUM_MISMATCH
 */
export async function reportOfRuns(
  folders: readonly RunFolder[],
  choice: ReportChoice,
  loading: Loading,
): Promise<ReportData> {
  const names = namesOf(folders);
  const scored: (Scored | undefined)[] = [];
  for (const folder of folders) scored.push(await scoredUnit(folder, choice));
  const runs = folders.map((folder, i) => runOf(folder, names[i]!, scored[i]));
  const first = scored[0];
  if (first === undefined) return { runs };
  return { runs, review: await reviewOf(folders[0]!, names[0]!, first, choice.top, loading) };
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
    epochs: metrics.map(epochOf),
    ...(scored && { labels: evidenceOf(folder, scored) }),
    configuration,
  };
}

/** The figures of an epoch; weights that are not known are left out. */
function epochOf({ meanWeightClean, meanWeightWrong, ...metrics }: EpochMetrics): ReportEpoch {
  return {
    ...metrics,
    ...(meanWeightClean !== null && { meanWeightClean }),
    ...(meanWeightWrong !== null && { meanWeightWrong }),
  };
}

/** The chosen unit; without a choice lilaw, whose scores are the best, else the first that is finished. */
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
  const unit = preferred.find((unit) => folder.isFinished(unit));
  if (unit === undefined) return undefined;
  const samples = await readSamples(folder, unit);
  return { unit, samples, suspects: suspectsOf(samples, folder.config.settings.epochs) };
}

function evidenceOf({ config }: RunFolder, { unit, samples, suspects }: Scored): LabelEvidence {
  const { classNames } = config.data;
  const confusion = classNames.map(() => classNames.map(() => 0));
  for (const { label, prediction } of samples) confusion[label]![prediction]!++;
  return {
    ...unit,
    classNames,
    confusion,
    classHealth: healthOf(confusion),
    plane: evenly(samples, planePoints)
      .filter(({ labelProb }) => Number.isFinite(labelProb))
      .map(({ labelProb, maxProb, flag }) => ({
        u: labelProb,
        v: maxProb,
        ...(flag !== null && { wrong: flag === 1 }),
      })),
    ...(suspects.quality && { quality: suspects.quality }),
  };
}

/** The state of the labels of each class by the model's predictions, the worst first. */
function healthOf(confusion: readonly (readonly number[])[]): LabelEvidence["classHealth"] {
  return classHealth({ counts: confusion }).map((health) => ({
    label: health.class,
    count: confusion[health.class]!.reduce((a, b) => a + b, 0),
    labelNoise: health.labelNoise,
    inverseLabelNoise: health.inverseLabelNoise,
    quality: health.labelQuality,
  }));
}

async function reviewOf(
  folder: RunFolder,
  name: string,
  scored: Scored,
  top: number,
  { load, signal }: Loading,
): Promise<Review> {
  const { data, settings } = folder.config;
  const { unit, samples, suspects } = scored;
  const issues = suspects.issues.slice(0, top);
  const source = await load(folder);
  const shown =
    "dataset" in source
      ? await showSuspects(source.dataset, folder, samples, issues, signal)
      : { suspects: issues.map((issue) => ({ ...whereOf(samples[issue.row]!), ...suspectOf(issue) })) };
  const { train, valid } = data.sources;
  const noisy = `Labels are those after the noise of seed ${unit.seed}: train --decisions takes decisions on them with the same noise, apply refuses them, since the source has other labels.`;
  return {
    title: `${name}, ${unit.method} with seed ${unit.seed}`,
    file: {
      source: train,
      ...(valid && { valid }),
      ...(data.reading && { label: data.reading.label.name }),
      run: folder.run,
      classNames: data.classNames,
    },
    // Seeds differ in the labels that noise gives.
    key: `seed-${unit.seed}`,
    score: suspects.score,
    ranked: suspects.issues.length,
    ...shown,
    remarks: [...("remark" in source ? [source.remark] : []), ...(injectsNoise(settings) ? [noisy] : [])],
  };
}

/** Where a sample is in its source. */
function whereOf({ split, row, line, file }: SampleRow) {
  return { split, row, ...(line !== null && { line }), ...(file !== null && { file }) };
}

function suspectOf({ label, suggestedLabel, score }: LabelIssue) {
  return { label, suggestedLabel, score };
}

/** The suspects as the source has them, each with the confident samples that are most like it. */
async function showSuspects(
  dataset: Dataset,
  { config: { settings, data } }: RunFolder,
  samples: readonly SampleRow[],
  issues: readonly LabelIssue[],
  signal: AbortSignal,
): Promise<Pick<Review, "columns" | "suspects">> {
  const places = placesOf(dataset, samples);
  const features = (sample: number) => featuresOf(places[sample]!.samples, places[sample]!.index);
  const width = dataset.train.shape.reduce((a, b) => a * b, 1);
  const pools = confidentPools(samples, data.classes, width);
  const like = (sample: number, label: number) => nearest(features, sample, pools[label]!, neighbourCount);
  const found = issues.map((issue) => ({
    issue,
    given: like(issue.row, issue.label),
    suggested: like(issue.row, issue.suggestedLabel),
  }));
  const all = new Set(found.flatMap(({ issue, given, suggested }) => [issue.row, ...given, ...suggested]));
  const wanted = [...all].map((sample) => samples[sample]!);
  const { columns, contentOf } = await contentsOf(dataset, settings.files, wanted, signal);
  const shown = (sample: number) => ({
    ...whereOf(samples[sample]!),
    ...contentOf(samples[sample]!, places[sample]!),
  });
  return {
    ...(columns && { columns }),
    suspects: found.map(({ issue, given, suggested }) => ({
      ...suspectOf(issue),
      ...shown(issue.row),
      neighbours: { given: given.map(shown), suggested: suggested.map(shown) },
    })),
  };
}
