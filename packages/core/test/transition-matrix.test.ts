import { describe, expect, it } from "vitest";
import { alignmentWeights, metaGradient, TransitionMatrix, weightedLoss } from "../src/index.js";

const batch = {
  logits: Float32Array.of(1, 2, 3, 4),
  labels: Int32Array.of(0, 1),
  classes: 2,
  params: { alpha: 10, beta: 2, delta: 6 },
};
const flip = [
  [0.75, 0.25],
  [0.5, 0.5],
];

describe("TransitionMatrix", () => {
  it("has probabilities by true class and label", () => {
    const matrix = new TransitionMatrix(flip);
    expect(matrix.classes).toBe(2);
    expect(matrix.probability(0, 1)).toBe(0.25);
    expect([...matrix.byLabel]).toEqual([0.75, 0.5, 0.25, 0.5]);
    expect(matrix.toJSON()).toEqual(flip);
    expect(new TransitionMatrix(matrix.toJSON())).toEqual(matrix);
    expect(new TransitionMatrix(Float32Array.from(flip.flat())).toJSON()).toEqual(flip);
  });

  it("is the same in the operations as its numbers", () => {
    for (const input of [
      { ...batch, transition: new TransitionMatrix(flip) },
      { ...batch, transition: Float64Array.from(flip.flat()) },
    ]) {
      expect(weightedLoss(input)).toEqual(weightedLoss({ ...batch, transition: flip }));
      expect(metaGradient(input)).toEqual(metaGradient({ ...batch, transition: flip }));
      const tangents = batch.logits;
      expect(alignmentWeights({ ...input, tangents })).toEqual(
        alignmentWeights({ ...batch, tangents, transition: flip }),
      );
    }
    expect(weightedLoss({ ...batch, transition: null })).toEqual(weightedLoss(batch));
  });

  it("does not change when its numbers do", () => {
    const numbers = Float64Array.from(flip.flat());
    const matrix = new TransitionMatrix(numbers);
    numbers.fill(0);
    expect(matrix.toJSON()).toEqual(flip);
  });

  it.each([
    ["INVALID_ARGUMENT", "transition", "flip"],
    ["INVALID_ARGUMENT", "transition", 3],
    ["LENGTH_MISMATCH", "transition", []],
    ["LENGTH_MISMATCH", "transition.length", new Float64Array(3)],
    ["LENGTH_MISMATCH", "transition.length", new Float64Array(0)],
    ["LENGTH_MISMATCH", "transition[1].length", [[1, 0], [1]]],
    ["INVALID_ARGUMENT", "transition[1]", [[1, 0], null]],
    ["INVALID_ARGUMENT", "transition", revoked([])],
    ["INVALID_ARGUMENT", "transition[1]", [[1, 0], revoked([])]],
    ["INVALID_ARGUMENT", "transition", Object.create(new Float64Array(4))],
    [
      "INVALID_ARGUMENT",
      "transition[0][0]",
      [
        [1.5, -0.5],
        [0, 1],
      ],
    ],
    [
      "INVALID_ARGUMENT",
      "transition[0][0]",
      [
        [Number.NaN, 1],
        [0, 1],
      ],
    ],
    [
      "INVALID_ARGUMENT",
      "transition[0][0]",
      [
        ["1", 0],
        [0, 1],
      ],
    ],
    [
      "INVALID_ARGUMENT",
      "the numbers of transition[1]",
      [
        [1, 0],
        [0.5, 0.25],
      ],
    ],
  ])("answers %s for %s", (code, name, probabilities) => {
    const error = expect.objectContaining({
      code,
      message: expect.stringContaining(` for ${name} but received`),
    });
    expect(() => new TransitionMatrix(probabilities as never)).toThrow(error);
    expect(() => weightedLoss({ ...batch, transition: probabilities as never })).toThrow(error);
  });

  it("refuses other classes, losses that are no function of u, and labels that come from no class", () => {
    const transition = [
      [1, 0],
      [1, 0],
    ];
    const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    const throwing = (code: string, text: string) =>
      expect.objectContaining({ code, message: expect.stringContaining(text) });
    expect(() => weightedLoss({ ...batch, transition: Float64Array.from(identity) })).toThrow(
      throwing("LENGTH_MISMATCH", "2 classes for transition"),
    );
    expect(() => weightedLoss({ ...batch, transition })).toThrow(throwing("LABEL_OUT_OF_RANGE", "labels[1]"));
    for (const loss of [{ kind: "label-smoothing", smoothing: 0.1 }, "multi-label"] as const) {
      expect(() => weightedLoss({ ...batch, loss, transition: flip })).toThrow(
        throwing("INVALID_ARGUMENT", "(there is a transition matrix) for loss"),
      );
    }
  });
});

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

it("is read before the lengths of arrays, which its getters may change", () => {
  const logits = batch.logits.slice();
  const rows = Object.defineProperty(
    [
      [1, 0],
      [0, 1],
    ],
    1,
    {
      get() {
        if (logits.length > 0) structuredClone(logits, { transfer: [logits.buffer] });
        return [0, 1];
      },
    },
  );
  const act = () => weightedLoss({ ...batch, logits, transition: rows, backend: "reference" });
  expect(act).toThrow(expect.objectContaining({ code: "LENGTH_MISMATCH" }));
});
