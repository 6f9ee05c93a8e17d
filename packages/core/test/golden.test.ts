import { deviation, lossOf, paramsOf, readGolden, readLossGolden } from "@lilaw/testing";
import { describe, expect, it } from "vitest";
import { alignmentWeights, LiLAW, metaGradient, weightedLoss } from "../src/index.js";

const golden = readGolden();
const tolerance = 1e-10;
const floats = (rows: number[][]) => Float64Array.from(rows.flat());

describe.each(golden.lilaw_cases)("golden $name", (c) => {
  const batch = {
    logits: floats(c.logits),
    labels: Int32Array.from(c.labels),
    classes: c.logits[0]!.length,
    loss: lossOf(c),
  };
  const rows = c.labels.length;
  const newTerms = () => ({
    alpha: new Float64Array(rows),
    beta: new Float64Array(rows),
    delta: new Float64Array(rows),
  });

  it("weightedLoss", () => {
    const terms = newTerms();
    const result = weightedLoss({ ...batch, params: paramsOf(c) });
    weightedLoss({ ...batch, params: paramsOf(c) }, { terms });
    expect([...result.predictions]).toEqual(c.argmax);
    expect(deviation(result.labelProbs, c.s_label)).toBeLessThan(tolerance);
    expect(deviation(result.maxProbs, c.s_max)).toBeLessThan(tolerance);
    expect(deviation(result.losses, c.loss_per_sample)).toBeLessThan(tolerance);
    expect(deviation(terms.alpha, c.w_alpha)).toBeLessThan(tolerance);
    expect(deviation(terms.beta, c.w_beta)).toBeLessThan(tolerance);
    expect(deviation(terms.delta, c.w_delta)).toBeLessThan(tolerance);
    expect(deviation(result.weights, c.weight)).toBeLessThan(tolerance);
    expect(deviation([result.objective], [c.weighted_loss_mean])).toBeLessThan(tolerance);
    expect(result.nonFiniteRows).toBe(0);
  });

  it("plain loss without params", () => {
    const { objective } = weightedLoss({ ...batch, params: null });
    expect(deviation([objective], [c.unweighted_loss_mean])).toBeLessThan(tolerance);
  });

  it.each(["full", "detached"] as const)("%s gradient", (gradient) => {
    const { gradLogits } = weightedLoss({ ...batch, params: paramsOf(c), gradient });
    expect(deviation(gradLogits, floats(c[`grad_logits_${gradient}`]))).toBeLessThan(tolerance);
  });

  it("metaGradient and metaStep", () => {
    const expected = Object.values(paramsOf(c.meta_grad));
    const gradient = metaGradient({ ...batch, params: paramsOf(c) });
    expect(deviation(Object.values(paramsOf(gradient)), expected)).toBeLessThan(tolerance);
    const { gradParams } = weightedLoss({ ...batch, params: paramsOf(c) });
    expect(deviation(Object.values(gradParams), expected)).toBeLessThan(tolerance);
    for (const clamp of [false, true]) {
      const { loss, ...validation } = batch;
      const lilaw = new LiLAW({
        ...paramsOf(c),
        learningRate: c.lr,
        weightDecay: c.weight_decay,
        loss,
        clamp,
      });
      lilaw.metaStep(validation);
      const after = paramsOf(clamp ? c.updated_clamped : c.updated);
      expect(deviation(Object.values(paramsOf(lilaw.params)), Object.values(after))).toBeLessThan(tolerance);
    }
  });

  it("in float32, to float32 precision", () => {
    const logits = Float32Array.from(batch.logits);
    const exact = weightedLoss({ ...batch, logits: Float64Array.from(logits), params: paramsOf(c) });
    const { losses, weights, gradLogits } = weightedLoss({
      ...batch,
      logits,
      params: paramsOf(c),
      backend: "reference",
    });
    expect(losses).toBeInstanceOf(Float32Array);
    expect(losses).toEqual(Float32Array.from(exact.losses));
    expect(weights).toEqual(Float32Array.from(exact.weights));
    expect(gradLogits).toEqual(Float32Array.from(exact.gradLogits));
  });
});

