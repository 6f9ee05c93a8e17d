import { type Loss, losses, type TransitionMatrix } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { lossesOfLabelProbs } from "../losses.js";

/** The rows of a batch under one loss, as tensors: as in `backends/reference/row-loss.ts` of @lilaw/core for arrays. */
export interface RowLoss {
  /** Each [B] */
  readonly loss: tf.Tensor1D;
  readonly labelProb: tf.Tensor1D;
  readonly maxProb: tf.Tensor1D;
  /** int32 */
  readonly prediction: tf.Tensor1D;
  /** 1, or 0 where the weight is 1 by definition */
  readonly weighted: tf.Tensor1D;
  /** byLoss * dL/dz + byLabelProb * du/dz + byMaxProb * dv/dz, coefficients [B], result [B, C] */
  gradient(byLoss: tf.Tensor1D, byLabelProb: tf.Tensor1D, byMaxProb: tf.Tensor1D): tf.Tensor2D;
}

export function rowLoss(
  logits: tf.Tensor2D,
  labels: tf.Tensor,
  loss: Loss,
  transition: TransitionMatrix | null | undefined,
): RowLoss {
  switch (losses.labelTypeOf(loss)) {
    case "binary":
      return binaryRows(logits, labels);
    case "flags":
      return multiLabelRows(logits, labels);
    case "target":
      return regressionRows(logits, labels, (loss as Extract<Loss, { kind: "regression" }>).range);
    default:
      return transition == null
        ? softmaxRows(logits, labels, loss)
        : transitionRows(logits, labels, loss, transition);
  }
}

/** Whether the label of each row is one that the loss knows, [B]. */
export function fitting(labels: tf.Tensor, loss: Loss, classes: number): tf.Tensor1D {
  const type = losses.labelTypeOf(loss);
  if (type === "target") return tf.isFinite(labels as tf.Tensor1D);
  if (type === "flags") {
    const isFlag = tf.logicalOr(tf.equal(labels, 0), tf.equal(labels, 1));
    return tf.all(tf.reshape(isFlag, [-1, classes]), 1);
  }
  const limit = type === "binary" ? 2 : classes;
  return tf.logicalAnd(tf.greaterEqual(labels, 0), tf.less(labels, limit)) as tf.Tensor1D;
}

const column = (values: tf.Tensor1D): tf.Tensor2D => tf.expandDims(values, 1);
const sumRows = (values: tf.Tensor): tf.Tensor1D => tf.sum(values, 1);
/** [n, classes]; also for a single class, which tfjs's own oneHot refuses. */
const oneHot = (indices: tf.Tensor, classes: number): tf.Tensor2D =>
  tf.cast(tf.equal(tf.expandDims(tf.cast(indices, "int32"), 1), tf.range(0, classes, 1, "int32")), "float32");
const ones = (count: number): tf.Tensor1D => tf.ones([count]);

/** The parts that the softmax losses share. Exact for confident rows: 1 - v is a sum and not a difference. */
function softmaxOf(logits: tf.Tensor2D) {
  const classes = logits.shape[1];
  const prediction = tf.argMax<tf.Tensor1D>(logits, 1);
  const top = oneHot(prediction, classes);
  const shifted = tf.sub(logits, tf.max(logits, 1, true)) as tf.Tensor2D;
  const exponentials = tf.exp(shifted);
  const rest = sumRows(tf.mul(exponentials, tf.sub(1, top)));
  const partition = tf.add(1, rest) as tf.Tensor1D;
  const probs = tf.div(exponentials, column(partition)) as tf.Tensor2D;
  // s - e_top, whose element at the top is -rest / S.
  const minusTop = tf.sub(tf.mul(probs, tf.sub(1, top)), tf.mul(top, column(tf.div(rest, partition))));
  return { prediction, top, shifted, exponentials, rest, partition, probs, minusTop };
}

