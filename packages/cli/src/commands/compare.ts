import { resolve } from "node:path";
import { fitted, tell, widthOf } from "@lilaw/bench/program";
import type { Command } from "commander";
import pc from "picocolors";
import { mean } from "simple-statistics";
import { type Comparison, compareRuns, type Difference, type MethodComparison } from "../compare.js";
import { type OptionRows, optionsOf, withOptions } from "../option.js";
import { RunFolder } from "../run-folder.js";
import { renderCells, type TextColumn } from "../text-table.js";
import * as values from "../values.js";

const options = {
  json: {
    flag: "--json",
    help: "print the comparison as JSON on standard output",
    kind: values.toggle,
    default: false,
  },
} satisfies OptionRows;

export function addCompare(program: Command): void {
  const command = withOptions(program.command("compare"), options)
    .description("say what differs between runs, and what it changed: pairs of the same method and seed")
    .argument("<run...>", "run folders; each is compared with the first")
    .action(async (runs: string[]) => {
      const { json } = optionsOf(command, options);
      const folders: RunFolder[] = [];
      for (const run of runs) folders.push(await RunFolder.read(resolve(run), "RUN", tell));
      const comparisons = compareRuns(folders);
      const text = json ? JSON.stringify(comparisons) : comparisons.map(render).join("\n\n");
      process.stdout.write(`${text}\n`);
    });
}

function render({ runs, differences, methods, unpaired }: Comparison): string {
  const lines = [
    `${pc.bold("A")} ${runs[0]}`,
    `${pc.bold("B")} ${runs[1]}`,
    differences.length === 0 ? "the same data and settings" : "what differs, A and then B:",
    ...differences.map(renderDifference),
    ...(unpaired.length > 0 ? [`without a partner: ${unpaired.join(", ")}`] : []),
    "test accuracy at the best epoch, mean over the seeds:",
  ];
  const text = lines.map((line) => fitted(line, process.stdout));
  return [...text, renderCells(columns, methods.map(cellsOf), widthOf(process.stdout))].join("\n");
}

const columns: readonly TextColumn[] = [
  { heading: "method", align: "left" },
  { heading: "pairs", align: "right" },
  { heading: "A", align: "right" },
  { heading: "B", align: "right" },
  { heading: "B - A", align: "right" },
  { heading: "p", align: "right" },
];

/** The cells of {@link columns}. */
function cellsOf({ method, seeds, first, other, ...rest }: MethodComparison): string[] {
  const { meanDifference, deviation, p } = rest;
  const signed = `${meanDifference < 0 ? "-" : "+"}${Math.abs(meanDifference).toFixed(4)}`;
  return [
    method,
    String(seeds.length),
    mean([...first]).toFixed(4),
    mean([...other]).toFixed(4),
    deviation === null ? signed : `${signed} ± ${deviation.toFixed(4)}`,
    p === null ? "-" : p.toPrecision(2),
  ];
}

function renderDifference({ name, values: [first, other] }: Difference): string {
  return `- ${name}: ${textOf(first)} -> ${textOf(other)}`;
}

/** A value of `config.json`; of files and decisions what tells them apart. */
function textOf(value: unknown): string {
  if (value === null) return "none";
  if (Array.isArray(value)) return value.join(",");
  if (typeof value !== "object") return String(value);
  const { name, sha256, relabelled, excluded } = value as Record<string, unknown>;
  if (name === undefined || typeof sha256 !== "string") return JSON.stringify(value);
  const changes = relabelled === undefined ? "" : `, ${relabelled} relabelled, ${excluded} excluded`;
  return `${name} (sha256 ${sha256.slice(0, 8)}…${changes})`;
}
