import { resolve } from "node:path";
import { fitted, tell, widthOf } from "@lilaw/bench/program";
import { expected } from "@lilaw/core";
import { checkAbsent, checkOutput, writeWhole } from "@lilaw/datasets";
import {
  type IssueScore,
  issueScoreNames,
  type LabelRanking,
  labelFilters,
  labelRankings,
} from "@lilaw/diagnostics";
import type { Command } from "commander";
import { stringify } from "csv-stringify/sync";
import { unitOptions } from "../choose-unit.js";
import { acceptSuggestions } from "../decisions-on-run.js";
import { errorInFlags } from "../flags.js";
import { flagOf, type OptionRows, optionsOf, type ValuesOf, withOptions } from "../option.js";
import { type Column, type ColumnType, parquetOf } from "../parquet.js";
import { RunFolder } from "../run-folder.js";
import { type Suspect, type Suspects, suspectsOfFolds, suspectsOfProbs, suspectsOfRun } from "../suspects.js";
import { renderSuspects } from "../suspects-table.js";
import * as values from "../values.js";

const options = {
  predProbs: {
    flag: "--pred-probs <file>",
    help: "in place of a run: predicted probabilities, as NPY, NPZ or a table with a column for each class",
    kind: values.path,
  },
  labels: {
    flag: "--labels <file>",
    help: "with --pred-probs: the given labels, as NPY, IDX, a table or lines of text",
    kind: values.path,
  },
  labelColumn: {
    flag: "--label-column <name>",
    help: "with --labels: column of a table",
    kind: values.text,
  },
  filter: {
    flag: "--filter <name>",
    help:
      `with --pred-probs, or a run that was trained with --folds: which labels are taken for wrong: ` +
      `${labelFilters.join(", ")} (default: the first; of a run: all labels are ranked)`,
    kind: values.oneOf(labelFilters, "UNKNOWN_NAME"),
  },
  score: {
    flag: "--score <name>",
    help:
      `what labels are ranked by. Of a run: ${issueScoreNames.join(", ")} (default: area-under-margin). ` +
      `With --pred-probs or --filter: ${labelRankings.join(", ")} (default: the first)`,
    kind: values.oneOf([...issueScoreNames, ...labelRankings], "UNKNOWN_NAME"),
  },
  ...unitOptions,
  top: {
    flag: "--top <n>",
    help: "how many labels, most suspect first (default: 20 on the terminal, all in files and JSON; beside a file at most 20 are shown)",
    kind: values.integer(1),
  },
  csv: { flag: "--csv <file>", help: "CSV file to write", kind: values.path },
  parquet: { flag: "--parquet <file>", help: "Parquet file to write", kind: values.path },
  decisions: {
    flag: "--decisions <file>",
    help:
      "of a run: file to write, with the decision to give each of the --top labels its suggestion; " +
      "apply and train --decisions read it",
    kind: values.path,
  },
  json: {
    flag: "--json",
    help: "print JSON on standard output in place of the table",
    kind: values.toggle,
    default: false,
  },
  force: {
    flag: "--force",
    help: "replace files that exist",
    kind: values.toggle,
    default: false,
  },
} satisfies OptionRows;

type IssuesOptions = ValuesOf<typeof options>;

/** Labels that are shown where nobody says how many. */
const shownLabels = 20;

export function addIssues(program: Command, stop: AbortSignal): void {
  const command = withOptions(program.command("issues"), options)
    .description("list labels that may be wrong, most suspect first")
    .argument("[run]", "run folder")
    .action(async (run: string | undefined) => {
      await issues(run, optionsOf(command, options), stop).catch((error) =>
        Promise.reject(errorInFlags(error)),
      );
    });
}

async function issues(run: string | undefined, chosen: IssuesOptions, stop: AbortSignal): Promise<void> {
  const { predProbs, labels, top, csv, parquet, decisions, json, force } = chosen;
  const outputs = [csv, parquet, decisions].filter((path) => path !== undefined);
  const twice = outputs.find((path, i) => outputs.indexOf(path) < i);
  if (twice !== undefined)
    throw expected(
      "INVALID_ARGUMENT",
      "a file of its own",
      "each of --csv, --parquet and --decisions",
      twice,
    );
  if (decisions !== undefined && top === undefined)
    throw expected(
      "INVALID_ARGUMENT",
      "--top beside --decisions: how many suggestions to accept",
      "--top",
      "none",
    );
  for (const path of outputs) await checkAbsent(path, force);
  const folder = run === undefined ? undefined : await RunFolder.read(resolve(run), "RUN", tell);
  const found = folder === undefined ? await ofProbs(chosen, stop) : await ofRun(folder, chosen);
  const inputs = [predProbs, labels].filter((path) => path !== undefined);
  for (const path of outputs) for (const input of inputs) await checkOutput(input, path, force);
  const listed = found.suspects.slice(0, top);
  if (csv !== undefined) await writeWhole(csv, [Buffer.from(csvOf(listed))]);
  if (parquet !== undefined) await writeWhole(parquet, [parquetOf(columnsOf(listed))]);
  if (decisions !== undefined && folder !== undefined)
    await writeWhole(decisions, [
      Buffer.from(`${JSON.stringify(acceptSuggestions(folder, listed), null, 2)}\n`),
    ]);
  // A list in a file is not shown whole as well.
  const shown = Math.min(top ?? shownLabels, outputs.length > 0 ? shownLabels : Number.POSITIVE_INFINITY);
  process.stdout.write(`${json ? JSON.stringify({ ...found, suspects: listed }) : textOf(found, shown)}\n`);
}

