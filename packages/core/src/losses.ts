/**
 * The losses, each described once: label type, parameters, and for losses of the label probability the formula. Checks of
 * arguments, the backends and the command line look it up here. The native kernels have the same table in
 * `src/math/loss_traits.h`; a test compares the two.
 */

/** Label type of a loss: a class index, 0 or 1, 0 or 1 for each class, a finite number. */
export type LabelType = "class" | "binary" | "flags" | "target";

/** A parameter of a loss and its range; it is always finite. */
interface Parameter {
  /** The range in words */
  readonly range: string;
  holds(value: number): boolean;
  /** Default value: that of the paper */
  readonly usual: number;
}

/** The probability u of the observed label, in the three forms that together keep all digits near 0 and near 1. */
export interface LabelProb {
  readonly u: number;
  readonly oneMinusU: number;
  /** -log u, the cross-entropy */
  readonly minusLogU: number;
}

/** A loss f(u), and -f'(u) u, the factor by which its gradient on the logits is that of the cross-entropy. */
export interface LossOfLabelProb {
  loss: number;
  factor: number;
}

interface Description {
  readonly label: LabelType;
  /** Its name on a command line */
  readonly short: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
  /** Absent if the loss is no function of u */
  ofLabelProb?(p: LabelProb, parameters: never): LossOfLabelProb;
}

const atLeast0 = { range: "a finite number of at least 0", holds: (x: number) => x >= 0 };

export const losses = {
  /** -log u, the softmax cross-entropy */
  "cross-entropy": {
    label: "class",
    short: "cross-entropy",
    parameters: {},
    ofLabelProb: ({ minusLogU }) => ({ loss: minusLogU, factor: 1 }),
  },
  /** (1 - u)^gamma (-log u) (Lin et al. 2017, section 3.2) */
  focal: {
    label: "class",
    short: "focal",
    parameters: {
      /** At least 0; at 0 it is the cross-entropy */
      gamma: { ...atLeast0, usual: 2 },
    },
    ofLabelProb({ u, oneMinusU, minusLogU }, { gamma }: { gamma: number }) {
      const modulation = oneMinusU ** gamma;
      // -log u / (1 - u) -> 1 as u -> 1.
      const ratio = oneMinusU === 0 ? 1 : minusLogU / oneMinusU;
      return { loss: modulation * minusLogU, factor: modulation * (1 + gamma * u * ratio) };
    },
  },
  /** Cross-entropy against (1 - smoothing) one-hot + smoothing / C (Szegedy et al. 2016, section 7) */
  "label-smoothing": {
    label: "class",
    short: "label-smoothing",
    parameters: {
      /** In [0, 1) */
      smoothing: { range: "a number in [0, 1)", holds: (x: number) => x >= 0 && x < 1, usual: 0.1 },
    },
  },
  /** Sigmoid cross-entropy of one logit a sample */
  binary: { label: "binary", short: "binary", parameters: {} },
  /** Sigmoid cross-entropy, mean over the classes */
  "multi-label": { label: "flags", short: "multi-label", parameters: {} },
  /** Squared error of one output a sample */
  regression: {
    label: "target",
    short: "regression",
    parameters: {
      /** Width of the range of targets, above 0 */
      range: { range: "a finite number above 0", holds: (x: number) => x > 0, usual: 1 },
    },
  },
  /** (1 - u^q) / q (Zhang and Sabuncu 2018, section 3.2) */
  "generalized-cross-entropy": {
    label: "class",
    short: "gce",
    parameters: {
      /** In (0, 1]: nearly the cross-entropy near 0, half the mean absolute error at 1 */
      q: { range: "a number in (0, 1]", holds: (x: number) => x > 0 && x <= 1, usual: 0.7 },
    },
    ofLabelProb({ minusLogU }, { q }: { q: number }) {
      return { loss: -Math.expm1(-q * minusLogU) / q, factor: Math.exp(-q * minusLogU) };
    },
  },
  /** alpha (-log u) - beta A (1 - u) (Wang et al. 2019, section 3.2) */
  "symmetric-cross-entropy": {
    label: "class",
    short: "sce",
    parameters: {
      /** Share of the cross-entropy, at least 0 */
      alpha: { ...atLeast0, usual: 0.1 },
      /** Share of the reverse cross-entropy, at least 0 */
      beta: { ...atLeast0, usual: 1 },
      /** Value of log 0 in the reverse cross-entropy, at most 0 */
      A: { range: "a finite number of at most 0", holds: (x: number) => x <= 0, usual: -4 },
    },
    ofLabelProb({ u, oneMinusU, minusLogU }, { alpha, beta, A }: { alpha: number; beta: number; A: number }) {
      const reverse = -beta * A;
      return { loss: alpha * minusLogU + reverse * oneMinusU, factor: alpha + reverse * u };
    },
  },
  /** 2 (1 - u), the distance of the probabilities from the one-hot label (Ghosh et al. 2017, section 3) */
  "mean-absolute-error": {
    label: "class",
    short: "mae",
    parameters: {},
    ofLabelProb: ({ u, oneMinusU }) => ({ loss: 2 * oneMinusU, factor: 2 * u }),
  },
} as const satisfies Readonly<Record<string, Description>>;

