import { expected, LearningToReweight, type Loss } from "@lilaw/core";
import { rephrased } from "./rephrased.js";

/** A loss of the command line. */
interface LossRow {
  readonly kind: string;
  /** Parameters in the order in which they are typed, with their defaults. */
  readonly parameters?: Readonly<Record<string, number>>;
}

/** Every loss for class labels by the name that `--loss` takes. A new one needs a row here and nothing else. */
const losses: Readonly<Record<string, LossRow>> = {
  "cross-entropy": { kind: "cross-entropy" },
  focal: { kind: "focal", parameters: { gamma: 2 } },
  "label-smoothing": { kind: "label-smoothing", parameters: { smoothing: 0.1 } },
};

export const defaultLoss = "cross-entropy";

/** Each loss as it is typed: `focal[:GAMMA]`. */
export const lossForms: readonly string[] = Object.entries(losses).map(([name, { parameters }]) =>
  parameters ? `${name}[:${Object.keys(parameters).join().toUpperCase()}]` : name,
);

/**
 * Reads `NAME` or `NAME:NUMBER,NUMBER,…`; parameters that are left out have their defaults.
 *
 * @throws UNKNOWN_NAME for another loss, INVALID_ARGUMENT for other parameters
 */
export function parseLoss(text: string): Loss {
  const [name, numbers, ...rest] = text.split(":");
  const row = Object.hasOwn(losses, name!) ? losses[name!]! : undefined;
  if (row === undefined) {
    throw expected("UNKNOWN_NAME", `one of ${Object.keys(losses).join(", ")}`, "--loss", text);
  }
  const typed = numbers === undefined ? [] : numbers.split(",").map(numberOf);
  const parameters = Object.entries(row.parameters ?? {});
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
