import type { Kind } from "../kind.js";
export type FilesGroup = "csv";
export const files: Kind<FilesGroup> = {
  name: "files",
  wheel: ["csv"],
  countsEachGroup: true,
  limitSeconds: 5,
  chunk: 5000,
  open: async () => () => "right",
};
