/**
 * Fills the tables of the documents from committed results: between `<!-- table: NAME -->` and `<!-- /table -->` in a
 * Markdown file goes what `tables[NAME]` makes of its CSV. With --check nothing is written and stale tables fail.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { mean, sampleStandardDeviation } from "simple-statistics";
import { localTool, run } from "./steps.mjs";

const root = new URL("../", import.meta.url);
const documents = ["README.md"];

const tables = {
  "accuracy/label-noise": () => {
    const rows = readResults("benchmarks/accuracy/results/label-noise.csv");
    const percent = (values) => {
      const shares = values.map((value) => 100 * Number(value));
      return `${mean(shares).toFixed(1)} ± ${sampleStandardDeviation(shares).toFixed(1)}`;
    };
    const lines = groups(rows, "method").map(([method, group]) => [
      method,
      percent(group.map((row) => row.testAccuracyAtBestValid)),
      percent(group.map((row) => row.testAccuracyLast)),
      percent(group.map((row) => row.testAurocAtBestValid)),
      group.length,
    ]);
    return `${table(["method", "best epoch", "last epoch", "AUROC, best epoch", "seeds"], lines)}\n\n${origin(rows)}`;
  },
};

function readResults(path) {
  return parse(readFileSync(new URL(path, root), "utf8"), { columns: true });
}

/** [key, rows of that key], in order of appearance. */
function groups(rows, column) {
  const byKey = new Map();
  for (const row of rows) byKey.set(row[column], [...(byKey.get(row[column]) ?? []), row]);
  return [...byKey];
}

function table(head, lines) {
  const row = (cells) => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map(() => "---")), ...lines.map(row)].join("\n");
}

function origin([{ machine, node, backend, date, commit }]) {
  return `${machine}, Node ${node}, backend ${backend}, ${date}, commit ${commit}`;
}

/** As the formatter leaves it, which aligns tables. */
function formatted(name, text) {
  return run(localTool("biome"), ["format", `--stdin-file-path=${name}`], { input: text, stdio: "pipe" });
}

let stale = 0;
for (const name of documents) {
  const file = new URL(name, root);
  const text = readFileSync(file, "utf8");
  const filled = formatted(
    name,
    text.replace(
      /(<!-- table: (\S+) -->\n)[\s\S]*?(<!-- \/table -->)/g,
      (_, begin, key, end) => `${begin}\n${tables[key]()}\n\n${end}`,
    ),
  );
  if (filled === text) continue;
  stale++;
  if (process.argv.includes("--check")) console.error(`${name}: tables differ from the results`);
  else writeFileSync(file, filled);
}
if (process.argv.includes("--check")) process.exitCode = stale > 0 ? 1 : 0;