function softmaxRows(logits: tf.Tensor2D, labels: tf.Tensor, kind: Loss): RowLoss {
  const [count, classes] = logits.shape;
  const { prediction, top, shifted, rest, partition, probs, minusTop } = softmaxOf(logits);
  const label = oneHot(labels, classes);
  const shiftedLabel = sumRows(tf.mul(shifted, label));
  const logPartition = tf.log1p(rest);
  const minusLogU = tf.sub(logPartition, shiftedLabel) as tf.Tensor1D;
  const u = tf.div(tf.exp(shiftedLabel), partition) as tf.Tensor1D;
  const maxProb = tf.reciprocal(partition);
  // s - e_label: that of the top where the two are one.
  const agrees = column(sumRows(tf.mul(top, label)));
  const minusLabel = tf.add(tf.mul(agrees, minusTop), tf.mul(tf.sub(1, agrees), tf.sub(probs, label)));

  const smoothing = typeof kind === "object" && kind.kind === "label-smoothing" ? kind.smoothing : undefined;
  const { loss, factor } =
    smoothing === undefined
      ? lossesOfLabelProbs(kind, { u, oneMinusU: tf.neg(tf.expm1(tf.neg(minusLogU))), minusLogU })
      : { loss: smoothed(smoothing), factor: ones(count) };
  return {
    loss,
    labelProb: u,
    maxProb,
    prediction,
    weighted: ones(count),
    gradient(byLoss, byLabelProb, byMaxProb) {
      const byLabel = tf.sub(tf.mul(byLoss, factor), tf.mul(byLabelProb, u)) as tf.Tensor1D;
      const byTop = tf.neg(tf.mul(byMaxProb, maxProb)) as tf.Tensor1D;
      const sum = tf.add(tf.mul(column(byLabel), minusLabel), tf.mul(column(byTop), minusTop)) as tf.Tensor2D;
      if (smoothing === undefined) return sum;
      return tf.add(sum, tf.mul(column(tf.mul(byLoss, smoothing)), tf.sub(label, 1 / classes)));
    },
  };

  /** Cross-entropy against smoothed labels. */
  function smoothed(share: number): tf.Tensor1D {
    const spread = tf.mul(share / classes, sumRows(shifted));
    return tf.sub(tf.sub(logPartition, tf.mul(1 - share, shiftedLabel)), spread);
  }
}

/**
 * The losses of u under a transition matrix. P_k = s_k T_k / u is the probability of class k once the label is known: a
 * softmax as well, of z_k + log T_k, which is exact where u is 0.
 */
function transitionRows(
  logits: tf.Tensor2D,
  labels: tf.Tensor,
  kind: Loss,
  { classes, byLabelFloat32 }: TransitionMatrix,
): RowLoss {
  const { prediction, top, shifted, exponentials, rest, partition, minusTop } = softmaxOf(logits);
  const rows = tf.cast(tf.clipByValue(tf.cast(labels, "float32"), 0, classes - 1), "int32") as tf.Tensor1D;
  const transition = tf.gather(tf.tensor2d(byLabelFloat32, [classes, classes]), rows);
  const isPossible = tf.greater(transition, 0);
  const logTransition = tf.log(tf.where(isPossible, transition, tf.onesLike(transition)));
  const joint = tf.where(isPossible, tf.add(shifted, logTransition), tf.fill(shifted.shape, -1e30));
  const posterior = tf.softmax(joint);
  const maxProb = tf.reciprocal(partition);
  const beside = sumRows(tf.mul(exponentials, tf.sub(1, transition)));
  const oneMinusU = tf.div(beside, partition) as tf.Tensor1D;
  const ofLikely = tf.neg(tf.log1p(tf.neg(tf.minimum(oneMinusU, 0.5)))) as tf.Tensor1D;
  const ofOthers = tf.sub(tf.log1p(rest), tf.logSumExp(joint, 1)) as tf.Tensor1D;
  const minusLogU = tf.where(tf.less(oneMinusU, 0.5), ofLikely, ofOthers);
  const u = tf.exp(tf.neg(minusLogU)) as tf.Tensor1D;
  const { loss, factor } = lossesOfLabelProbs(kind, { u, oneMinusU, minusLogU });
  // s - P as s - e_top less P - e_top, whose element at the top is minus the sum of the others.
  const others = tf.mul(posterior, tf.sub(1, top));
  const posteriorMinusTop = tf.sub(others, tf.mul(top, column(sumRows(others))));
  const apart = tf.sub(minusTop, posteriorMinusTop);
  return {
    loss,
    labelProb: u,
    maxProb,
    prediction,
    weighted: ones(logits.shape[0]),
    gradient(byLoss, byLabelProb, byMaxProb) {
      const fromLabel = tf.sub(tf.mul(byLoss, factor), tf.mul(byLabelProb, u)) as tf.Tensor1D;
      const fromTop = tf.neg(tf.mul(byMaxProb, maxProb)) as tf.Tensor1D;
      return tf.add(tf.mul(column(fromLabel), apart), tf.mul(column(fromTop), minusTop)) as tf.Tensor2D;
    },
  };
}

