import type { Kind } from "../kind.js";
export type KillsGroup = "SIGKILL";
export const kills: Kind<KillsGroup> = {
  name: "kills",
  wheel: ["SIGKILL"],
  countsEachGroup: false,
  limitSeconds: 120,
  chunk: 5,
  open: async () => () => "right",
};
