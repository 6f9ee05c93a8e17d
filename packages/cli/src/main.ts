#!/usr/bin/env node
import { fail, stopSignal } from "@lilaw/bench/program";
import { enableProdMode } from "@tensorflow/tfjs-core";
import { commands } from "./commands/index.js";
import { versions } from "./config.js";
import { createProgram } from "./program.js";

const stop = stopSignal();

// Otherwise TensorFlow.js prints advice between the lines of the progress.
enableProdMode();

try {
  await createProgram(versions().lilaw, commands, stop).parseAsync();
} catch (error) {
  fail(error);
}
