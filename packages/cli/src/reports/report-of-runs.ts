import { basename } from "node:path";
import type { Dataset } from "@lilaw/datasets";
import { classHealth, type LabelIssue, type LabelIssues } from "@lilaw/diagnostics";
import type { LabelEvidence, ReportData, ReportEpoch, ReportRun, Review } from "@lilaw/report";
import { chooseUnit } from "../choose-unit.js";
import { subjectOf } from "../decisions-on-run.js";
import type { EpochMetrics, Unit } from "../documents.js";
import { rankSamples } from "../ranked-samples.js";
import { readSamples } from "../read-samples.js";
import { nameOf, type RunFolder } from "../run-folder.js";
import type { SampleRow } from "../samples.js";
import { injectsNoise } from "../settings.js";
import { contentsOf } from "./contents.js";
import { confidentPools, evenly, nearest } from "./neighbours.js";
import { type LoadedSource, type Place, placesOf } from "./source-samples.js";
import { spaceOf } from "./space.js";

/** Points of the plane of u and v: more would lie on each other. */
const planePoints = 1500;
/** Neighbours of a suspect in each of its two classes. */
const neighbourCount = 3;

/** The unit whose labels are shown, and how many suspects. */
export interface ReportChoice extends Partial<Unit> {
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
  readonly suspects: LabelIssues;
}

/**
 * Makes the report of run folders. The labels and the review are those of the chosen unit of each and of the first folder.
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

/** The unit that is asked for; undefined where nothing is asked for and no unit is finished. */
async function scoredUnit(
  folder: RunFolder,
  { top: _, ...asked }: ReportChoice,
): Promise<Scored | undefined> {
  const isFinished = folder.units.some((unit) => folder.isFinished(unit));
  if (!isFinished && Object.keys(asked).length === 0) return undefined;
  const unit = chooseUnit(folder, asked);
  const samples = await readSamples(folder, unit);
  return { unit, samples, suspects: rankSamples(samples, folder.config.settings.epochs) };
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
    ...qualityOf(suspects.quality, samples),
  };
}

/** How well the score finds the labels that are known to be wrong; nothing where there are none, or no others. */
function qualityOf(
  quality: LabelIssues["quality"],
  samples: readonly SampleRow[],
): Pick<LabelEvidence, "quality"> {
  const wrong = samples.filter(({ flag }) => flag === 1).length;
  if (quality === undefined || wrong === 0 || wrong === samples.length) return {};
  return { quality: { auroc: quality.auroc, auprc: quality.auprc, wrong, count: samples.length } };
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
      ? await showSuspects(source.dataset, folder, scored, issues, signal)
      : { suspects: issues.map((issue) => ({ ...whereOf(samples[issue.row]!), ...suspectOf(issue) })) };
  return {
    title: `${name}, ${unit.method} with seed ${unit.seed}`,
    file: subjectOf(folder),
    // Seeds differ in the labels that noise gives.
    key: `seed-${unit.seed}`,
    score: suspects.score,
    ranked: suspects.issues.length,
    ...shown,
    remarks: [
      ...("remark" in source ? [source.remark] : []),
      ...(injectsNoise(settings)
        ? [
            `Labels are those after the noise of seed ${unit.seed}: train --decisions takes decisions on them with the same noise, apply refuses them, since the source has other labels.`,
          ]
        : []),
      ...(data.decisions
        ? [
            `Labels are those after the decisions of ${data.decisions.name}: where these changed a label, decisions made here fit data that apply has corrected, not the source.`,
          ]
        : []),
    ],
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
  folder: RunFolder,
  { unit, samples }: Scored,
  issues: readonly LabelIssue[],
  signal: AbortSignal,
): Promise<Pick<Review, "columns" | "suspects">> {
  const places = placesOf(dataset, samples);
  const found = await withNeighbours(folder, unit, samples, places, issues);
  const likes = new Set(found.flatMap(({ given, suggested }) => [...given, ...suggested]));
  const all = new Set([...issues.map(({ row }) => row), ...likes]);
  const wanted = [...all].map((sample) => samples[sample]!);
  const { columns, contentOf } = await contentsOf(dataset, folder.config.settings.files, wanted, signal);
  const shown = (sample: number, count: number) => ({
    ...whereOf(samples[sample]!),
    ...contentOf(samples[sample]!, places[sample]!, count),
  });
  const neighbours = new Map([...likes].map((sample) => [sample, shown(sample, likes.size)]));
  const those = (found: readonly number[]) => found.map((sample) => neighbours.get(sample)!);
  return {
    ...(columns && { columns }),
    suspects: found.map(({ issue, given, suggested }) => ({
      ...suspectOf(issue),
      ...shown(issue.row, issues.length),
      neighbours: { given: those(given), suggested: those(suggested) },
    })),
  };
}

/** Each suspect with the confident samples of its two classes that are nearest to it. */
async function withNeighbours(
  folder: RunFolder,
  unit: Unit,
  samples: readonly SampleRow[],
  places: readonly Place[],
  issues: readonly LabelIssue[],
) {
  const { classes, shape } = folder.config.data;
  const space = await spaceOf(folder, unit, shape);
  try {
    const pools = confidentPools(samples, classes, space.width);
    const classesOf = ({ label, suggestedLabel }: LabelIssue) => [label, suggestedLabel];
    const compared = new Set(issues.flatMap(classesOf).flatMap((label) => pools[label]!));
    const needed = [...new Set([...issues.map(({ row }) => row), ...compared])];
    const vectors = await space.vectorsOf(needed.map((sample) => places[sample]!));
    const vectorOf = new Map(needed.map((sample, i) => [sample, vectors[i]!]));
    return issues.map((issue) => {
      const [given, suggested] = classesOf(issue).map((label) =>
        nearest(vectorOf, issue.row, pools[label]!, neighbourCount),
      ) as [number[], number[]];
      return { issue, given, suggested };
    });
  } finally {
    space.dispose();
  }
}
