import { cpus } from "node:os";
import type { Row } from "@lilaw/bench";
import { installedSuite } from "@lilaw/bench/kernels";
import {
  type BenchOptions,
  fitted,
  renderRows,
  runSuites,
  statusOf,
  tell,
  widthOf,
  withBenchOptions,
} from "@lilaw/bench/program";
import type { Command } from "commander";
import { versions } from "../config.js";

export function addBench(program: Command, stop: AbortSignal): void {
  withBenchOptions(program.command("bench"))
    .description("time the operations of the methods with everything that runs here, and compare")
    .action((options: BenchOptions) => bench(options, stop));
}

/** Measures the operations with everything that is installed, and prints the results. */
async function bench(options: BenchOptions, stop: AbortSignal): Promise<void> {
  const rows: Row[] = [];
  try {
    for await (const results of runSuites([installedSuite], options, { signal: stop }))
      rows.push(...results.rows);
  } catch (error) {
    if (!stop.aborted) throw error;
    tell("stopped");
    process.exitCode = statusOf(stop);
    return;
  }
  const processor = `${cpus()[0]?.model.trim()}, ${cpus().length} cores`;
  const document = { ...versions(), processor, quick: options.quick, rows };
  const table = renderRows(rows, widthOf(process.stdout));
  process.stdout.write(
    options.json ? `${JSON.stringify(document)}\n` : `${processor}\n${fitted(table, process.stdout)}\n`,
  );
}
