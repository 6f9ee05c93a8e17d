import { basename } from "node:path";
import { fitted, statusOf, tell } from "@lilaw/bench/program";
import { expected } from "@lilaw/core";
import {
  type Changes,
  checkOutput,
  type DecidedSplit,
  openSource,
  type SourceRows,
  sourceOf,
  writeWhole,
} from "@lilaw/datasets";
import type { Command } from "commander";
import { stringify } from "csv-stringify/sync";
import { checkSource } from "../corrections.js";
import { Corrections, type Decision, type Decisions, readDecisions } from "../decisions.js";
import { errorInFlags } from "../flags.js";
import { checkOptions, type OptionRows, typedOptions, type ValuesOf, withOptions } from "../option.js";
import * as values from "../values.js";

const options = {
  input: {
    flag: "--input <file>",
    help: "the file or folder that the decisions are about, which stays as it is",
    kind: values.path,
    required: true,
  },
  output: {
    flag: "--output <file>",
    help: "where the corrected data goes, in the same format; a folder where the input is several files",
    kind: values.path,
    required: true,
  },
  labels: {
    flag: "--labels <file>",
    help: "label file of an IDX or NPY input (default: the one beside it)",
    kind: values.path,
  },
  labelColumn: {
    flag: "--label-column <name>",
    help: "label column of a table (default: that of the decisions, else found by name, else the last)",
    kind: values.text,
  },
  patch: {
    flag: "--patch",
    help: "write a CSV of the decisions: row, line, old, new, action, by",
    kind: values.toggle,
    default: false,
  },
  force: {
    flag: "--force",
    help: "replace an output file that exists",
    kind: values.toggle,
    default: false,
  },
  json: {
    flag: "--json",
    help: "print what was done as JSON on standard output",
    kind: values.toggle,
    default: false,
  },
} satisfies OptionRows;

type ApplyOptions = ValuesOf<typeof options>;

/** A summary of the changes, for people and for `--json`. */
export interface Applied {
  readonly output: string;
  readonly relabelled: number;
  readonly excluded: number;
  readonly kept: number;
  /** Decisions on another file, which were not applied. */
  readonly others: number;
}

export function addApply(program: Command, stop: AbortSignal): void {
  const command = withOptions(program.command("apply <decisions>"), options)
    .description("write data with the labels that people decided on")
    .action(async (decisions: string) => {
      const chosen = checkOptions<typeof options>(options, typedOptions(command, options).raw);
      const applied = await apply(decisions, chosen, stop).catch((error) => {
        if (!stop.aborted) throw error;
        process.exitCode = statusOf(stop);
        tell("stopped; nothing was written");
      });
      if (applied === undefined) return;
      process.stdout.write(
        chosen.json ? `${JSON.stringify(applied)}\n` : `${fitted(textOf(applied), process.stdout)}\n`,
      );
    });
}

/**
 * Writes the input with other labels, whole or not at all.
 *
 * @param stop stops the writing; nothing is left then, and its reason is thrown
 * @throws the errors of `readDecisions`; CHECKSUM_MISMATCH (decisions on another file, or one that has changed),
 *   INVALID_ARGUMENT (a row that there is not, an output that exists), INCOMPATIBLE_STATE (another label), NOT_WRITABLE
 */
export async function apply(path: string, chosen: ApplyOptions, stop?: AbortSignal): Promise<Applied> {
  const { decisions: file } = await readDecisions(path);
  const { input, output, labels, labelColumn } = chosen;
  const reading = { ...(labels !== undefined && { labels }), ...(stop && { signal: stop }) };
  const source = await sourceOf(input, reading);
  const own =
    file.valid?.sha256 === source.sha256 && file.source.sha256 !== source.sha256 ? "valid" : "train";
  if (own === "train") checkSource(file.source, source, path);
  await checkOutput(input, output, chosen.force);
  const label = labelColumn ?? file.label;
  const data = await openSource(input, {
    classNames: file.classNames,
    split: own,
    ...reading,
    ...(labelColumn !== undefined && { labelColumn }),
    ...(label !== undefined && { label }),
  }).catch((error) => Promise.reject(errorInFlags(error)));
  const parts = partsOf(file, own, data.splits);
  const changes: Partial<Record<DecidedSplit, Changes>> = {};
  for (const { split, rows, decisions } of parts) {
    if (split === "train") checkNewLabels(input, decisions, rows);
    changes[split] = changesOf(input, decisions, rows);
  }
  if (chosen.patch) await writeWhole(output, [Buffer.from(patchOf(parts))]);
  else await data.write(output, changes);
  const used = parts.flatMap(({ decisions }) => decisions);
  const count = (action: Decision["action"]) => used.filter((decision) => decision.action === action).length;
  return {
    output,
    relabelled: count("relabel"),
    excluded: count("exclude"),
    kept: count("keep"),
    others: file.decisions.length - used.length,
  };
}

