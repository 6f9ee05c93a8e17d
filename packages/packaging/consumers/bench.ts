import { type Case, measure, type Row, takeTurns, timed, type Variant } from "@lilaw/bench";

const numbers = Float64Array.from({ length: 1000 }, (_, i) => i);
const sums: Record<string, () => number> = {
  loop() {
    let sum = 0;
    for (const number of numbers) sum += number;
    return sum;
  },
  reduce: () => numbers.reduce((sum, number) => sum + number, 0),
};
const variants: Variant[] = Object.entries(sums).map(([name, work]) => ({
  ...{ name, ours: name === "loop", sample: timed(work) },
}));
function check() {
  if (sums.loop!() !== sums.reduce!()) throw new Error("the sums differ");
}
const effort = { rounds: 3, sampleSeconds: 0.001, warmUpSeconds: 0.001, callSecondsLimit: 1 };

const measured = await takeTurns(variants, check, effort);
if (measured.some((one) => "skipped" in one)) throw new Error("a variant was skipped");

const sum: Case = {
  labels: { length: numbers.length },
  variants: Object.keys(sums),
  baseline: "loop",
  effort,
  open: (names) => ({ variants: variants.filter(({ name }) => names.includes(name)), check }),
};
const rows: Row[] = await measure(sum, ["reduce"]);
if (rows.length !== 2 || rows[0]!.ratioP50 !== 1) throw new Error(JSON.stringify(rows));

// @ts-expect-error a variant says whether it is your own, and the types say so
export const wrong: Variant = { name: "loop", sample: () => 1 };
console.log("works");
