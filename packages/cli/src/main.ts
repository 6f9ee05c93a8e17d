#!/usr/bin/env node
import { LilawError } from "@lilaw/core";
import { enableProdMode } from "@tensorflow/tfjs-core";
import { CommanderError } from "commander";
import { versions } from "./config.js";
import { createProgram, type Invocation, parserError } from "./options.js";
import { createProgress } from "./progress.js";
import { renderBackend, renderTable } from "./report.js";
import { train } from "./train.js";

const badInput = 2;
const interrupted = 130;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // A second request does not wait for the step: what is on disk is whole at any moment.
    if (stop.signal.aborted) process.exit(interrupted);
    stop.abort();
  });
}

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
    const { finished, folder } = await train(invocation, progress, stop.signal);
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

function fail(thrown: unknown): void {
  const error = thrown instanceof CommanderError ? parserError(thrown) : thrown;
  if (error === undefined) return;
  if (error instanceof LilawError) {
    // The code goes behind the sentence; what follows it (places tried, commands that help) has lines of its own.
    process.stderr.write(`error: ${error.message.replace(/$|(?=\n)/, ` (${error.code})`)}\n`);
    process.exitCode = badInput;
    return;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const detail = process.env.LILAW_DEBUG ? stack : `${message} (set LILAW_DEBUG=1 for the stack)`;
  process.stderr.write(`unexpected error: ${detail}\n`);
  process.exitCode = 1;
}
