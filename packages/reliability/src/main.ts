#!/usr/bin/env node
/** `reliability calls|files|kills`: runs cases and says what it found. */
import { Command } from "commander";
import { type Finding, faults, kindNames, kindOf } from "./kind.js";
import { runCases } from "./pool.js";

const program = new Command("reliability")
  .description("tries what the packages must survive: hostile calls, damaged files, killed runs")
  .argument("<kind>", `${kindNames.join(", ")}`)
  .option("--count <n>", "cases; of files, for each format")
  .option("--seconds <n>", "begin no cases after this time")
  .option("--seed <n>", "what the cases follow from", "1")
  .option("--jobs <n>", "processes at a time (default: one a processor)")
  .option("--case <i>", "run this one case again")
  .option("--record", "add the figures to the results", false)
  .parse();

interface Options {
  readonly count?: string;
  readonly seconds?: string;
  readonly seed: string;
  readonly jobs?: string;
  readonly case?: string;
  readonly record: boolean;
}

const options = program.opts<Options>();
const kind = await kindOf(
  kindNames.find((name) => name === program.args[0]) ?? program.error(`no such kind: ${program.args[0]}`),
);
const seed = Number(options.seed);
const optional = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const count = optional(options.count) ?? (options.seconds === undefined ? 1000 : 2 ** 40);
const to = kind.countsEachGroup ? count * kind.wheel.length : count;

/** Findings of one sort: the first of them, and how many there are. */
const sorts = new Map<string, { first: Finding; times: number }>();
function note(finding: Finding): void {
  const [message = ""] = finding.message.replaceAll(/-?[\d.]+(e[+-]?\d+)?/g, "#").split(/ at |\n/);
  const sort = `${finding.group} ${finding.fault} ${message.slice(0, 100)}`;
  const { first, times } = sorts.get(sort) ?? { first: finding, times: 0 };
  sorts.set(sort, { first, times: times + 1 });
}

const only = optional(options.case);
const range = only === undefined ? { from: 0, to } : { from: only, to: only + 1 };
const report = await runCases(kind, {
  seed,
  ...range,
  seconds: optional(options.seconds),
  jobs: optional(options.jobs),
  onFinding: note,
});
for (const { first, times } of [...sorts.values()].sort((a, b) => b.times - a.times)) {
  console.log(
    `${times} x ${first.fault} in ${first.group}, --seed ${seed} --case ${first.index}: ${first.message.slice(0, 600)}`,
  );
}
for (const [group, tally] of report.groups) {
  const found = faults.map((fault) => `${fault} ${tally.faults[fault]}`).join(", ");
  console.log(`${group}: ${tally.count} cases, ${tally.right} right, ${tally.refused} refused, ${found}`);
}
console.log(`${report.seconds.toFixed(1)} s`);
