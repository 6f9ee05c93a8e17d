/** Cases that end in every wrong way, to test the harness itself. */
import { FaultFound, type Kind } from "./kind.js";

export type FaultyGroup =
  | "right"
  | "refused"
  | "aborts"
  | "exits"
  | "hangs"
  | "never settles"
  | "hoards"
  | "throws"
  | "differs"
  | "throws later";

const hoard: Uint8Array[] = [];

export const faulty: Kind<FaultyGroup> = {
  name: "faulty",
  wheel: [
    "right",
    "refused",
    "aborts",
    "exits",
    "hangs",
    "never settles",
    "hoards",
    "throws",
    "differs",
    "throws later",
  ],
  countsEachGroup: false,
  limitSeconds: 2,
  limitBytes: 2 ** 27,
  chunk: 1000,
  open: async () => async (group) => {
    switch (group) {
      case "right":
      case "refused":
        return group;
      case "aborts":
        return process.abort();
      case "exits":
        return process.exit(0);
      case "hangs":
        for (;;);
      case "never settles":
        return new Promise(() => {});
      case "hoards":
        for (;;) {
          hoard.push(new Uint8Array(1 << 28).fill(1));
          await new Promise((resolve) => setTimeout(resolve));
        }
      case "throws":
        throw new TypeError("not a refusal");
      case "differs":
        throw new FaultFound("silentDifferences", "another result");
      case "throws later":
        setTimeout(() => {
          throw new Error("nobody's");
        });
        await new Promise((resolve) => setTimeout(resolve, 50));
        return "right";
    }
  },
};
