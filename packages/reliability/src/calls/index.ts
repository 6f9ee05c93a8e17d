/** Hostile calls of everything that the packages export. */
import type { Kind } from "../kind.js";
import { functionCase } from "./functions.js";
import { operationCase } from "./operations.js";
import { openRaces } from "./races.js";
import { fitCase, openTensors, tensorCase } from "./tensors.js";

export type CallsGroup = "core" | "native" | "functions" | "races" | "tensors" | "fit";

/** Shares of a thousand cases. Cases with TensorFlow.js and with two threads take longer. */
const shares: Readonly<Record<CallsGroup, number>> = {
  core: 530,
  native: 260,
  functions: 180,
  races: 15,
  tensors: 12,
  fit: 3,
};

export const calls: Kind<CallsGroup> = {
  name: "calls",
  wheel: (Object.keys(shares) as CallsGroup[]).flatMap((group) =>
    Array<CallsGroup>(shares[group]).fill(group),
  ),
  countsEachGroup: false,
  limitSeconds: 5,
  limitBytes: 2 ** 30,
  chunk: 20_000,
  async open() {
    await openTensors();
    const raceCase = openRaces();
    return (group, seed, index) => {
      switch (group) {
        case "core":
          return operationCase(["reference", "cpu", "auto", "method"], seed, index);
        case "native":
          return operationCase(["native"], seed, index);
        case "functions":
          return functionCase(seed, index);
        case "races":
          return raceCase(seed, index);
        case "tensors":
          return tensorCase(seed, index);
        case "fit":
          return fitCase(seed, index);
      }
    };
  },
};
