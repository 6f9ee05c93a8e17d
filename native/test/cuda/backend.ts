/** The backend "cuda" of @lilaw/core, over arrays of the host. */
import { deviation, lossOf, paramsOf, readGolden } from "@lilaw/testing";
import { describe, expect, it } from "vitest";
import * as core from "../../../packages/core/src/index.js";
import { allLosses, nameOf, newOutputs } from "../support.js";
import { code, nearGolden, some, usedBytes } from "./support.js";

describe('the backend "cuda" of @lilaw/core', () => {
  it("is what auto takes where there is a device, and says so", () => {
    expect(core.getBackend().name).toBe("cuda");
    expect(core.backendReport()).toEqual({
      backend: "cuda",
      detail: "the host, through the shim",
      unavailable: [],
    });
  });

  it.each(readGolden().lilaw_cases.map((c) => [c.name, c] as const))("golden %s", (_, c) => {
    const batch = {
      logits: Float32Array.from(c.logits.flat()),
      labels: Int32Array.from(c.labels),
      classes: c.logits[0]!.length,
      loss: lossOf(c),
      params: paramsOf(c),
      backend: "cuda",
    } as const;
    const tolerance = nearGolden(batch.logits);
    const result = core.weightedLoss(batch);
    expect([...result.predictions]).toEqual(c.argmax);
    expect(deviation(result.losses, c.loss_per_sample)).toBeLessThan(tolerance);
    expect(deviation(result.weights, c.weight)).toBeLessThan(tolerance);
    expect(deviation(result.gradLogits, c.grad_logits_full.flat())).toBeLessThan(tolerance);
    const meta = Object.values(paramsOf(core.metaGradient(batch)));
    expect(deviation(meta, Object.values(paramsOf(c.meta_grad)))).toBeLessThan(tolerance);
  });

  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: as on the CPU, the same bits every time, and no memory kept",
    (_, loss) => {
      const args = { ...some(loss), sampleWeights: Float32Array.from({ length: 65 }, (_, i) => i / 65) };
      const params = args.params!;
      const tangents = args.logits.toReversed();
      const everything = (backend: "cuda" | "cpu") => {
        const out = newOutputs(args);
        const { objective, gradParams, nonFiniteRows } = core.weightedLoss({ ...args, backend }, out);
        const meta = core.metaGradient({ ...args, params, backend });
        const aligned = core.alignmentWeights({ ...args, tangents, backend });
        return { out, scalars: { objective, nonFiniteRows, ...gradParams }, meta, aligned };
      };
      const once = everything("cuda");
      const used = usedBytes();
      expect(everything("cuda")).toEqual(once);
      expect(usedBytes()).toBe(used);
      const cpu = everything("cpu");
      expect(Object.keys(once.meta)).toEqual(Object.keys(cpu.meta));
      expect(once.out.predictions).toEqual(cpu.out.predictions);
      for (const name of ["losses", "weights", "labelProbs", "maxProbs", "gradLogits"] as const) {
        expect(deviation(once.out[name], cpu.out[name]), name).toBeLessThan(1e-5);
      }
      expect(deviation(once.out.terms!.delta, cpu.out.terms!.delta)).toBeLessThan(1e-5);
      expect(deviation(Object.values(once.meta), Object.values(cpu.meta))).toBeLessThan(1e-5);
      expect(deviation(Object.values(once.scalars), Object.values(cpu.scalars))).toBeLessThan(1e-5);
      expect(deviation(once.aligned.weights, cpu.aligned.weights)).toBeLessThan(1e-5);
    },
  );

  it("leaves float64 to the reference, and refuses it when named", () => {
    const args = { ...some(), logits: Float64Array.from(some().logits), params: some().params! };
    const exact = core.weightedLoss({ ...args, backend: "reference" });
    expect(core.weightedLoss(args)).toEqual(exact);
    expect(() => core.weightedLoss({ ...args, backend: "cuda" })).toThrow(code("INVALID_ARGUMENT", "logits"));
  });

  it("refuses labels that are none, and writes and keeps nothing then", () => {
    const args = { ...some(), labels: new Int32Array(65).fill(19) };
    const out = newOutputs(args);
    const before = structuredClone(out);
    const used = usedBytes();
    const refused = code("LABEL_OUT_OF_RANGE", "labels");
    expect(() => core.weightedLoss({ ...args, backend: "cuda" }, out)).toThrow(refused);
    // Straight to the backend, past the checks of the operation
    expect(() => core.getBackend("cuda").weightedLoss({ ...args, transition: null }, out)).toThrow(refused);
    expect(out).toEqual(before);
    expect(usedBytes()).toBe(used);
  });
});
