import { join, resolve } from "node:path";
import { fitted, statusOf, tell } from "@lilaw/bench/program";
import { expected } from "@lilaw/core";
import { checkAbsent, writeWhole } from "@lilaw/datasets";
import { renderReport } from "@lilaw/report";
import type { Command } from "commander";
import { unitOptions } from "../choose-unit.js";
import { type OptionRows, optionsOf, withOptions } from "../option.js";
import { reportOfRuns } from "../reports/report-of-runs.js";
import { loadSource } from "../reports/source-samples.js";
import { RunFolder } from "../run-folder.js";
import { options as trainOptions } from "../settings.js";
import * as values from "../values.js";

const options = {
  output: {
    flag: "--output <file>",
    help: "HTML file to make (default: report.html in the first run folder)",
    kind: values.path,
  },
  top: {
    flag: "--top <n>",
    help: "suspects to review, most suspect first",
    kind: values.integer(0),
    default: "1000",
  },
  ...unitOptions,
  dataDir: trainOptions.dataDir,
  force: {
    flag: "--force",
    help: "replace the file where it exists",
    kind: values.toggle,
    default: false,
  },
} satisfies OptionRows;

export function addReport(program: Command, stop: AbortSignal): void {
  const command = withOptions(program.command("report"), options)
    .description("make one HTML file of runs: results, curves, labels, and the review of suspect labels")
    .argument("<run...>", "run folders; suspects are those of the first")
    .action((runs: string[]) => runReport(runs, optionsOf(command, options), stop));
}

type ReportOptions = ReturnType<typeof optionsOf<typeof options>>;

async function runReport(runs: readonly string[], options: ReportOptions, stop: AbortSignal): Promise<void> {
  try {
    const path = await report(runs, options, stop);
    process.stdout.write(`${fitted(`report: ${path}`, process.stdout)}\n`);
  } catch (error) {
    if (!stop.aborted) throw error;
    process.exitCode = statusOf(stop);
    tell("stopped; no report was written");
  }
}

/** Makes a report of run folders, and returns its path. */
async function report(
  runs: readonly string[],
  { output, force, dataDir, ...choice }: ReportOptions,
  stop: AbortSignal,
): Promise<string> {
  const paths = runs.map((run) => resolve(run));
  const twice = paths.find((path, i) => paths.indexOf(path) < i);
  if (twice !== undefined) throw expected("INVALID_ARGUMENT", "different run folders", "RUN", twice);
  const folders: RunFolder[] = [];
  for (const path of paths) folders.push(await RunFolder.read(path, "RUN", tell));
  const file = output ?? join(paths[0]!, "report.html");
  await checkAbsent(file, force);
  const load = (folder: RunFolder) => loadSource(folder, dataDir, stop);
  const data = await reportOfRuns(folders, choice, { load, signal: stop });
  stop.throwIfAborted();
  await writeWhole(file, [Buffer.from(renderReport(data))]);
  return file;
}
