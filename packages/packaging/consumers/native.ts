import { describe, diagnose, load, type NativeWeightedLossArgs, weightedLoss } from "@lilaw/native";

const args: NativeWeightedLossArgs = {
  ...{ logits: Float32Array.of(2, 0, 0, 1), labels: Int32Array.of(0, 0), classes: 2 },
  ...{ loss: "cross-entropy", params: null, gradient: "full", normalize: "none" },
};
const losses = new Float32Array(2);

if (load().binding) {
  weightedLoss(args, { losses });
  if (Math.abs(losses[0]! - Math.log1p(Math.exp(-2))) > 1e-6) throw new Error(`cross-entropy ${losses[0]}`);
} else {
  // Nothing is compiled on installation: without a package for the platform there is a reason and a remedy.
  const diagnosis = diagnose();
  if (diagnosis.addon !== null || diagnosis.failures.length === 0) throw new Error(describe(diagnosis));
  if (diagnosis.remedies.length === 0) throw new Error("no remedy");
}
console.log("works");
