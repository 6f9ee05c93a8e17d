import { Random, type WeightedLossInput, weightedLoss } from "@lilaw/core";
import { describe, expect, it } from "vitest";
import { type Call, checkRight, forms, foundBy, operations, randomCall } from "../src/calls/call.js";
import { Memory } from "../src/calls/memory.js";
import { checkWeightedLoss, type Found, type Meant } from "../src/calls/truth.js";
import { checkArrays, checkTable, readDelimited, readIdx, readNpy } from "../src/files/judges.js";
import { checkRefusal } from "../src/refusals.js";

/** Calls of usual numbers, with their results. */
async function* results(): AsyncGenerator<{ call: Call; found: Found }> {
  for (let i = 0; i < 300; i++) {
    const random = Random.from(i, "oracle");
    const call = randomCall(operations[i % 3]!, forms[i % forms.length]!, random);
    const isUsual = call.meant.logits.every((z) => Math.abs(z) < 20 && z !== 0);
    if (!isUsual) continue;
    yield { call, found: foundBy(call, await call.run()) };
  }
}

describe("the truth about calls", () => {
  it("tells right results from those that are off by a ten-thousandth", async () => {
    let changed = 0;
    for await (const { call, found } of results()) {
      checkRight(call, found);
      for (const name of ["losses", "labelProbs", "maxProbs"]) {
        const values = found[name] as Float32Array | undefined;
        if (values === undefined || values.every((value) => Math.abs(value) < 0.1)) continue;
        const others = values.map((value) => value * 1.0001);
        expect(() => checkRight(call, { ...found, [name]: others })).toThrow(name);
        changed++;
      }
    }
    expect(changed).toBeGreaterThan(50);
  });

  it("measures terms by their magnitude, where regression's are negative", () => {
    const args: Meant & WeightedLossInput = {
      logits: Float32Array.of(-1.267469),
      labels: Float32Array.of(-5.286016),
      classes: 1,
      loss: { kind: "regression", range: 3 },
      params: { alpha: 13.738497, beta: 3.591077, delta: 13.363155 },
      gradient: "full",
      normalize: "batch-mean",
      sampleWeights: Float32Array.of(-0.1),
    };
    const found = weightedLoss({ ...args, backend: "reference" }, { gradLogits: new Float32Array(1) });
    // The batch is one row, so its weight divides itself away: 0 but for rounding.
    const withAlpha = (alpha: number) => ({ ...found, gradParams: { ...found.gradParams, alpha } });
    checkWeightedLoss(args, withAlpha(1e-18) as never);
    expect(() => checkWeightedLoss(args, withAlpha(1e-4) as never)).toThrow("gradParams.alpha");
  });

  it("lets the native kernels drop probabilities below exp(-130), and nothing more or elsewhere", () => {
    const gradientOf = (z: number) => {
      const args: Meant & WeightedLossInput = {
        logits: Float32Array.of(0, z),
        labels: Int32Array.of(0),
        classes: 2,
        loss: "cross-entropy",
        params: null,
        gradient: "full",
        normalize: "none",
        sampleWeights: Float32Array.of(1e30),
      };
      const found = weightedLoss({ ...args, backend: "reference" }, { gradLogits: new Float32Array(2) });
      return { args, found, without: { ...found, gradLogits: new Float32Array(2), objective: 0 } };
    };
    const [below, above] = [gradientOf(-131), gradientOf(-128)];
    expect(below.found.gradLogits[1]).toBeGreaterThan(1e-27);
    checkWeightedLoss(below.args, { ...below.without });
    expect(() => checkWeightedLoss(below.args, { ...below.without }, false)).toThrow("gradLogits");
    expect(() => checkWeightedLoss(above.args, { ...above.without })).toThrow("gradLogits");
  });

  it("sees bytes beside the outputs", () => {
    const memory = new Memory("together", Random.from(1));
    const [input, output] = [memory.place(new Float32Array(3)), memory.place(new Float32Array(3))];
    memory.remember();
    output.fill(1);
    memory.checkUntouched([output], "here");
    new Uint8Array(input.buffer)[output.byteOffset + output.byteLength] = 1;
    expect(() => memory.checkUntouched([output], "here")).toThrow("here");
  });

  it("takes no error for a refusal that is none", () => {
    expect(() => checkRefusal(new TypeError("x is undefined"))).toThrow("TypeError");
    expect(() => checkRefusal("text")).toThrow("string");
    expect(() =>
      checkRefusal(Object.assign(new Error("Expected a for b but received c"), { code: "NON_FINITE" })),
    ).toThrow();
  });
});

describe("the judges of files", () => {
  const train = (features: number[], labels: number[], shape: number[]) => ({
    features: Float32Array.from(features),
    labels: Int32Array.from(labels),
    count: labels.length,
    shape,
  });
  const dataset = (features: number[]) =>
    ({
      train: train(features, [0, 1], [3]),
      classNames: ["a", "b"],
      featureNames: ["x", "c=p", "c=q"],
    }) as never;

  it("explain every number of a table by a cell", () => {
    const cells = readDelimited("x,c,label\n1.5,p,a\n\n2,q,b\n", ",")!;
    checkTable(dataset([1.5, 1, 0, 2, 0, 1]), cells);
    expect(() => checkTable(dataset([1.5, 1, 0, 2.5, 0, 1]), cells)).toThrow("feature x");
    expect(() => checkTable(dataset([1.5, 1, 0, 2, 0, 0]), cells)).toThrow("feature c=q");
    expect(readDelimited('x,label\n"1",a\n', ",")).toBeUndefined();
  });

  it("read IDX and NPY, and refuse what does not fit", () => {
    const idx = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 255, 51);
    const images = readIdx(idx)!;
    expect(images).toEqual({ values: [255, 51], shape: [1, 2], bytes: true });
    expect(readIdx(idx.subarray(0, -1))).toBeUndefined();
    const text = "{'descr': '<u2', 'fortran_order': False, 'shape': (2,), }\n";
    const npy = Buffer.concat([
      Buffer.from([0x93]),
      Buffer.from(`NUMPY\x01\x00${String.fromCharCode(text.length)}\x00${text}`),
      Buffer.from([1, 0, 2, 1]),
    ]);
    expect(readNpy(npy)).toEqual({ values: [1, 258], shape: [2], bytes: false });
    expect(
      readNpy(Buffer.from(npy.toString("latin1").replace("fortran", "fortrin"), "latin1")),
    ).toBeUndefined();
    const labels = { values: [1], shape: [1], bytes: true };
    checkArrays(train([255, 51], [1], [2]), images, labels);
    expect(() => checkArrays(train([255, 50], [1], [2]), images, labels)).toThrow("feature 1");
    expect(() => checkArrays(train([255, 51], [2], [2]), images, labels)).toThrow("label 0");
  });
});
