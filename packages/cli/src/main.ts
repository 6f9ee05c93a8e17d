#!/usr/bin/env node
import { enableProdMode } from "@tensorflow/tfjs-core";
import { versions } from "./config.js";
import { createProgram, type Invocation } from "./options.js";
import { fail, interrupted, stopSignal } from "./process.js";
import { createProgress } from "./progress.js";
import { renderBackend, renderTable } from "./report.js";
import { train } from "./train.js";

const stop = stopSignal();

// The advice that TensorFlow.js prints would stand between the lines of the progress.
enableProdMode();

try {
  await createProgram(versions().lilaw, runTrain).parseAsync();
} catch (error) {
  fail(error);
}

async function runTrain(invocation: Invocation): Promise<void> {
  const progress = createProgress(invocation.quiet);
  try {
    const { finished, folder } = await train(invocation, progress, stop);
    progress.stop();
    if (!finished) {
      process.exitCode = interrupted;
      const path = folder?.path ?? ("resume" in invocation ? invocation.resume : undefined);
      const next = path ? `; finish it with\n  lilaw train --resume ${path}` : " before it began";
      process.stderr.write(`stopped${next}\n`);
    } else if (invocation.json) {
      process.stdout.write(`${JSON.stringify(folder!.summary)}\n`);
    } else {
      const { config, summary, path } = folder!;
      const title = `${summary.dataset}, noise ${summary.noise}, ${renderBackend(config.backend)}`;
      process.stdout.write(`${title}\n${renderTable(summary)}\nrun folder: ${path}\n`);
    }
  } finally {
    progress.stop();
  }
}
