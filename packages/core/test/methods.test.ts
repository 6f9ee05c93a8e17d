import { describe, expect, it } from "vitest";
import {
  getBackend,
  LearningToReweight,
  LiLAW,
  type LiLAWState,
  LilawError,
  weightedLoss,
} from "../src/index.js";

const batch = { logits: Float32Array.of(2, 0, -1, 1), labels: Int32Array.of(0, 0), classes: 2 };

describe("LiLAW", () => {
  it("starts from the paper's defaults and decays the scalars", () => {
    const lilaw = new LiLAW();
    expect(lilaw.params).toEqual({ alpha: 10, beta: 2, delta: 6 });
    const { alpha } = lilaw.metaStep(batch);
    expect(lilaw.params.alpha).toBe(10 - 0.005 * (alpha + 1e-4 * 10));
  });

  it("weighs nothing during warm-up", () => {
    const { weights, objective } = new LiLAW().weigh({ ...batch, warmup: true });
    expect([...weights]).toEqual([1, 1]);
    expect(objective).toBe(weightedLoss({ ...batch, params: null }).objective);
  });

  it("takes a step size per scalar", () => {
    const lilaw = new LiLAW({ learningRate: { alpha: 0, beta: 1, delta: 0 }, weightDecay: 0 });
    const { beta } = lilaw.metaStep(batch);
    expect(lilaw.params).toEqual({ alpha: 10, beta: 2 - beta, delta: 6 });
  });

  it("goes on from its JSON as if it had never stopped", () => {
    const options = { loss: { kind: "focal", gamma: 2 }, gradient: "detached", clamp: true } as const;
    const whole = new LiLAW(options);
    const first = new LiLAW(options);
    first.metaStep(batch);
    whole.metaStep(batch);
    const second = LiLAW.fromJSON(JSON.parse(JSON.stringify(first)) as LiLAWState);
    second.metaStep(batch);
    whole.metaStep(batch);
    expect(second.toJSON()).toEqual(whole.toJSON());
    expect(second.weigh(batch)).toEqual(whole.weigh(batch));
  });

  it.each([
    ["alpha", Number.NaN],
    ["delta", Number.POSITIVE_INFINITY],
    ["objective", Number.NaN],
    ["beta", 1e308],
  ])("moves no scalar for a gradient whose %s is %d", (name, value) => {
    const lilaw = new LiLAW({ learningRate: 1e3, clamp: true });
    const before = lilaw.params;
    const gradient = { alpha: 1, beta: 1, delta: 1, objective: 1, nonFiniteRows: 0, [name]: value };
    expect(() => lilaw.applyMetaGradient(gradient)).toThrow(expect.objectContaining({ code: "NON_FINITE" }));
    expect(lilaw.params).toEqual(before);
  });

  it("does not move on non-finite validation logits", () => {
    const lilaw = new LiLAW();
    const spoilt = { ...batch, logits: Float32Array.of(Number.NaN, 0, -1, 1) };
    expect(() => lilaw.metaStep(spoilt)).toThrow(expect.objectContaining({ code: "NON_FINITE" }));
    expect(lilaw.params).toEqual({ alpha: 10, beta: 2, delta: 6 });
  });

  it("returns the out it is given", () => {
    const out = { gradLogits: new Float32Array(4) };
    expect(new LiLAW().weigh(batch, out)).toBe(out);
    expect(out.gradLogits).toEqual(new LiLAW().weigh(batch).gradLogits);
  });
});

describe("LearningToReweight", () => {
  it("weighs by alignment and survives JSON", () => {
    const l2rw = LearningToReweight.fromJSON(JSON.parse(JSON.stringify(new LearningToReweight())));
    const { weights } = l2rw.weigh({ ...batch, tangents: Float32Array.of(-1, 1, 1, -1) });
    expect([...weights]).toEqual([1, 0]);
  });
});

