import { fitted, statusOf, tell, widthOf } from "@lilaw/bench/program";
import type { Command } from "commander";
import { exitStatusHelp } from "../exit-status.js";
import { type Invocation, invocationOf } from "../invocation.js";
import { typedOptions, withOptions } from "../option.js";
import { createProgress } from "../progress.js";
import { renderBackend, renderTable, renderTest } from "../results-table.js";
import { resumeCommand } from "../resume-command.js";
import { options } from "../settings.js";
import { train } from "../train.js";

/** @param run runs the command; another function than the default may look at the invocation alone */
export function addTrain(program: Command, stop: AbortSignal, run = runTrain): void {
  const command = withOptions(program.command("train"), options)
    .description("train a model on noisy labels with one or more methods and compare them")
    .addHelpText("after", exitStatusHelp)
    .action(() => run(invocationOf(typedOptions(command, options)), stop));
}

async function runTrain(invocation: Invocation, stop: AbortSignal): Promise<void> {
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
