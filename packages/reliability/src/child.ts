/** A process that runs cases, one after the other: `child.js KIND SEED FROM TO FOLDER`. */
import { openSync, writeSync } from "node:fs";
import { FaultFound, type Finding, groupOf, type KindName } from "./kind.js";
import { kindOf } from "./kinds.js";
import { type Message, slotFile } from "./protocol.js";

const [name, ...numbers] = process.argv.slice(2, 6);
const folder = process.argv[6]!;
const [seed, from, to] = numbers.map(Number) as [number, number, number];

process.on("disconnect", () => process.exit(1)); // The parent has ended.

const slot = openSync(slotFile(folder), "w");
const position = new Float64Array(1);
const kind = await kindOf(name as KindName);
const runCase = await kind.open(folder);
const noCounts = () => ({ right: {} as Record<string, number>, refused: {} as Record<string, number> });
let counts = noCounts();
/** The number of cases that are reported together; few, since a child that ends does not report its last ones. */
const toldTogether = 500;

// An error outside of any call, such as one in a callback, counts for the case that runs at that time.
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => report("rawErrors", `${event}: ${describe(error)}`));
}

let index = from;
for (; index < to; index++) {
  position[0] = index;
  writeSync(slot, position, 0, 8, 0);
  if (index % toldTogether === 0) tellCounts();
  const group = groupOf(kind, index);
  try {
    const outcome = await runCase(group, seed, index);
    counts[outcome][group] = (counts[outcome][group] ?? 0) + 1;
  } catch (error) {
    if (error instanceof FaultFound) report(error.fault, error.message);
    else report("rawErrors", `the case itself failed: ${describe(error)}`);
  }
}
tellCounts();
process.send!("done" satisfies Message, () => process.exit());

function tellCounts(): void {
  process.send!(counts satisfies Message);
  counts = noCounts();
}

function report(fault: Finding["fault"], message: string): void {
  const finding = { group: groupOf(kind, index), seed, index, fault, message: message.slice(0, 2000) };
  process.send!({ finding } satisfies Message);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
