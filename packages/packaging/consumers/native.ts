import { diagnose, load, weightedLoss } from "@lilaw/native";

// As it comes from the registry, without an addon for this platform beside it: it loads, and says so.
const { binding, failures } = load();
if (binding !== null) throw new Error("an addon was found in an empty project");
if (failures.length === 0) throw new Error("no place was tried");
if (!diagnose().node.startsWith("v")) throw new Error(JSON.stringify(diagnose()));

try {
  const batch = {
    logits: Float32Array.of(1, 2),
    labels: Int32Array.of(0),
    classes: 2,
    loss: "cross-entropy",
  } as const;
  weightedLoss(
    { ...batch, params: null, gradient: "full", normalize: "none" },
    { losses: new Float32Array(1) },
  );
  throw new Error("it computed without an addon");
} catch (error) {
  if ((error as { code?: string }).code !== "BACKEND_UNAVAILABLE") throw error;
}
console.log("works");
