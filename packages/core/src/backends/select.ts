import type { Backend, BackendName } from "../backend.js";
import { BackendUnavailableError, expected } from "../errors.js";
import { type Opening, openCpu, openCuda, withReferenceForFloat64 } from "./native.js";
import { referenceBackend } from "./reference/index.js";

export type BackendChoice = "auto" | BackendName;

/** The backend that `"auto"` chose, and the reasons why it is none of the faster ones. */
export interface BackendReport {
  readonly backend: BackendName;
  /** Details, such as the instruction set and the number of threads */
  readonly detail: string;
  /** The faster backends that do not run here */
  readonly unavailable: readonly {
    readonly backend: BackendName;
    readonly reason: string;
    readonly help: string;
  }[];
}

const openReference = (): Opening => ({ backend: referenceBackend, detail: "float64 in JavaScript" });

/** The backends in the order in which `"auto"` tries them. */
const openings: Readonly<Record<BackendName, () => Opening>> = {
  cuda: openCuda,
  cpu: openCpu,
  reference: openReference,
};
const names = Object.keys(openings) as BackendName[];

const opened = new Map<BackendName, Opening>();

function open(name: BackendName): Opening {
  const opening = opened.get(name) ?? openings[name]();
  opened.set(name, opening);
  return opening;
}

/**
 * The backend of a name. `"auto"` takes the fastest that runs here (cuda, cpu, reference), and the reference for
 * calls with a Float64Array, which the native kernels would round; {@link backendReport} says what it chose. Any other
 * name throws a {@link BackendUnavailableError} if it cannot run. The environment variable `LILAW_BACKEND` overrides
 * `"auto"`.
 *
 * @throws LilawError `UNKNOWN_NAME`, `BACKEND_UNAVAILABLE`
 */
export function getBackend(choice: BackendChoice = "auto"): Backend {
  const name = choice === "auto" ? (environmentChoice() ?? "auto") : choice;
  if (name === "auto") return automatic().backend;
  if (!names.includes(name))
    throw expected("UNKNOWN_NAME", `one of auto, ${names.join(", ")}`, "backend", name);
  const opening = open(name);
  if (opening.backend) return opening.backend;
  throw new BackendUnavailableError(
    `Expected a backend that runs here for backend but received ${JSON.stringify(name)}: ${opening.reason}. ` +
      `What helps: ${opening.help}; or backend "auto".`,
  );
}

/** The backend that `"auto"` chose on this machine, and the reasons why it is none of the faster ones. */
export function backendReport(): BackendReport {
  return automatic().report;
}

interface Automatic {
  readonly backend: Backend;
  readonly report: BackendReport;
}

let chosen: Automatic | undefined;

function automatic(): Automatic {
  if (!chosen) {
    chosen = choose();
    if (globalThis.process?.env?.LILAW_DEBUG) console.error(describe(chosen.report));
  }
  return chosen;
}

function choose(): Automatic {
  const unavailable: BackendReport["unavailable"][number][] = [];
  for (const name of names) {
    const opening = open(name);
    if (!opening.backend) {
      unavailable.push({ backend: name, reason: opening.reason, help: opening.help });
      continue;
    }
    const { backend, detail } = opening;
    return {
      backend: backend === referenceBackend ? backend : withReferenceForFloat64(backend, referenceBackend),
      report: { backend: name, detail, unavailable },
    };
  }
  throw new Error("unreachable: the reference runs everywhere");
}

function describe({ backend, detail, unavailable }: BackendReport): string {
  const others = unavailable.map((other) => `; not ${other.backend}: ${other.reason}`).join("");
  return `lilaw: backend ${backend} (${detail})${others}`;
}

function environmentChoice(): BackendChoice | undefined {
  // An empty variable counts as unset, as for LILAW_CPU.
  return (globalThis.process?.env?.LILAW_BACKEND || undefined) as BackendChoice | undefined;
}