describe("bad input gets one clear error", () => {
  const cases: [string, () => unknown, string, string][] = [
    [
      "logits",
      () => weightedLoss({ ...batch, logits: [1, 2] as never, params: null }),
      "INVALID_ARGUMENT",
      "logits",
    ],
    ["classes", () => weightedLoss({ ...batch, classes: 0, params: null }), "INVALID_ARGUMENT", "classes"],
    [
      "no classes",
      () => weightedLoss({ ...batch, classes: undefined, params: null }),
      "INVALID_ARGUMENT",
      "classes",
    ],
    [
      "length",
      () => weightedLoss({ ...batch, classes: 3, params: null }),
      "LENGTH_MISMATCH",
      "logits.length",
    ],
    [
      "no rows",
      () => weightedLoss({ ...batch, logits: new Float32Array(0), params: null }),
      "LENGTH_MISMATCH",
      "logits.length",
    ],
    [
      "label",
      () => weightedLoss({ ...batch, labels: Int32Array.of(0, 2), params: null }),
      "LABEL_OUT_OF_RANGE",
      "labels[1]",
    ],
    [
      "negative label",
      () => weightedLoss({ ...batch, labels: Int32Array.of(-1, 0), params: null }),
      "LABEL_OUT_OF_RANGE",
      "labels[0]",
    ],
    [
      "fractional label",
      () => weightedLoss({ ...batch, labels: Float32Array.of(0, 0.5), params: null }),
      "LABEL_OUT_OF_RANGE",
      "labels[1]",
    ],
    [
      "label count",
      () => weightedLoss({ ...batch, labels: Int32Array.of(0), params: null }),
      "LENGTH_MISMATCH",
      "labels.length",
    ],
    [
      "target",
      () =>
        weightedLoss({
          logits: Float32Array.of(1),
          labels: Float32Array.of(Number.NaN),
          params: null,
          loss: { kind: "regression", range: 1 },
        }),
      "NON_FINITE",
      "labels[0]",
    ],
    ["loss", () => weightedLoss({ ...batch, loss: "hinge" as never, params: null }), "UNKNOWN_NAME", "loss"],
    [
      "gamma",
      () => weightedLoss({ ...batch, loss: { kind: "focal", gamma: -1 }, params: null }),
      "INVALID_ARGUMENT",
      "loss.gamma",
    ],
    [
      "smoothing",
      () => weightedLoss({ ...batch, loss: { kind: "label-smoothing", smoothing: 1 }, params: null }),
      "INVALID_ARGUMENT",
      "loss.smoothing",
    ],
    [
      "range",
      () => weightedLoss({ ...batch, loss: { kind: "regression", range: 0 }, params: null }),
      "INVALID_ARGUMENT",
      "loss.range",
    ],
    [
      "params",
      () => weightedLoss({ ...batch, params: { alpha: 1, beta: Number.NaN, delta: 1 } }),
      "INVALID_ARGUMENT",
      "beta",
    ],
    [
      "gradient",
      () => weightedLoss({ ...batch, params: null, gradient: "half" as never }),
      "INVALID_ARGUMENT",
      "gradient",
    ],
    [
      "sampleWeights",
      () => weightedLoss({ ...batch, params: null, sampleWeights: new Float32Array(3) }),
      "LENGTH_MISMATCH",
      "sampleWeights.length",
    ],
    [
      "out",
      () => weightedLoss({ ...batch, params: null }, { losses: new Float32Array(3) }),
      "LENGTH_MISMATCH",
      "out.losses.length",
    ],
    [
      "terms without params",
      () =>
        weightedLoss(
          { ...batch, params: null },
          { terms: { alpha: new Float32Array(2), beta: new Float32Array(2), delta: new Float32Array(2) } },
        ),
      "INVALID_ARGUMENT",
      "params",
    ],
    [
      "tangents",
      () => new LearningToReweight().weigh({ ...batch, tangents: new Float32Array(3) }),
      "LENGTH_MISMATCH",
      "tangents.length",
    ],
    ["alpha", () => new LiLAW({ alpha: Number.POSITIVE_INFINITY }), "INVALID_ARGUMENT", "alpha"],
    ["learningRate", () => new LiLAW({ learningRate: -1 }), "INVALID_ARGUMENT", "learningRate"],
    [
      "learningRate of one scalar",
      () => new LiLAW({ learningRate: { alpha: 1, beta: 1 } as never }),
      "INVALID_ARGUMENT",
      "learningRate",
    ],
    ["clamp", () => new LiLAW({ clamp: 1 as never }), "INVALID_ARGUMENT", "clamp"],
    ["state", () => LiLAW.fromJSON({ method: "other" } as never), "INCOMPATIBLE_STATE", "state"],
    ["backend", () => getBackend("tpu" as never), "UNKNOWN_NAME", "backend"],
  ];
  it.each(cases)("%s", (_, act, code, name) => {
    expect(act).toThrow(LilawError);
    expect(act).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`for ${name} but received`) }),
    );
  });

  it("writes nothing before everything is checked", () => {
    const out = { losses: new Float32Array(2).fill(7) };
    expect(() => weightedLoss({ ...batch, labels: Int32Array.of(0, 9), params: null }, out)).toThrow(
      LilawError,
    );
    expect([...out.losses]).toEqual([7, 7]);
  });

  it("refuses a gradient array that half overlaps the logits", () => {
    const memory = new Float32Array(6);
    const [logits, gradLogits] = [memory.subarray(0, 4), memory.subarray(2, 6)];
    expect(() => weightedLoss({ ...batch, logits, params: null }, { gradLogits })).toThrow(/out.gradLogits/);
  });
});

