/** The JSON documents of a run folder: their members, and the checksums that tie them together. */
import { createHash } from "node:crypto";
import { expected, LilawError } from "@lilaw/core";
import * as v from "valibot";
import type { RunConfig } from "./config.js";

/** One training within a run: a method with a seed. */
export interface Unit {
  readonly method: string;
  readonly seed: number;
}

/** The figures of an epoch, one line of `metrics.jsonl`. Accuracies and AUROC are in [0, 1], null where undefined. */
export interface EpochMetrics extends Unit {
  /** From 1. */
  readonly epoch: number;
  /** Mean training objective. */
  readonly loss: number;
  /** Share of the predictions made during training that equal the labels training sees. */
  readonly trainAccuracy: number;
  /** The same predictions compared with the labels before noise; null where no noise was injected. */
  readonly trainCleanAccuracy: number | null;
  /** Compared with the labels that model selection sees. */
  readonly validAccuracy: number;
  readonly validCleanAccuracy: number | null;
  readonly testAccuracy: number;
  readonly testAuroc: number | null;
  /** (sum w)^2 / sum w^2 of the training weights. */
  readonly effectiveSampleSize: number;
  /** Mean weight in training of the samples whose labels are right; null where that is unknown, and where there are none. */
  readonly meanWeightClean: number | null;
  /** The same of the samples whose labels are wrong. */
  readonly meanWeightWrong: number | null;
  /** LiLAW's scalars after the epoch. */
  readonly alpha?: number;
  readonly beta?: number;
  readonly delta?: number;
  /** Duration of training and evaluation. */
  readonly seconds: number;
  /** Speed of training alone. */
  readonly stepsPerSecond: number;
  /** Checksum of the checkpoint after this epoch; present once the epoch is recorded. */
  readonly checkpointSha256?: string;
  /** Checksum of each file that the unit leaves, by its path in the folder of the unit; in the last epoch's line. */
  readonly files?: Readonly<Record<string, string>>;
}

// JSON writes null for a number that is not finite, for example the loss of a model that diverged.
const number = v.pipe(
  v.nullable(v.number()),
  v.transform((value) => value ?? Number.NaN),
);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const unit = { method: v.string(), seed: count };

/** Members are in the order in which lines are written, so that a resumed run writes the same lines again. */
export const epochMetrics: v.GenericSchema<unknown, EpochMetrics> = v.object({
  ...unit,
  epoch: count,
  loss: number,
  alpha: v.exactOptional(number),
  beta: v.exactOptional(number),
  delta: v.exactOptional(number),
  trainAccuracy: number,
  trainCleanAccuracy: v.nullable(v.number()),
  validAccuracy: number,
  validCleanAccuracy: v.nullable(v.number()),
  testAccuracy: number,
  testAuroc: v.nullable(v.number()),
  effectiveSampleSize: number,
  meanWeightClean: v.nullable(v.number()),
  meanWeightWrong: v.nullable(v.number()),
  seconds: number,
  stepsPerSecond: number,
  checkpointSha256: v.string(),
  files: v.exactOptional(v.record(v.string(), v.string())),
});

/** The part of `summary.json` that is read again: which units are finished. The results follow from the metrics. */
export const finishedUnits = v.object({ results: v.array(v.object(unit)) });

/** The members of `config.json` that a resumed run needs; `checkSettings` checks the settings. */
export const runConfig = v.looseObject({
  format: v.number(),
  versions: v.looseObject({ lilaw: v.string(), node: v.string(), tfjs: v.string() }),
  backend: v.looseObject({
    backend: v.string(),
    tried: v.array(v.object({ name: v.string(), reason: v.string() })),
  }),
  settings: v.looseObject({ files: v.exactOptional(v.looseObject({})) }),
  data: v.looseObject({
    name: v.string(),
    sha256: v.string(),
    origins: v.looseObject({ test: v.string() }),
  }),
  model: v.looseObject({}),
}) as unknown as v.GenericSchema<unknown, RunConfig>;

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A document with its checksum as the last member: the SHA-256 of the others as `JSON.stringify` writes them. */
export function seal<T extends object>(document: T): T & { sha256: string } {
  return { ...document, sha256: sha256(JSON.stringify(document)) };
}

/** A document of a run: its member `run` is the checksum of the run's `config.json`. */
export function sealForRun<T extends object>(document: T, run: string): T & { run: string; sha256: string } {
  return seal({ ...document, run });
}

/**
 * Reads a document that {@link sealForRun} made.
 *
 * @param name of the file, or the place in it, for errors
 * @throws CORRUPT_FILE (no such document), CHECKSUM_MISMATCH, INCOMPATIBLE_STATE (a document of another run)
 */
export function unsealOfRun<T>(
  text: string,
  name: string,
  schema: v.GenericSchema<unknown, T>,
  run: string,
): T {
  const owned = v.intersect([schema, v.object({ run: v.string() })]);
  const { run: owner, ...document } = unseal(text, name, owned).document;
  if (owner === run) return document as T;
  throw expected("INCOMPATIBLE_STATE", `a document of the run of config.json (${run})`, name, owner);
}

/**
 * Reads a document that {@link seal} made.
 *
 * @param name of the file, or the place in it, for errors
 * @throws CORRUPT_FILE (no such document), CHECKSUM_MISMATCH
 */
export function unseal<T>(
  text: string,
  name: string,
  schema: v.GenericSchema<unknown, T>,
): { document: T; sha256: string } {
  const { sha256: claimed, ...members } = parse(text, name);
  const digest = digestOf(members, name);
  if (claimed !== digest) {
    throw new LilawError(
      "CHECKSUM_MISMATCH",
      `Expected what lilaw wrote for ${name} but received something that was changed or damaged since ` +
        `(its sha256 is ${digest}, not ${String(claimed).slice(0, 64)})`,
    );
  }
  const { output, issues, success } = v.safeParse(schema, members);
  if (success) return { document: output, sha256: digest };
  const [{ expected: wanted, received }] = issues;
  throw new LilawError(
    "CORRUPT_FILE",
    `Expected ${wanted} for ${v.getDotPath(issues[0])} of ${name} but received ${received}`,
  );
}

function parse(text: string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new LilawError(
      "CORRUPT_FILE",
      `Expected JSON for ${name} but received ${(error as Error).message}`,
    );
  }
  if (isObject(value)) return value;
  throw expected("CORRUPT_FILE", "a JSON object", name, Array.isArray(value) ? value : typeof value);
}

/** Checksum of the content of a document, which formatting does not change. */
function digestOf(document: object, name: string): string {
  try {
    return sha256(JSON.stringify(document));
  } catch {
    // JSON.parse reads deeper nesting than JSON.stringify can write.
    throw expected("CORRUPT_FILE", "a document of lilaw", name, "one that is nested too deeply");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
