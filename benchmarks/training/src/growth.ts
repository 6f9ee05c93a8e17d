import type { Case, Suite } from "@lilaw/bench";
import { checkMethods } from "./check.js";
import { openComparison, rounds } from "./epochs.js";
import { baseline, l2rwWith, lilawWith, modelFit, ourPlain, type Train } from "./methods.js";

const methods: Readonly<Record<string, Train>> = {
  [baseline]: modelFit,
  plain: ourPlain,
  lilaw: lilawWith(),
  "l2rw tangent": l2rwWith("tangent"),
};

interface Point {
  readonly batch: number;
  readonly classes: number;
  /** Units of the hidden layer; each has 64 inputs and an output for every class */
  readonly units: number;
  /** Size of the training set; an epoch sees every sample once */
  readonly samples: number;
}

const base: Point = { batch: 128, classes: 10, units: 256, samples: 2560 };
const inputs = 64;

const points: { readonly [Dimension in keyof Point]: readonly number[] } = {
  batch: [16, 32, 64, 128, 256, 512, 1024, 2048],
  classes: [2, 10, 100, 1000, 10_000],
  units: [16, 64, 256, 1024, 4096, 16_384],
  samples: [1280, 5120, 20_480, 81_920],
};

const parametersOf = ({ units, classes }: Point) => (inputs + 1) * units + (units + 1) * classes;

function caseOf(dimension: keyof Point, value: number, quick: boolean): Case {
  const point = { ...base, [dimension]: value };
  const { batch, classes, units } = point;
  // Otherwise an epoch with large batches would have few steps.
  const steps = dimension === "samples" ? point.samples / batch : base.samples / base.batch;
  return {
    labels: { dimension, batch, classes, parameters: parametersOf(point), samples: steps * batch },
    variants: Object.keys(methods),
    baseline,
    effort: rounds(quick ? 3 : 9),
    open(names) {
      const options = { inputShape: [inputs], classes, units };
      const training = { backend: "tensorflow", model: "mlp", options, batchSize: batch, steps } as const;
      return openComparison(names, { training, methods, check: checkMethods });
    },
  };
}

/** MLP 64-256-10, batch 128, 20 steps an epoch, validation batches as large as training batches; one of these varies. */
export const growth: Suite = {
  name: "growth",
  question:
    "How does the cost of a step grow with batch, classes, parameters and dataset, with each weighting?",
  cases: (quick) =>
    Object.entries(points).flatMap(([dimension, values]) =>
      (quick ? [values[0]!, values.at(-1)!] : values).map((value) =>
        caseOf(dimension as keyof Point, value, quick),
      ),
    ),
};
