/** The messages between a child process and its parent. */
import { join } from "node:path";
import type { Finding } from "./kind.js";

/** A message of a child: a finding at once, now and then how many cases ended well since it last told, and its end. */
export type Message =
  | { readonly finding: Finding }
  | { readonly right: Readonly<Record<string, number>>; readonly refused: Readonly<Record<string, number>> }
  | "done";

/** Where a child keeps the number of the case at hand, for the parent to read when it is gone or stuck. */
export const slotFile = (folder: string): string => join(folder, "slot");
