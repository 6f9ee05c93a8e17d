#!/usr/bin/env node
import { cpus } from "node:os";
import { enableProdMode } from "@tensorflow/tfjs-core";
import { hereQuestion } from "./bench/here.js";
import { type Answer, answers, type BenchOptions, renderRows } from "./bench/program.js";
import { versions } from "./config.js";
import { createProgram, type Invocation } from "./options.js";
import { fail, statusOf, stopSignal, tell } from "./process.js";
import { createProgress } from "./progress.js";
import { renderBackend, renderTable, renderTest } from "./report.js";
import { resumeCommand } from "./resume-command.js";
import { fitted, widthOf } from "./terminal.js";
import { train } from "./train.js";

const stop = stopSignal();

// The advice that TensorFlow.js prints would stand between the lines of the progress.
enableProdMode();

try {
  await createProgram(versions().lilaw, { train: runTrain, bench: runBench }).parseAsync();
} catch (error) {
  fail(error);
}

async function runTrain(invocation: Invocation): Promise<void> {
  const progress = createProgress(invocation.quiet);
  try {
    const { finished, folder } = await train(invocation, progress, stop);
    progress.stop();
    if (!finished) {
      process.exitCode = statusOf(stop);
      const path = folder?.path ?? ("resume" in invocation ? invocation.resume : undefined);
      tell(path ? `stopped; finish it with\n  ${resumeCommand(path)}` : "stopped before it began");
    } else if (invocation.json) {
      process.stdout.write(`${JSON.stringify({ folder: folder!.path, ...folder!.summary })}\n`);
    } else {
      const { config, summary, path } = folder!;
      const title = `${summary.dataset}, noise ${summary.noise}, ${renderBackend(config.backend)}`;
      const table = renderTable(summary, widthOf(process.stdout));
      const text = [fitted(title, process.stdout), table, fitted(renderTest(summary), process.stdout)];
      process.stdout.write(`${text.join("\n")}\nrun folder: ${path}\n`);
    }
  } finally {
    progress.stop();
  }
}

async function runBench(options: BenchOptions): Promise<void> {
  const given: Answer[] = [];
  try {
    for await (const answer of answers([hereQuestion], options, { signal: stop })) given.push(answer);
  } catch (error) {
    if (!stop.aborted) throw error;
    tell("stopped");
    process.exitCode = statusOf(stop);
    return;
  }
  const rows = given.flatMap((answer) => answer.rows);
  const processor = `${cpus()[0]?.model.trim()}, ${cpus().length} cores`;
  const document = { ...versions(), processor, quick: options.quick, rows };
  const table = renderRows(rows, widthOf(process.stdout));
  process.stdout.write(
    options.json ? `${JSON.stringify(document)}\n` : `${processor}\n${fitted(table, process.stdout)}\n`,
  );
}