/** The rows of a split, and the decisions on them. */
interface Part {
  readonly split: DecidedSplit;
  readonly rows: SourceRows;
  readonly decisions: readonly Decision[];
}

/** Validation samples that were held out of the training samples are rows of the same split of the file. */
function partsOf(
  file: Decisions,
  own: DecidedSplit,
  splits: Partial<Record<DecidedSplit, SourceRows>>,
): Part[] {
  const of = (...wanted: DecidedSplit[]) => file.decisions.filter(({ split }) => wanted.includes(split));
  const { train, valid } = splits;
  if (own === "valid") return [{ split: "valid", rows: valid!, decisions: of("valid") }];
  if (file.valid) return [{ split: "train", rows: train!, decisions: of("train") }];
  if (!valid) return [{ split: "train", rows: train!, decisions: of("train", "valid") }];
  return [
    { split: "train", rows: train!, decisions: of("train") },
    { split: "valid", rows: valid, decisions: of("valid") },
  ];
}

/** @throws UNKNOWN_NAME for a class that no training sample has, whatever the decisions file says of classes */
function checkNewLabels(input: string, decisions: readonly Decision[], { labels }: SourceRows): void {
  const known = new Set(labels);
  const unknown = decisions.find(({ new: label }) => label !== null && !known.has(label));
  if (unknown === undefined) return;
  const names = [...known].sort().slice(0, 20).join(", ");
  throw expected("UNKNOWN_NAME", `a class of ${basename(input)} (${names})`, "a new label", unknown.new);
}

/** @throws INVALID_ARGUMENT, INCOMPATIBLE_STATE unless the decisions are about the labels that there are */
function changesOf(input: string, decisions: readonly Decision[], { labels }: SourceRows): Changes {
  const corrections = new Corrections(basename(input), decisions);
  corrections.checkRows(labels.length);
  const changes = new Map<number, string | null>();
  for (const { row } of corrections.decisions) {
    const label = corrections.labelOf(row, labels[row]!);
    if (label !== labels[row]) changes.set(row, label);
  }
  if (changes.size > 0 && labels.every((_, row) => changes.get(row) === null)) {
    throw expected("EMPTY_CLASS", "rows that are not excluded", basename(input), "none");
  }
  return changes;
}

function patchOf(parts: readonly Part[]): string {
  const hasFiles = parts.some(({ rows }) => rows.files);
  const header = ["row", "line", "old", "new", "action", "by", ...(hasFiles ? ["file"] : [])];
  const lines = parts.flatMap(({ rows, decisions }) =>
    [...decisions]
      .sort((a, b) => a.row - b.row)
      .map(({ row, old, new: label, action, by }) => [
        row,
        rows.lines?.[row] ?? "",
        old,
        action === "keep" ? old : (label ?? ""),
        action,
        by,
        ...(hasFiles ? [rows.files![row]] : []),
      ]),
  );
  return stringify([header, ...lines]);
}

function textOf({ output, relabelled, excluded, kept, others }: Applied): string {
  const counted = (count: number, what: string) => `${count} ${count === 1 ? what : `${what}s`}`;
  const lines = [
    `wrote ${output}`,
    `${counted(relabelled, "label")} changed, ${counted(excluded, "row")} left out, ${kept} kept as they were`,
    ...(others > 0 ? [`${counted(others, "decision")} on the validation file: apply them to that file`] : []),
  ];
  return lines.join("\n");
}