describe.each(golden.lilaw_multilabel_cases)("golden $name", (c) => {
  const batch = {
    logits: floats(c.logits),
    labels: floats(c.targets),
    classes: c.logits[0]!.length,
    params: paramsOf(c),
    loss: "multi-label" as const,
  };

  it("weightedLoss", () => {
    const result = weightedLoss(batch);
    expect(deviation(result.labelProbs, c.ubar)).toBeLessThan(tolerance);
    expect(deviation(result.maxProbs, c.vbar)).toBeLessThan(tolerance);
    expect(deviation(result.losses, c.loss_per_sample)).toBeLessThan(tolerance);
    expect(deviation(result.weights, c.weight)).toBeLessThan(tolerance);
    expect(deviation([result.objective], [c.weighted_loss_mean])).toBeLessThan(tolerance);
  });

  it.each(["full", "detached"] as const)("%s gradient", (gradient) => {
    const { gradLogits } = weightedLoss({ ...batch, gradient });
    expect(deviation(gradLogits, floats(c[`grad_logits_${gradient}`]))).toBeLessThan(tolerance);
  });

  it("metaGradient", () => {
    const gradient = paramsOf(metaGradient(batch));
    expect(deviation(Object.values(gradient), Object.values(paramsOf(c.meta_grad)))).toBeLessThan(tolerance);
  });
});

describe.each(golden.l2rw_cases)("golden $name", (c) => {
  it("weights from the alignments", () => {
    // Two equal logits and the label 0 give the loss gradient (-1/2, 1/2): tangents (-a, a) have alignment a.
    const result = alignmentWeights({
      logits: new Float64Array(2 * c.dot.length),
      tangents: Float64Array.from(c.dot.flatMap((a) => [-a, a])),
      labels: new Int32Array(c.dot.length),
      classes: 2,
    });
    expect(deviation(result.alignments, c.dot)).toBeLessThan(tolerance);
    expect(deviation(result.weights, c.weights)).toBeLessThan(tolerance);
  });
});

describe.each(readLossGolden())("golden $name", (c) => {
  const batch = {
    logits: floats(c.logits),
    labels: Int32Array.from(c.labels),
    classes: c.logits[0]!.length,
    loss: c.loss,
    transition: c.transition,
    params: paramsOf(c.params),
  };

  it("weightedLoss", () => {
    const result = weightedLoss(batch);
    expect(deviation(result.losses, c.losses)).toBeLessThan(tolerance);
    expect(deviation(result.labelProbs, c.label_probs)).toBeLessThan(tolerance);
    expect(deviation(result.maxProbs, c.max_probs)).toBeLessThan(tolerance);
    expect(deviation(result.weights, c.weights)).toBeLessThan(tolerance);
    expect(deviation([result.objective], [c.objective_weighted])).toBeLessThan(tolerance);
    expect(deviation(result.gradLogits, floats(c.grad_logits_full))).toBeLessThan(tolerance);
    const detached = weightedLoss({ ...batch, gradient: "detached" });
    expect(deviation(detached.gradLogits, floats(c.grad_logits_detached))).toBeLessThan(tolerance);
    const plain = weightedLoss({ ...batch, params: null });
    expect(deviation(plain.gradLogits, floats(c.grad_logits_plain))).toBeLessThan(tolerance);
    expect(deviation([plain.objective], [c.objective_plain])).toBeLessThan(tolerance);
  });

  it("metaGradient and alignmentWeights", () => {
    const expected = Object.values(paramsOf(c.meta_gradient));
    expect(deviation(Object.values(paramsOf(metaGradient(batch))), expected)).toBeLessThan(tolerance);
    const aligned = alignmentWeights({ ...batch, tangents: floats(c.tangents) });
    expect(deviation(aligned.alignments, c.alignments)).toBeLessThan(tolerance);
    expect(deviation(aligned.weights, c.alignment_weights)).toBeLessThan(tolerance);
  });
});
