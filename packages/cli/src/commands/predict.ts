import { resolve } from "node:path";
import { fitted, statusOf, tell } from "@lilaw/bench/program";
import { checkAbsent, checkOutput, writeWhole } from "@lilaw/datasets";
import type { Command } from "commander";
import { unitOptions } from "../choose-unit.js";
import { errorInFlags } from "../flags.js";
import { type OptionRows, optionsOf, type ValuesOf, withOptions } from "../option.js";
import { countsOf } from "../plan.js";
import { type NewPredictions, predict, predictionsCsv, predictionsWriter } from "../predict.js";
import { nameOf, RunFolder } from "../run-folder.js";
import { options as trainOptions } from "../settings.js";
import * as values from "../values.js";

const options = {
  input: {
    flag: "--input <file>",
    help: "new samples, as the run was trained on; labels are not needed, nor looked at",
    kind: values.path,
    required: true,
  },
  ...unitOptions,
  epoch: {
    flag: "--epoch <name>",
    help: "best (by the validation labels) or last",
    kind: values.oneOf(["best", "last"]),
    default: "best",
  },
  output: {
    flag: "--output <file>",
    help: "file for the predictions: .csv, .json, .parquet, or .npy for the probabilities alone (default: CSV on standard output)",
    kind: values.path,
  },
  force: {
    flag: "--force",
    help: "replace the output file where it exists",
    kind: values.toggle,
    default: false,
  },
  maxUnpacked: { ...trainOptions.maxUnpacked },
  backend: { ...trainOptions.backend },
} satisfies OptionRows;

export function addPredict(program: Command, stop: AbortSignal): void {
  const command = withOptions(program.command("predict"), options)
    .description("predict the classes of new samples with the model of a run")
    .argument("<run>", "run folder")
    .action((run: string) => runPredict(resolve(run), optionsOf(command, options), stop));
}

async function runPredict(
  run: string,
  { output, force, ...chosen }: ValuesOf<typeof options>,
  stop: AbortSignal,
): Promise<void> {
  const write = output === undefined ? predictionsCsv : predictionsWriter(output);
  if (output !== undefined) await checkAbsent(output, force);
  const folder = await RunFolder.read(run, "RUN", tell);
  try {
    const predictions = await predict(folder, { ...chosen, signal: stop });
    stop.throwIfAborted();
    const content = write(predictions);
    if (output === undefined) process.stdout.write(content);
    else {
      await checkOutput(chosen.input, output, force);
      await writeWhole(output, [Buffer.from(content)]);
      process.stdout.write(`${fitted(`wrote ${output}`, process.stdout)}\n`);
    }
    tell(summaryOf(predictions));
  } catch (error) {
    if (!stop.aborted) throw errorInFlags(error);
    process.exitCode = statusOf(stop);
    tell("stopped; no predictions were written");
  }
}

/** In a few lines: the model, and how many samples it takes for each class. */
function summaryOf({ unit, classNames, predictions, dropped }: NewPredictions): string {
  const counts = countsOf(predictions, classNames.length);
  const shares = classNames.map((name, k) => `${name} ${counts[k]}`).filter((_, k) => counts[k]! > 0);
  const leftOut = dropped > 0 ? `, ${dropped} left out for missing cells` : "";
  return [
    `model of ${nameOf(unit)}, epoch ${unit.epoch}`,
    `${predictions.length} samples${leftOut}: ${shares.join(", ")}`,
  ].join("\n");
}
