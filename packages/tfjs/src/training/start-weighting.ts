import { checks, expected } from "@lilaw/core";
import { type LossOnLogits, type StepParts, stepOnLogits, stepOnModelLoss } from "./step.js";
import type { LogitsBatch, LogitsContext, TrainingContext, Weighting, WeightingRun } from "./weighting.js";

/** A started weighting, whose batches have labels where it works on logits. */
export type StartedWeighting = WeightingRun<LogitsBatch>;

/**
 * Starts a weighting in a training.
 *
 * @param onLogits absent where only the model's own loss is used
 * @throws LilawError `INVALID_ARGUMENT` for one that does not keep to the interface
 */
export async function startWeighting(
  weighting: Weighting,
  training: Pick<TrainingContext, "seed" | "batchSize" | "validation">,
  parts: StepParts,
  onLogits: LossOnLogits | undefined,
): Promise<StartedWeighting> {
  const { model, stochastic, readback } = parts;
  const context: TrainingContext = {
    ...training,
    ...{ model, stochastic },
    read: (tensors, use) => {
      const clones = tensors.map((tensor) => tensor.clone());
      readback.read(clones, use);
    },
    stepOnModelLoss: (batch, weights) => stepOnModelLoss(parts, onLogits?.loss, batch, weights),
  };
  const run = await (weighting.loss === "model"
    ? weighting.start(context)
    : weighting.start(withLogits(context, parts, onLogits!)));
  checkRun(weighting, run);
  return run;
}

const withLogits = (context: TrainingContext, parts: StepParts, onLogits: LossOnLogits): LogitsContext => ({
  ...context,
  ...onLogits,
  stepOnLogits: (...args) => stepOnLogits(parts, onLogits, ...args),
});

/** @throws LilawError `INVALID_ARGUMENT` */
export function checkWeighting(weighting: unknown): void {
  const read = checks.isObject(weighting) ? weighting : {};
  const { start, name, loss, transition, needsValidation } = read as Partial<Weighting>;
  if (typeof start !== "function") {
    throw expected("INVALID_ARGUMENT", "a weighting, such as lilaw()", "weighting", weighting);
  }
  if (typeof name !== "string" || name === "") {
    throw expected("INVALID_ARGUMENT", "a name", "weighting.name", name);
  }
  if (loss !== "model" && loss !== "auto") checks.checkLoss(loss!);
  if (loss === "model" && transition != null) {
    const expectation = "a loss on the logits (there is a transition matrix)";
    throw expected("INVALID_ARGUMENT", expectation, `loss of the weighting ${name}`, loss);
  }
  if (typeof needsValidation !== "boolean") {
    throw expected(
      "INVALID_ARGUMENT",
      "a boolean",
      `needsValidation of the weighting ${name}`,
      needsValidation,
    );
  }
}

function checkRun({ name }: Weighting, run: WeightingRun<LogitsBatch>): void {
  if (typeof run?.step !== "function") {
    throw expected("INVALID_ARGUMENT", "an object with a step", `start of the weighting ${name}`, run);
  }
  if ((run.state === undefined) !== (run.restore === undefined)) {
    const received = run.state === undefined ? "restore alone" : "state alone";
    throw expected("INVALID_ARGUMENT", "state and restore, or neither", `the weighting ${name}`, received);
  }
}

/**
 * The state or the settings of a weighting, or null where it has none.
 *
 * @throws LilawError `INVALID_ARGUMENT` for values that would differ when they are read from a checkpoint
 */
export function savedOf({ name }: Weighting, run: StartedWeighting, member: "state" | "settings"): unknown {
  const value = run[member]?.() ?? null;
  checkJson(`the ${member} of the weighting ${name}`, value);
  return value;
}

function checkJson(name: string, value: unknown): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (!Array.isArray(value) && !isPlain(value)) {
    const expectation = "JSON (null, a boolean, a string, a finite number, an array or a plain object)";
    throw expected("INVALID_ARGUMENT", expectation, name, value);
  }
  for (const [key, member] of Object.entries(value)) checkJson(`${name}.${key}`, member);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
