import { resolve } from "node:path";
import { useBackend } from "@lilaw/tfjs/node";
import { type Backend, checkSameData, createConfig, describeData, versions } from "./config.js";
import { type Data, loadData } from "./data.js";
import type { Invocation } from "./invocation.js";
import { checkTopology, loadTopology } from "./models.js";
import type { Progress } from "./progress.js";
import { rephrased } from "./rephrased.js";
import { renderBackend } from "./results-table.js";
import { disposeSeed, loadSeed, runUnit } from "./run.js";
import { checkNewFolder, RunFolder } from "./run-folder.js";
import { RunLock } from "./run-lock.js";
import type { Settings } from "./settings.js";
import { renderUnderstanding } from "./understanding.js";

/** How a run ended. */
export interface Outcome {
  /** False when the signal stopped it. */
  readonly finished: boolean;
  /** Absent when the run was stopped before it began. */
  readonly folder?: RunFolder;
}

interface Prepared {
  readonly folder: RunFolder;
  readonly data: Data;
}

interface Execution {
  readonly dataDir: string | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly lock: RunLock;
}

/**
 * Runs `lilaw train`: trains every method with every seed, and records them in a run folder. The input is checked before
 * the folder is created.
 *
 * @param signal stops the run at the next training step; the folder can then be resumed
 * @throws LilawError for bad input
 */
export async function train(
  invocation: Invocation,
  progress: Progress,
  signal: AbortSignal,
): Promise<Outcome> {
  const lock = new RunLock();
  const execution: Execution = { dataDir: invocation.dataDir, progress, signal, lock };
  try {
    const preparing =
      "resume" in invocation
        ? reopen(invocation.resume, execution)
        : prepare(invocation.settings, invocation.out, execution);
    const prepared = await preparing.catch((error) => {
      if (!signal.aborted) throw error;
    });
    if (!prepared) return { finished: false };
    const { units, config, metrics } = prepared.folder;
    progress.run({ units, metrics, epochs: config.settings.epochs });
    return { finished: await runUnits(prepared, execution), folder: prepared.folder };
  } finally {
    await lock.release();
  }
}

async function prepare(settings: Settings, out: string | undefined, execution: Execution): Promise<Prepared> {
  const path = out ?? defaultFolder(settings);
  await checkNewFolder(path);
  const backend = await startBackend(settings.backend, execution.progress);
  const data = await load(settings, execution);
  const { train, classes } = data.dataset;
  const model = await loadTopology(settings.model, train.shape, classes);
  execution.signal.throwIfAborted();
  const description = describeData(settings, data);
  execution.progress.say(renderUnderstanding(description));
  const folder = await RunFolder.create(path, createConfig(settings, backend, description, model));
  await execution.lock.take(path);
  return { folder, data };
}

async function reopen(path: string, execution: Execution): Promise<Prepared> {
  // The lock comes first, since another process might write while the folder is read.
  await execution.lock.take(path);
  const folder = await RunFolder.open(path, (remark) => execution.progress.warn(remark));
  const { settings, backend, model } = folder.config;
  warnOfOtherVersions(folder, execution.progress);
  await startBackend(backend.backend as Settings["backend"], execution.progress);
  const data = await load(settings, execution);
  const description = describeData(settings, data);
  checkSameData(folder.config, description);
  const { train, classes } = data.dataset;
  await checkTopology(model, `the model in ${path}`, train.shape, classes);
  execution.progress.say(renderUnderstanding(description));
  return { folder, data };
}

/** Runs the unfinished units. Only the samples of one seed at a time are on the backend. */
async function runUnits(
  { folder, data: { dataset, plans } }: Prepared,
  { progress, signal }: Execution,
): Promise<boolean> {
  for (const plan of plans) {
    const units = folder.units.filter((unit) => unit.seed === plan.seed);
    const open = units.filter((unit) => !folder.isFinished(unit));
    if (open.length === 0) continue;
    const data = loadSeed(dataset, plan);
    try {
      for (const unit of open) {
        if (signal.aborted || !(await runUnit(unit, data, { folder, progress, signal }))) return false;
      }
    } finally {
      disposeSeed(data);
    }
  }
  await folder.finish();
  return true;
}

async function startBackend(name: Settings["backend"], progress: Progress): Promise<Backend> {
  const backend = await useBackend(name).catch((error) =>
    Promise.reject(rephrased(error, (message) => message.replace("for backend but", "for --backend but"))),
  );
  progress.say(renderBackend(backend));
  return backend;
}

function load(settings: Settings, { dataDir, progress, signal }: Execution): Promise<Data> {
  return loadData(settings, {
    ...(dataDir !== undefined && { dataDir }),
    signal,
    onProgress: ({ file, received, total }) => progress.loading(file, received, total),
  });
}

function warnOfOtherVersions({ config }: RunFolder, progress: Progress): void {
  const now = versions();
  for (const name of ["lilaw", "node", "tfjs"] as const) {
    if (now[name] === config.versions[name]) continue;
    progress.warn(
      `this run began with ${name} ${config.versions[name]}; with ${now[name]} its numbers may differ`,
    );
  }
}

/** `runs/NAME-TIME` under the working directory. */
function defaultFolder({ dataset, files }: Settings): string {
  const name = dataset ?? files!.train.replace(/^.*[\\/]/, "").replace(/\..*$/, "");
  return resolve("runs", `${name}-${new Date().toISOString().replaceAll(/[-:]|\.\d+Z$/g, "")}`);
}
