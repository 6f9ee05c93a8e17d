import { load } from "@lilaw/native";
import { describe, expect, it } from "vitest";
import { alignmentWeights, type Loss, losses, metaGradient, Random, weightedLoss } from "../src/index.js";

const { descriptionOf, lossNames } = losses;
const usual = (name: losses.LossName): Loss => {
  const parameters = Object.entries(losses.losses[name].parameters).map(([key, { usual }]) => [key, usual]);
  return (parameters.length === 0 ? name : { kind: name, ...Object.fromEntries(parameters) }) as Loss;
};
const ofLabelProb = lossNames.map(usual).filter(losses.isOfLabelProb);

describe("the descriptions of the losses", () => {
  it("are those of the native kernels", ({ skip }) => {
    const found = load();
    if (found.binding === null) return skip("no addon");
    const here = lossNames.map((name) => {
      const { label, parameters } = losses.losses[name];
      return {
        name,
        label,
        ofLabelProb: losses.isOfLabelProb(usual(name)) ? 1 : 0,
        parameters: Object.entries(parameters).map(([key, { range }]) => ({ name: key, range })),
      };
    });
    expect(found.names.layout.losses).toEqual(here);
    expect(found.names.layout.gradientModes).toEqual(losses.gradientModes);
    expect(found.names.layout.normalizations).toEqual(losses.normalizations);
  });

  it("have usual parameters that they allow", () => {
    for (const name of lossNames) {
      for (const parameter of Object.values(descriptionOf(usual(name)).parameters)) {
        expect(parameter.holds(parameter.usual)).toBe(true);
      }
    }
  });

  it.each(ofLabelProb.map((loss) => [losses.nameOfLoss(loss), loss] as const))(
    "%s: the factor is -f'(u) u",
    (_, loss) => {
      const f = losses.lossOfLabelProb(loss);
      const at = (u: number) => f({ u, oneMinusU: 1 - u, minusLogU: -Math.log(u) });
      for (const u of [0.02, 0.3, 0.5, 0.8, 0.97]) {
        const step = 1e-6;
        const slope = (at(u + step).loss - at(u - step).loss) / (2 * step);
        expect(at(u).factor).toBeCloseTo(-slope * u, 7);
      }
    },
  );
});

/** Random rows, each with a possible label. */
function batchOf(classes: number, rows: number, scale: number) {
  const random = Random.from(classes, "transition", rows);
  const probabilities = Array.from({ length: classes }, (_, k) => {
    const row = Array.from({ length: classes }, (_, j) => random.exponential() + (j === k ? classes : 0));
    const sum = row.reduce((a, b) => a + b);
    return row.map((x) => x / sum);
  });
  return {
    logits: Float64Array.from({ length: rows * classes }, () => scale * random.normal()),
    tangents: Float64Array.from({ length: rows * classes }, () => random.normal()),
    labels: Int32Array.from({ length: rows }, () => random.int(classes)),
    classes,
    transition: probabilities,
    params: { alpha: 10, beta: 2, delta: 6 },
  };
}

describe.each(ofLabelProb.map((loss) => [losses.nameOfLoss(loss), loss] as const))(
  "%s under a transition matrix",
  (_, loss) => {
    it("has the u of the definition, and gradients that are derivatives", () => {
      const { tangents, ...batch } = batchOf(5, 7, 2);
      const objective = (logits: Float64Array, params = batch.params) =>
        weightedLoss({ ...batch, loss, logits, params }).objective;
      const { gradLogits, labelProbs, gradParams } = weightedLoss({ ...batch, loss });
      for (const [i, label] of batch.labels.entries()) {
        const exps = [...batch.logits.subarray(5 * i, 5 * i + 5)].map(Math.exp);
        const sum = exps.reduce((a, b) => a + b);
        const u = exps.reduce((total, e, k) => total + (e / sum) * batch.transition[k]![label]!, 0);
        expect(labelProbs[i]).toBeCloseTo(u, 12);
      }
      const step = 1e-6;
      gradLogits.forEach((slope, at) => {
        const moved = (by: number) => batch.logits.map((z, i) => (i === at ? z + by : z));
        expect(slope).toBeCloseTo((objective(moved(step)) - objective(moved(-step))) / (2 * step), 7);
      });
      const meta = metaGradient({ ...batch, loss });
      for (const name of ["alpha", "beta", "delta"] as const) {
        const at = (by: number) =>
          objective(batch.logits, { ...batch.params, [name]: batch.params[name] + by });
        const slope = (at(step) - at(-step)) / (2 * step);
        expect(meta[name]).toBeCloseTo(slope, 7);
        expect(gradParams[name]).toBeCloseTo(slope, 7);
      }
      const { alignments } = alignmentWeights({ ...batch, tangents, loss });
      const plain = weightedLoss({ ...batch, loss, params: null }).gradLogits;
      alignments.forEach((alignment, i) => {
        const row = plain.subarray(5 * i, 5 * i + 5);
        const dot = row.reduce((sum, slope, k) => sum + slope * 7 * tangents[5 * i + k]!, 0);
        expect(alignment).toBeCloseTo(dot, 10);
      });
    });

    it("is itself where the matrix changes nothing, for confident rows both ways too", () => {
      const { transition: _t, tangents, ...batch } = batchOf(4, 200, 40);
      const transition = [0, 1, 2, 3].map((k) => [0, 1, 2, 3].map((j) => (j === k ? 1 : 0)));
      const resultsOf = (input: typeof batch): Record<string, unknown> => ({
        ...alignmentWeights({ ...input, loss, tangents }),
        ...weightedLoss({ ...input, loss }),
      });
      const [with_, without] = [resultsOf({ ...batch, transition } as typeof batch), resultsOf(batch)];
      for (const name of ["losses", "labelProbs", "maxProbs", "weights", "gradLogits", "alignments"]) {
        (with_[name] as Float64Array).forEach((value, i) => {
          const right = (without[name] as Float64Array)[i]!;
          expect(Math.abs(value - right), `${name} ${i}`).toBeLessThanOrEqual(
            1e-12 * Math.max(Math.abs(right), 1e-12),
          );
        });
      }
    });
  },
);
