import { createHash } from "node:crypto";
import { alignmentWeights, metaGradient, setCpuIsa, setThreads, weightedLoss } from "@lilaw/native";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { Random } from "../../packages/core/src/random.js";
import { allLosses, hasAddon, instructionSets, nameOf, newOutputs, noAddon, randomBatch } from "./support.js";

beforeEach(({ skip }) => skip(!hasAddon, noAddon));
afterAll(() => {
  if (!hasAddon) return;
  setThreads(0);
  setCpuIsa();
});

/** A digest of everything the operations give for one batch. */
function digest(seed: number, loss: (typeof allLosses)[number], shape: { rows: number; classes: number }) {
  const random = Random.from(seed);
  const args = { ...randomBatch(random, loss, { ...shape, scale: 5 }), normalize: "batch-mean" as const };
  const out = newOutputs(args);
  const scalars = weightedLoss(args, out);
  const meta = metaGradient({ ...args, params: args.params! });
  const alignments = new Float32Array(out.losses.length);
  const weights = new Float32Array(out.losses.length);
  alignmentWeights({ ...args, tangents: args.logits.toReversed() }, { alignments, weights });
  const { terms, ...arrays } = out;
  const hash = createHash("sha256").update(JSON.stringify([scalars, meta]));
  for (const array of [...Object.values(arrays), ...Object.values(terms!), alignments, weights]) {
    hash.update(new Uint8Array(array.buffer));
  }
  return hash.digest("hex");
}

describe.each(instructionSets())("%s", (isa) => {
  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: the same bits every time, for any number of threads",
    (_, loss) => {
      setCpuIsa(isa);
      for (const shape of [
        { rows: 1000, classes: 130 },
        { rows: 40_001, classes: 3 },
        { rows: 37, classes: 5000 },
      ]) {
        setThreads(1);
        const once = digest(7, loss, shape);
        for (const count of [1, 2, 3, 8, 2, 1]) {
          setThreads(count);
          expect(digest(7, loss, shape)).toBe(once);
        }
      }
    },
  );
});
