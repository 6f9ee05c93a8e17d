#!/usr/bin/env node
import { fail, fitted, statusOf, stopSignal, tell, widthOf } from "@lilaw/bench/program";
import { enableProdMode } from "@tensorflow/tfjs-core";
import { bench } from "./bench.js";
import { versions } from "./config.js";
import { createProgram, type Invocation } from "./options.js";
import { createProgress } from "./progress.js";
import { renderBackend, renderTable, renderTest } from "./report.js";
import { resumeCommand } from "./resume-command.js";
import { train } from "./train.js";

const stop = stopSignal();

// Otherwise TensorFlow.js prints advice between the lines of the progress.
enableProdMode();

try {
  await createProgram(versions().lilaw, {
    train: runTrain,
    bench: (options) => bench(options, stop),
  }).parseAsync();
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
