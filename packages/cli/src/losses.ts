import { expected, LearningToReweight, type Loss, type LossName, losses } from "@lilaw/core";
import { rephrased } from "./rephrased.js";

/** A loss of the command line. */
interface LossRow {
  readonly kind: LossName;
  /** Parameters in the order in which they are typed, with their defaults. */
  readonly parameters: Readonly<Record<string, number>>;
}

/** Every loss for class labels that core has, by its short name. */
const rows: Readonly<Record<string, LossRow>> = Object.fromEntries(
  losses.lossNames
    .map((kind) => ({ kind, ...losses.losses[kind] }))
    .filter(({ label }) => label === "class")
    .map(({ kind, short, parameters }) => [short, { kind, parameters: usual(parameters) }]),
);

function usual(parameters: Readonly<Record<string, { readonly usual: number }>>): Record<string, number> {
  return Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, parameter.usual]));
}

export const defaultLoss = "cross-entropy";

/** Each loss as it is typed: `focal[:GAMMA]`. */
export const lossForms: readonly string[] = Object.entries(rows).map(([name, { parameters }]) => {
  const names = Object.keys(parameters);
  return names.length > 0 ? `${name}[:${names.join().toUpperCase()}]` : name;
});

/**
 * Reads `NAME` or `NAME:NUMBER,NUMBER,…`; parameters that are left out have their defaults.
 *
 * @throws UNKNOWN_NAME for another loss, INVALID_ARGUMENT for other parameters
 */
export function parseLoss(text: string): Loss {
  const [name, numbers, ...rest] = text.split(":");
  const row = Object.hasOwn(rows, name!) ? rows[name!]! : undefined;
  if (row === undefined) {
    throw expected("UNKNOWN_NAME", `one of ${Object.keys(rows).join(", ")}`, "--loss", text);
  }
  const typed = numbers === undefined ? [] : numbers.split(",").map(numberOf);
  const parameters = Object.entries(row.parameters);
  if (rest.length > 0 || typed.length > parameters.length || typed.some(Number.isNaN)) {
    throw expected("INVALID_ARGUMENT", `one of ${lossForms.join(", ")}`, "--loss", text);
  }
  if (parameters.length === 0) return row.kind as Loss;
  const values = parameters.map(([name, value], i) => [name, typed[i] ?? value]);
  return checked({ kind: row.kind, ...Object.fromEntries(values) } as Loss);
}

function numberOf(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

/** Core knows the ranges of the parameters. */
function checked(loss: Loss): Loss {
  try {
    return new LearningToReweight({ loss }).loss;
  } catch (error) {
    throw rephrased(error, (message) => message.replace(/\bloss\.(\w+)/, "$1 of --loss"));
  }
}
