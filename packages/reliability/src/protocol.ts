/** The messages between a child process and its parent. */
import { join } from "node:path";
import type { Finding } from "./kind.js";

/**
 * A message of a child: a finding, which is sent at once; from time to time the number of cases that ended well since
 * the last message; and its end.
 */
export type Message =
  | { readonly finding: Finding }
  | { readonly right: Readonly<Record<string, number>>; readonly refused: Readonly<Record<string, number>> }
  | "done";

/**
 * The file in which a child keeps the number of its present case, for the parent to read when the child has ended or
 * hangs.
 */
export const slotFile = (folder: string): string => join(folder, "slot");
