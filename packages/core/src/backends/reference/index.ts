import type { Backend } from "../../backend.js";
import { alignmentWeights } from "./alignment-weights.js";
import { metaGradient } from "./meta-gradient.js";
import { weightedLoss } from "./weighted-loss.js";

/** The mathematics in float64 TypeScript, with no import outside this package: runs anywhere, browsers included. */
export const referenceBackend: Backend = { name: "reference", weightedLoss, metaGradient, alignmentWeights };
