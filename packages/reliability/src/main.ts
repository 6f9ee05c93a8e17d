#!/usr/bin/env node
/** `reliability calls|files|kills`: runs cases, and reports those that did not end as they should. */
import { Command, InvalidArgumentError } from "commander";
import { type Finding, faults, kindNames } from "./kind.js";
import { kindOf } from "./kinds.js";
import { runCases } from "./pool.js";
import { record } from "./results.js";

interface Options {
  readonly count?: number;
  readonly seconds?: number;
  readonly seed: number;
  readonly jobs?: number;
  readonly case?: number;
  readonly record: boolean;
}

function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It is no whole number.");
  return Number(text);
}

const program = new Command("npm run reliability --")
  .description("tries what the packages must survive: hostile calls, damaged files, killed runs")
  .argument("<kind>", kindNames.join(", "))
  .option("--count <n>", "cases; of files, for each format (default: 1000)", integer)
  .option(
    "--seconds <n>",
    "begin no more cases after this time; without --count there is no other end",
    integer,
  )
  .option("--seed <n>", "what the cases follow from", integer, 1)
  .option("--jobs <n>", "processes at a time (default: one for each processor)", integer)
  .option("--case <i>", "run this case again", integer)
  .option("--record", "add the figures to the results", false)
  .parse();
const { seconds, seed, jobs, ...options } = program.opts<Options>();
const name = kindNames.find((known) => known === program.args[0]);
const kind = await kindOf(name ?? program.error(`error: kind is one of ${kindNames.join(", ")}`));
const count = options.count ?? (seconds === undefined ? 1000 : Number.MAX_SAFE_INTEGER / 1000);
const range =
  options.case === undefined
    ? { from: 0, to: kind.countsEachGroup ? count * kind.wheel.length : count }
    : { from: options.case, to: options.case + 1 };

/** Findings of one sort: the first of them, and how many there are. */
const sorts = new Map<string, { first: Finding; times: number }>();
function note(finding: Finding): void {
  const [message = ""] = finding.message.replaceAll(/-?[\d.]+(e[+-]?\d+)?/g, "#").split(/ at |\n/);
  const sort = `${finding.group} ${finding.fault} ${message.slice(0, 100)}`;
  const { first, times } = sorts.get(sort) ?? { first: finding, times: 0 };
  sorts.set(sort, { first, times: times + 1 });
}

const report = await runCases(kind, { seed, ...range, seconds, jobs, onFinding: note });
const longest = 30;
const mostFirst = [...sorts.values()].sort((a, b) => b.times - a.times);
for (const { first, times } of mostFirst.slice(0, longest)) {
  const { fault, group, index, message } = first;
  console.log(`${times} x ${fault} in ${group}, --seed ${seed} --case ${index}: ${message.slice(0, 400)}`);
}
if (sorts.size > longest) console.log(`and ${sorts.size - longest} other sorts`);
for (const [group, tally] of report.groups) {
  const found = faults.map((fault) => `${fault} ${tally.faults[fault]}`).join(", ");
  console.log(`${group}: ${tally.count} cases, ${tally.right} right, ${tally.refused} refused, ${found}`);
}
console.log(`${report.seconds.toFixed(1)} s`);
if (options.record) console.log(record(kind, seed, report));
process.exitCode = report.findings.length > 0 ? 1 : 0;