async function ofRun(folder: RunFolder, chosen: IssuesOptions): Promise<Suspects> {
  const { score, filter, method, seed } = chosen;
  refuse(["predProbs", "labels", "labelColumn"], chosen, "a run folder");
  const [known, kind] =
    filter === undefined ? [issueScoreNames, "for a run"] : [labelRankings, "with --filter"];
  checkScore(score, known, kind);
  const asked = { ...(method !== undefined && { method }), ...(seed !== undefined && { seed }) };
  return filter === undefined
    ? suspectsOfRun(folder, { ...asked, ...(score !== undefined && { score: score as IssueScore }) })
    : suspectsOfFolds(folder, {
        ...asked,
        filter,
        ...(score !== undefined && { score: score as LabelRanking }),
      });
}

/** @throws UNKNOWN_NAME for a score of another kind */
function checkScore(score: string | undefined, known: readonly string[], kind: string): void {
  if (score === undefined || known.includes(score)) return;
  throw expected("UNKNOWN_NAME", `one of ${known.join(", ")} (${kind})`, "--score", score);
}

async function ofProbs(chosen: IssuesOptions, signal: AbortSignal): Promise<Suspects> {
  const { predProbs, labels, labelColumn, filter, score } = chosen;
  if (predProbs === undefined)
    throw expected("INVALID_ARGUMENT", "a run folder, or --pred-probs and --labels", "RUN", "none");
  if (labels === undefined)
    throw expected("INVALID_ARGUMENT", "a file (there is --pred-probs)", "--labels", "none");
  refuse(["method", "seed", "decisions"], chosen, "--pred-probs");
  checkScore(score, labelRankings, "with --pred-probs");
  return suspectsOfProbs(
    { predProbs, labels },
    {
      signal,
      ...(labelColumn !== undefined && { labelColumn }),
      ...(filter !== undefined && { filter }),
      ...(score !== undefined && { score: score as LabelRanking }),
    },
  );
}

/** Refuses options that would be ignored. */
function refuse(
  names: readonly (keyof typeof options)[],
  given: Partial<Record<keyof typeof options, unknown>>,
  beside: string,
): void {
  const name = names.find((name) => given[name] !== undefined);
  if (name !== undefined)
    throw expected(
      "INVALID_ARGUMENT",
      `no ${flagOf(options[name])} (there is ${beside})`,
      flagOf(options[name]),
      given[name],
    );
}

const columnTypes = {
  split: "STRING",
  row: "INT32",
  line: "INT32",
  file: "STRING",
  label: "INT32",
  labelName: "STRING",
  suggestedLabel: "INT32",
  suggestedName: "STRING",
  score: "DOUBLE",
} as const satisfies Record<keyof Suspect, ColumnType>;

/** The columns that have a value, in a fixed order. */
function columnsOf(suspects: readonly Suspect[]): Column[] {
  return (Object.keys(columnTypes) as (keyof Suspect)[])
    .filter(
      (name) =>
        !["split", "line", "file"].includes(name) || suspects.some((suspect) => suspect[name] !== null),
    )
    .map((name) => ({ name, type: columnTypes[name], values: suspects.map((suspect) => suspect[name]) }));
}

/** An empty cell stands for null. */
function csvOf(suspects: readonly Suspect[]): string {
  const columns = columnsOf(suspects);
  const rows = suspects.map((_, i) => columns.map(({ values }) => values[i]));
  return stringify([columns.map(({ name }) => name), ...rows]);
}

function textOf({ of, score, suspects, unscored, quality }: Suspects, count: number): string {
  const shown = suspects.slice(0, count);
  const counted = (count: number) => `${count} ${count === 1 ? "label" : "labels"}`;
  const title = `${counted(suspects.length)} of ${of}, by ${score}${suspects.length > shown.length ? `; the first ${shown.length}` : ""}`;
  const lines = [
    ...(unscored > 0 ? [`${counted(unscored)} without a score, after a loss that was not finite`] : []),
    ...(quality ? [qualityOf(quality)] : []),
  ];
  return [
    fitted(title, process.stdout),
    ...(shown.length > 0 ? [renderSuspects(shown, widthOf(process.stdout))] : []),
    ...lines.map((line) => fitted(line, process.stdout)),
  ].join("\n");
}

function qualityOf({ auroc, auprc, precisionAtK, k }: NonNullable<Suspects["quality"]>): string {
  const text = (value: number) => (Number.isNaN(value) ? "-" : value.toFixed(4));
  return `against the labels known to be wrong: AUROC ${text(auroc)}, AUPRC ${text(auprc)}, precision@${k} ${text(precisionAtK)}`;
}
