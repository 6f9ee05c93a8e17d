import { expected } from "@lilaw/core";
import type { Unit } from "./documents.js";
import { methodAliases, methodNames } from "./methods.js";
import type { OptionRows } from "./option.js";
import { nameOf, type RunFolder } from "./run-folder.js";
import * as values from "./values.js";

/** The options by which a command is told which training of a run it is about. */
export const unitOptions = {
  method: {
    flag: "--method <name>",
    help: "method of the run (default: lilaw, else the first)",
    kind: values.nameOf(methodNames, methodAliases),
  },
  seed: {
    flag: "--seed <n>",
    help: "seed of the run (default: the first)",
    kind: values.integer(0),
  },
} satisfies OptionRows;

/**
 * The finished unit of a run that is asked for; without a method lilaw, where the run has it, else the first.
 *
 * @throws UNKNOWN_NAME (a method or seed that the run does not have), INCOMPATIBLE_STATE (no such unit is finished)
 */
export function chooseUnit(folder: RunFolder, asked: Partial<Unit>): Unit {
  const { units } = folder;
  const isAsked = ({ method, seed }: Unit) =>
    (asked.method ?? method) === method && (asked.seed ?? seed) === seed;
  const fitting = units.filter(isAsked);
  if (fitting.length === 0) {
    const wanted = `a method and a seed of ${folder.path} (${units.map(nameOf).join(", ")})`;
    throw expected("UNKNOWN_NAME", wanted, "--method and --seed", Object.values(asked).join(" with seed "));
  }
  const finished = fitting.filter((unit) => folder.isFinished(unit));
  const chosen = finished.find(({ method }) => method === "lilaw") ?? finished[0];
  if (chosen) return chosen;
  throw expected("INCOMPATIBLE_STATE", "a training that is finished", folder.path, nameOf(fitting[0]!));
}
