import { readFileSync } from "node:fs";

// These helpers serve @lilaw/core's own tests too, so they repeat two of its small types instead of importing it.
interface LilawParams {
  alpha: number;
  beta: number;
  delta: number;
}

type GoldenLoss =
  | "cross-entropy"
  | { kind: "focal"; gamma: number }
  | { kind: "label-smoothing"; smoothing: number };

/** One LiLAW vector: float64 results checked against complex-step derivatives. */
export interface LilawCase extends LilawParams {
  name: string;
  loss: "ce" | "focal" | "ls";
  gamma?: number;
  label_smoothing?: number;
  logits: number[][];
  labels: number[];
  lr: number;
  weight_decay: number;
  argmax: number[];
  s_label: number[];
  s_max: number[];
  loss_per_sample: number[];
  w_alpha: number[];
  w_beta: number[];
  w_delta: number[];
  weight: number[];
  weighted_loss_mean: number;
  unweighted_loss_mean: number;
  grad_logits_detached: number[][];
  grad_logits_full: number[][];
  meta_grad: LilawParams;
  updated: LilawParams;
  updated_clamped: LilawParams;
}

export interface MultiLabelCase extends LilawParams {
  name: string;
  logits: number[][];
  targets: number[][];
  ubar: number[];
  vbar: number[];
  loss_per_sample: number[];
  weight: number[];
  weighted_loss_mean: number;
  grad_logits_detached: number[][];
  grad_logits_full: number[][];
  meta_grad: LilawParams;
}

/** A case with dots and weights only, or (with `theta`) a whole small network. */
export interface ReweightCase {
  name: string;
  dot: number[];
  weights: number[];
}

export interface ReweightNetworkCase extends ReweightCase {
  kind: "mlp" | "conv" | "bn";
  shapes: number[][];
  theta: number[];
  x: number[][];
  y: number[];
  x_val: number[][];
  y_val: number[];
  lr: number;
  train_loss: number[];
  val_loss_mean: number;
  grad_val: number[];
  weighted_train_loss: number;
  theta_after_sgd: number[];
}

type GoldenLossOfLabelProb =
  | "cross-entropy"
  | "mean-absolute-error"
  | { kind: "focal"; gamma: number }
  | { kind: "generalized-cross-entropy"; q: number }
  | { kind: "symmetric-cross-entropy"; alpha: number; beta: number; A: number };

/** One vector of a loss of u, in float64, with a transition matrix or without: results of all three operations. */
export interface LossCase {
  name: string;
  /** As @lilaw/core takes it */
  loss: GoldenLossOfLabelProb;
  logits: number[][];
  labels: number[];
  /** Row k, column j is P(label j | true class k) */
  transition: number[][] | null;
  params: LilawParams;
  losses: number[];
  label_probs: number[];
  max_probs: number[];
  weights: number[];
  objective_plain: number;
  objective_weighted: number;
  grad_logits_plain: number[][];
  grad_logits_detached: number[][];
  grad_logits_full: number[][];
  meta_gradient: LilawParams;
  tangents: number[][];
  alignments: number[];
  alignment_weights: number[];
}

export interface Golden {
  lilaw_cases: LilawCase[];
  lilaw_multilabel_cases: MultiLabelCase[];
  l2rw_cases: ReweightCase[];
}

/** The golden vectors of both methods. */
export function readGolden(): Golden {
  return JSON.parse(readFileSync(new URL("../golden/lilaw.json", import.meta.url), "utf8"));
}

/** The golden vectors of the losses of u. */
export function readLossGolden(): LossCase[] {
  const { cases } = JSON.parse(readFileSync(new URL("../golden/losses.json", import.meta.url), "utf8"));
  return cases.map((c: LossCase & { loss: { kind: string } }) => {
    const hasParameters = Object.keys(c.loss).length > 1;
    return hasParameters ? c : { ...c, loss: c.loss.kind };
  });
}

export function isNetworkCase(c: ReweightCase): c is ReweightNetworkCase {
  return "theta" in c;
}

export function lossOf(c: LilawCase): GoldenLoss {
  if (c.loss === "focal") return { kind: "focal", gamma: c.gamma! };
  if (c.loss === "ls") return { kind: "label-smoothing", smoothing: c.label_smoothing! };
  return "cross-entropy";
}

export const paramsOf = ({ alpha, beta, delta }: LilawParams): LilawParams => ({ alpha, beta, delta });
