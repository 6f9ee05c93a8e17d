import { basename } from "node:path";
import { expected, LilawError } from "@lilaw/core";
import type { Dataset, Source } from "@lilaw/datasets";
import { Corrections, type Decision, type Decisions, readDecisions } from "./decisions.js";
import type { Settings } from "./settings.js";

/** The samples that decisions may be about, as they lie in files; for a built-in dataset the checksum is that of the samples. */
export interface Sources {
  readonly train: Source;
  /** Absent where the validation samples come from the source of the training samples. */
  readonly valid?: Source;
}

/** The corrections of the samples that the splits come from: the same object where both come from one source. */
export interface SplitCorrections {
  readonly train: Corrections;
  readonly valid: Corrections;
}

/** The decisions file of a run, for `config.json`. */
export interface UsedDecisions {
  readonly name: string;
  /** Checksum of its bytes. */
  readonly sha256: string;
  /** How many labels it changes. */
  readonly relabelled: number;
  /** How many samples it leaves out. */
  readonly excluded: number;
}

/**
 * Reads the decisions of `--decisions`, and checks that they are about the samples of the run.
 *
 * @throws the errors of `readDecisions`; CHECKSUM_MISMATCH (decisions on another source), INCOMPATIBLE_STATE (other
 *   classes), INVALID_ARGUMENT (a row that there is not)
 */
export async function correctionsFor(
  { decisions: path }: Settings,
  { classNames, reading, train, valid }: Dataset,
  sources: Sources,
): Promise<{ corrections?: SplitCorrections; decisions?: UsedDecisions }> {
  if (path === undefined) return {};
  const { decisions: file, sha256 } = await readDecisions(path);
  checkSource(file.source, sources.train, path);
  checkClasses(file, classNames, path);
  const of = (split: "train" | "valid") => file.decisions.filter((decision) => decision.split === split);
  const count = (action: Decision["action"]) =>
    file.decisions.filter((decision) => decision.action === action).length;
  const used = {
    name: basename(path),
    sha256,
    relabelled: count("relabel"),
    excluded: count("exclude"),
  };
  const rows = (split: "train" | "valid", count: number) => reading?.rows[split]?.read ?? count;
  if (valid === undefined) {
    if (file.valid !== undefined && of("valid").length > 0) throw lacksValid(file.valid, path);
    const both = new Corrections(sources.train.name, file.decisions);
    both.checkRows(rows("train", train.count));
    return { corrections: { train: both, valid: both }, decisions: used };
  }
  if (of("valid").length > 0 && (file.valid || sources.valid)) {
    checkSource(file.valid ?? file.source, sources.valid ?? sources.train, path);
  }
  const corrections = {
    train: new Corrections(sources.train.name, of("train")),
    valid: new Corrections((sources.valid ?? sources.train).name, of("valid")),
  };
  corrections.train.checkRows(rows("train", train.count));
  corrections.valid.checkRows(rows("valid", valid.count));
  return { corrections, decisions: used };
}

/** @throws CHECKSUM_MISMATCH unless the decisions are about these bytes */
export function checkSource(decided: Source, actual: Source, path: string): void {
  if (decided.sha256 === actual.sha256) return;
  throw new LilawError(
    "CHECKSUM_MISMATCH",
    `Expected decisions on ${actual.name} as it is now (sha256 ${actual.sha256}) for ${path} but received ` +
      `decisions on ${decided.name} (sha256 ${decided.sha256})`,
  );
}

/** @throws INCOMPATIBLE_STATE unless the classes are those that the decisions name */
export function checkClasses(file: Decisions, classNames: readonly string[], path: string): void {
  if (file.classNames.join("\n") === classNames.join("\n")) return;
  const wanted = `the classes ${classNames.join(", ")}`;
  throw expected("INCOMPATIBLE_STATE", wanted, `classNames of ${path}`, file.classNames.join(", "));
}

function lacksValid({ name }: Source, path: string): Error {
  const expectation = "decisions on the training file alone (--valid names the validation file)";
  return expected("INCOMPATIBLE_STATE", expectation, path, `decisions on ${name} too`);
}