function binaryRows(logits: tf.Tensor2D, labels: tf.Tensor): RowLoss {
  const logit = tf.reshape(logits, [-1]) as tf.Tensor1D;
  const side = tf.sub(tf.mul(2, tf.cast(labels, "float32")), 1) as tf.Tensor1D;
  const agreement = tf.mul(side, logit) as tf.Tensor1D;
  const isOne = tf.greater(logit, 0);
  const topSide = tf.sub(tf.mul(2, tf.cast(isOne, "float32")), 1);
  const slope = tf.mul(tf.sigmoid(logit), tf.sigmoid(tf.neg(logit)));
  return {
    loss: tf.softplus(tf.neg(agreement)),
    labelProb: tf.sigmoid(agreement),
    maxProb: tf.sigmoid(tf.abs(logit)),
    prediction: tf.cast(isOne, "int32") as tf.Tensor1D,
    weighted: ones(logits.shape[0]),
    gradient(byLoss, byLabelProb, byMaxProb) {
      const fromLoss = tf.neg(tf.mul(side, tf.sigmoid(tf.neg(agreement))));
      const byProbs = tf.add(tf.mul(byLabelProb, side), tf.mul(byMaxProb, topSide));
      return column(tf.add(tf.mul(byLoss, fromLoss), tf.mul(byProbs, slope)));
    },
  };
}

/** The k largest logits, where k differs from row to row, are those with fewer than k logits before them in the order. */
function multiLabelRows(logits: tf.Tensor2D, labels: tf.Tensor): RowLoss {
  const [count, classes] = logits.shape;
  const label = tf.reshape(tf.cast(labels, "float32"), [count, classes]) as tf.Tensor2D;
  const probs = tf.sigmoid(logits);
  const observed = sumRows(label);
  const { indices } = tf.topk(logits, classes, true);
  const inPlace = tf.reshape(oneHot(tf.reshape(indices, [-1]), classes), [count, classes, classes]);
  const isAmong = tf.cast(tf.less(tf.range(0, classes), column(observed)), "float32");
  const top = tf.sum(tf.mul(inPlace, tf.expandDims(isAmong, 2)), 1) as tf.Tensor2D;
  const share = tf.divNoNan(tf.onesLike(observed), observed) as tf.Tensor1D;
  // p - y of an observed label as -sigmoid(-z): no digits lost near p = 1.
  const sign = tf.sub(1, tf.mul(2, label));
  const error = tf.mul(sign, tf.sigmoid(tf.mul(sign, logits)));
  const slope = tf.mul(probs, tf.sigmoid(tf.neg(logits)));
  return {
    loss: tf.mean(tf.softplus(tf.mul(sign, logits)), 1),
    labelProb: tf.mul(share, sumRows(tf.mul(probs, label))),
    maxProb: tf.mul(share, sumRows(tf.mul(probs, top))),
    prediction: tf.argMax(logits, 1),
    weighted: tf.cast(tf.greater(observed, 0), "float32"),
    gradient(byLoss, byLabelProb, byMaxProb) {
      const fromLabels = tf.mul(column(tf.mul(byLabelProb, share)), label);
      const fromTop = tf.mul(column(tf.mul(byMaxProb, share)), top);
      const fromLoss = tf.mul(column(tf.div(byLoss, classes)), error);
      return tf.add(fromLoss, tf.mul(slope, tf.add(fromLabels, fromTop)));
    },
  };
}

function regressionRows(logits: tf.Tensor2D, labels: tf.Tensor, range: number): RowLoss {
  const output = tf.reshape(logits, [-1]) as tf.Tensor1D;
  const error = tf.sub(output, labels) as tf.Tensor1D;
  return {
    loss: tf.square(error),
    labelProb: tf.div(output, range),
    maxProb: tf.div(labels, range) as tf.Tensor1D,
    prediction: tf.zeros([logits.shape[0]], "int32"),
    weighted: ones(logits.shape[0]),
    gradient: (byLoss, byLabelProb) =>
      column(tf.add(tf.mul(tf.mul(2, byLoss), error), tf.div(byLabelProb, range))),
  };
}
