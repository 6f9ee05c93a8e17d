import type { Backend, BackendName } from "../backend.js";
import { BackendUnavailableError, expected } from "../errors.js";
import { referenceBackend } from "./reference/index.js";

export type BackendChoice = "auto" | BackendName;

const choices: readonly BackendChoice[] = ["auto", "cuda", "cpu", "reference"];

/**
 * The backend of a name. `"auto"` takes the fastest that runs here; any other name throws a
 * {@link BackendUnavailableError} if it cannot run. The environment variable `LILAW_BACKEND` overrides `"auto"`.
 *
 * @throws LilawError `UNKNOWN_NAME`, `BACKEND_UNAVAILABLE`
 */
export function getBackend(choice: BackendChoice = "auto"): Backend {
  const name = choice === "auto" ? (environmentChoice() ?? "auto") : choice;
  if (!choices.includes(name))
    throw expected("UNKNOWN_NAME", `one of ${choices.join(", ")}`, "backend", name);
  if (name === "auto" || name === "reference") return referenceBackend;
  throw new BackendUnavailableError(
    `Expected a backend that runs here for backend but received ${JSON.stringify(name)}: this version of ` +
      `@lilaw/core has no native kernels. Use backend "auto" or "reference".`,
  );
}

function environmentChoice(): BackendChoice | undefined {
  return globalThis.process?.env?.LILAW_BACKEND as BackendChoice | undefined;
}
