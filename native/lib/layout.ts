/** The numbers that this package shares with the addon, by name. src/addon/layout.cpp exports them. */
import { expected } from "./errors.js";
import { layoutHash } from "./layout-hash.js";

export { layoutHash };

/** A structure of results in words of 8 bytes: their number, and the position of each member. */
export interface ResultLayout<Member extends string> {
  readonly words: number;
  readonly members: Readonly<Record<Member, number>>;
}

type ScalarName = "alpha" | "beta" | "delta";

export interface LossLayout {
  readonly name: string;
  /** Type of a label: a class index, 0 or 1, 0 or 1 for each class, a number */
  readonly label: "class" | "binary" | "flags" | "target";
  /** 1 if the loss is a function of u, so that it can have a transition matrix */
  readonly ofLabelProb: 0 | 1;
  readonly parameters: readonly { readonly name: string; readonly range: string }[];
}

export interface Layout {
  readonly losses: readonly LossLayout[];
  readonly gradientModes: readonly string[];
  readonly normalizations: readonly string[];
  /** Element types */
  readonly elements: readonly string[];
  readonly weightedLossResult: ResultLayout<ScalarName | "objective" | "nonFiniteRows" | "invalidLabels">;
  readonly metaGradientResult: ResultLayout<
    ScalarName | "objective" | "nonFiniteRows" | "invalidLabels" | "moved"
  >;
  readonly alignmentWeightsResult: ResultLayout<"nonFiniteRows" | "invalidLabels">;
  /** Positions in the input `settings` of the TensorFlow ops */
  readonly opSettings: Readonly<
    Record<
      | ScalarName
      | "parameters"
      | "loss"
      | "gradient"
      | "normalize"
      | "weighted"
      | "rowMask"
      | "transition"
      | "count",
      number
    >
  >;
  /** Bits of the row mask */
  readonly rowValues: readonly string[];
}

/** A loss in the form in which every call looks it up. */
interface LossEntry {
  readonly kind: number;
  /** Names of the parameters, in order */
  readonly parameters: readonly string[];
}

/** A layout, with its names in the form in which every call looks them up. */
export class Names {
  readonly layout: Layout;
  readonly #losses: ReadonlyMap<string, LossEntry>;

  constructor(layout: Layout) {
    this.layout = layout;
    this.#losses = new Map(
      layout.losses.map(({ name, parameters }, kind) => [
        name,
        { kind, parameters: parameters.map((parameter) => parameter.name) },
      ]),
    );
  }

  loss(name: string): LossEntry {
    const entry = this.#losses.get(name);
    if (entry !== undefined) return entry;
    throw expected("INVALID_ARGUMENT", `one of ${[...this.#losses.keys()].join(", ")}`, "loss", name);
  }

  gradientMode(name: string): number {
    return placeOf(this.layout.gradientModes, name, "gradient");
  }

  normalization(name: string): number {
    return placeOf(this.layout.normalizations, name, "normalize");
  }
}

export function placeOf(names: readonly string[], name: string, argument: string): number {
  const place = names.indexOf(name);
  if (place < 0) throw expected("INVALID_ARGUMENT", `one of ${names.join(", ")}`, argument, name);
  return place;
}