describe("a state from JSON", () => {
  const whole = () => JSON.parse(JSON.stringify(new LiLAW({ loss: { kind: "focal", gamma: 2 } })));
  const changes: [string, (state: Record<string, unknown>) => unknown][] = [
    ["nothing", () => undefined],
    ["null", () => null],
    ["an array", () => []],
    ["another version", (state) => ({ ...state, version: 2 })],
    ["another method", (state) => ({ ...state, method: "learning-to-reweight" })],
    ["NaN, which is null in JSON", (state) => ({ ...state, alpha: null })],
    ["a text for a number", (state) => ({ ...state, beta: "2" })],
    ["another loss", (state) => ({ ...state, loss: "hinge" })],
    ["half a loss", (state) => ({ ...state, loss: { kind: "focal" } })],
    ["a negative rate", (state) => ({ ...state, learningRate: -1 })],
    ["no rate", (state) => ({ ...state, weightDecay: null })],
    ["a number for a switch", (state) => ({ ...state, clamp: 0 })],
    ["another choice", (state) => ({ ...state, gradient: "half" })],
    ["a member more", (state) => ({ ...state, gamma: 1 })],
  ];
  it.each(changes)("is refused with %s", (_, change) => {
    expect(() => LiLAW.fromJSON(change(whole()) as never)).toThrow(
      expect.objectContaining({ code: "INCOMPATIBLE_STATE" }),
    );
  });

  it.each(Object.keys(new LiLAW().toJSON()))("is refused without %s", (name) => {
    const { [name]: _, ...rest } = whole();
    expect(() => LiLAW.fromJSON(rest)).toThrow(expect.objectContaining({ code: "INCOMPATIBLE_STATE" }));
  });

  it.each<[string, unknown]>([
    ["no loss", { method: "learning-to-reweight", version: 1 }],
    ["another loss", { method: "learning-to-reweight", version: 1, loss: 3 }],
    ["a member more", { method: "learning-to-reweight", version: 1, loss: "binary", alpha: 1 }],
    ["a LiLAW", whole()],
  ])("of learning to reweight is refused with %s", (_, state) => {
    expect(() => LearningToReweight.fromJSON(state as never)).toThrow(
      expect.objectContaining({ code: "INCOMPATIBLE_STATE" }),
    );
  });
});