export type LossName = keyof typeof losses;

type ParametersOf<Name extends LossName> = (typeof losses)[Name]["parameters"];

/**
 * The loss of a sample: its name, or where it has parameters an object such as `{ kind: "focal", gamma: 2 }`. u is the
 * softmax probability of the observed label.
 *
 * - `"cross-entropy"`: -log u
 * - focal: (1 - u)^gamma (-log u), `gamma` >= 0
 * - label-smoothing: cross-entropy against (1 - smoothing) one-hot + smoothing / C, `smoothing` in [0, 1)
 * - generalized-cross-entropy: (1 - u^q) / q, `q` in (0, 1]
 * - symmetric-cross-entropy: alpha (-log u) - beta A (1 - u), `alpha` and `beta` >= 0, `A` <= 0
 * - `"mean-absolute-error"`: 2 (1 - u)
 * - `"binary"`: sigmoid cross-entropy of one logit a sample
 * - `"multi-label"`: sigmoid cross-entropy, mean over the classes
 * - regression: squared error of one output a sample; `range` > 0 is the width of the target range
 */
export type Loss = {
  [Name in LossName]: keyof ParametersOf<Name> extends never
    ? Name
    : { readonly kind: Name } & { readonly [P in keyof ParametersOf<Name>]: number };
}[LossName];

export const lossNames = Object.keys(losses) as LossName[];

export const nameOfLoss = (loss: Loss): LossName => (typeof loss === "string" ? loss : loss.kind);

export const descriptionOf = (loss: Loss): Description => losses[nameOfLoss(loss)];

export const labelTypeOf = (loss: Loss): LabelType => losses[nameOfLoss(loss)].label;

/** Whether a sample has one logit, whatever `classes` is. */
export const hasOneLogit = (loss: Loss): boolean => {
  const label = labelTypeOf(loss);
  return label === "binary" || label === "target";
};

/** Whether it is a softmax loss that depends on u alone, and so can have a transition matrix. */
export const isOfLabelProb = (loss: Loss): boolean => descriptionOf(loss).ofLabelProb !== undefined;

/** f(u) of a loss, with its parameters. */
export function lossOfLabelProb(loss: Loss): (p: LabelProb) => LossOfLabelProb {
  const { ofLabelProb } = descriptionOf(loss);
  return (p) => ofLabelProb!(p, loss as never);
}

/** Whether the gradient flows through the weights (`"full"`, as the paper's algorithm) or not (`"detached"`). */
export const gradientModes = ["full", "detached"] as const;
export type GradientMode = (typeof gradientModes)[number];

/** `"batch-mean"` divides the weights by their mean over the batch, so that they do not rescale the learning rate. */
export const normalizations = ["none", "batch-mean"] as const;
export type Normalize = (typeof normalizations)[number];
