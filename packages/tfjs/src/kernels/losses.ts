/**
 * The formulas of the losses of u, the probability of the observed label, for the kernels of this package that compute them:
 * as tfjs operations and as WGSL. All else that is known of a loss is in `losses` of @lilaw/core.
 */
import { type Loss, losses } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";

/** u in the three forms that together keep all digits near 0 and near 1, each [B]. */
export interface LabelProbs {
  readonly u: tf.Tensor1D;
  readonly oneMinusU: tf.Tensor1D;
  /** -log u, the cross-entropy */
  readonly minusLogU: tf.Tensor1D;
}

/** f(u), and -f'(u) u: the factor between the gradients on the logits of the loss and of the cross-entropy. Each [B]. */
export interface LossesOfLabelProbs {
  readonly loss: tf.Tensor1D;
  readonly factor: tf.Tensor1D;
}

interface Formulas {
  composed(p: LabelProbs, parameters: never): LossesOfLabelProbs;
  /** An expression of `u`, `oneMinusU`, `minusLogU` and the parameters: vec2<f32>(f(u), -f'(u) u) */
  readonly wgsl: string;
}

type Parameters<Kind> = Extract<Loss, { kind: Kind }>;

const formulas: Readonly<Record<string, Formulas>> = {
  "cross-entropy": {
    composed: ({ minusLogU }) => ({ loss: minusLogU, factor: tf.onesLike(minusLogU) }),
    wgsl: "vec2<f32>(minusLogU, 1.0)",
  },
  focal: {
    composed({ u, oneMinusU, minusLogU }, { gamma }: Parameters<"focal">) {
      const modulation = tf.pow(oneMinusU, gamma) as tf.Tensor1D;
      const isOne = tf.equal(oneMinusU, 0);
      const ratio = tf.where(isOne, tf.onesLike(oneMinusU), tf.divNoNan(minusLogU, oneMinusU));
      return {
        loss: tf.mul(modulation, minusLogU),
        factor: tf.mul(modulation, tf.add(1, tf.mul(gamma, tf.mul(u, ratio)))),
      };
    },
    wgsl: "focal(u, oneMinusU, minusLogU, gamma)",
  },
  "generalized-cross-entropy": {
    composed({ minusLogU }, { q }: Parameters<"generalized-cross-entropy">) {
      const exponent = tf.mul(-q, minusLogU);
      return { loss: tf.mul(-1 / q, tf.expm1(exponent)), factor: tf.exp(exponent) as tf.Tensor1D };
    },
    wgsl: "vec2<f32>(oneMinusExp(q * minusLogU) / q, exp(-q * minusLogU))",
  },
  "symmetric-cross-entropy": {
    composed({ u, oneMinusU, minusLogU }, { alpha, beta, A }: Parameters<"symmetric-cross-entropy">) {
      const reverse = -beta * A;
      return {
        loss: tf.add(tf.mul(alpha, minusLogU), tf.mul(reverse, oneMinusU)),
        factor: tf.add(alpha, tf.mul(reverse, u)),
      };
    },
    wgsl: "vec2<f32>(lossAlpha * minusLogU - lossBeta * lossA * oneMinusU, lossAlpha - lossBeta * lossA * u)",
  },
  "mean-absolute-error": {
    composed: ({ u, oneMinusU }) => ({ loss: tf.mul(2, oneMinusU), factor: tf.mul(2, u) }),
    wgsl: "vec2<f32>(2.0 * oneMinusU, 2.0 * u)",
  },
};

export function lossesOfLabelProbs(loss: Loss, p: LabelProbs): LossesOfLabelProbs {
  return formulas[losses.nameOfLoss(loss)]!.composed(p, loss as never);
}

/** The parameters of a loss by the names that they have in WGSL: those of LiLAW's scalars are taken. */
export function wgslParameters(loss: Loss): Readonly<Record<string, number>> {
  if (typeof loss === "string") return {};
  const { kind: _, ...parameters } = loss;
  const taken: Readonly<Record<string, string>> = { alpha: "lossAlpha", beta: "lossBeta", A: "lossA" };
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [taken[name] ?? name, value]));
}

/** WGSL of `ofLabelProb(u, oneMinusU, minusLogU)`, the loss and its factor. */
export function wgslOfLabelProb(loss: Loss): string {
  const parameters = Object.keys(wgslParameters(loss));
  return `${helpers}
fn ofLabelProb(u : f32, oneMinusU : f32, minusLogU : f32) -> vec2<f32> {
  ${parameters.map((name) => `let ${name} = uniforms.${name};`).join("\n  ")}
  return ${formulas[losses.nameOfLoss(loss)]!.wgsl};
}
`;
}

/** No digits are lost near 0: 1 - exp(-x) by its series there. */
const helpers = `
fn oneMinusExp(x : f32) -> f32 {
  let series = x * (1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0 * (1.0 - x / 6.0 * (1.0 - x / 7.0))))));
  return select(1.0 - exp(-x), series, x < 0.5);
}
fn focal(u : f32, oneMinusU : f32, minusLogU : f32, gamma : f32) -> vec2<f32> {
  let isZero = oneMinusU <= 0.0;
  let modulation = select(pow(max(oneMinusU, 1e-37), gamma), select(0.0, 1.0, gamma == 0.0), isZero);
  let ratio = select(minusLogU / max(oneMinusU, 1e-37), 1.0, isZero);
  return vec2<f32>(modulation * minusLogU, modulation * (1.0 + gamma * u * ratio));
}
`;
