/**
 * Fills the tables of the documents from committed results: between `<!-- table: NAME -->` and `<!-- /table -->` in a
 * Markdown file goes what `tables[NAME]` makes of its CSV. With --check nothing is written and stale tables fail.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { mean, sampleStandardDeviation } from "simple-statistics";
import { localTool, run } from "./steps.mjs";

const root = new URL("../", import.meta.url);
const documents = ["README.md", "native/README.md"];

const tables = {
  "accuracy/label-noise": () => {
    const rows = readResults("accuracy/results/label-noise.csv");
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
    const head = ["method", "best epoch", "last epoch", "AUROC, best epoch", "seeds"];
    return withOrigin(rows, table(head, lines), `backend ${rows[0].backend}`);
  },

  "training/step-cost": () => {
    const rows = readResults("training/results/step-cost.csv").filter((row) => row.backend === "tensorflow");
    const cell = (row) => {
      if (!row?.ratioP50) return row?.skipped || "not measured";
      const ratio = `${times(row.ratioP50)} (${digits(row.ratioP20, 2)} to ${digits(row.ratioP80, 2)})`;
      // A range that crosses a bar has not passed it.
      if (!row.bar) return ratio;
      return `${ratio}, bar ${row.bar}${Number(row.ratioP80) <= Number(row.bar) ? "" : " **missed**"}`;
    };
    const lines = groups(rows, "contender").map(([method, group]) => [
      method,
      ...["mlp", "cnn", "resnet8"].map((model) => cell(group.find((row) => row.model === model))),
    ]);
    return withOrigin(rows, table(["", "MLP", "CNN", "ResNet-8"], lines), "backend tensorflow");
  },

  "kernels/tfjs": () => {
    const rows = readResults("kernels/results/tfjs.csv");
    const names = ["shortest tfjs operations", "composed of tfjs operations"];
    const lines = groups(rows, (row) => `${row.backend} [${row.rows}, ${row.classes}]`).map(
      ([where, group]) => {
        const of = (name) => group.find((row) => row.name === name);
        return [
          where,
          digits(1000 * of("kernels").medianMs, 3),
          ...names.map((name) => times(of(name).ratioToKernelsP50)),
        ];
      },
    );
    return withOrigin(rows, table(["", "kernels (µs)", ...names], lines), rows[0].native);
  },

  "kernels/pytorch-1-threads": () => pytorch(1),
  "kernels/pytorch-2-threads": () => pytorch(2),

  "kernels/javascript": () => {
    const others = ["@lilaw/native", "@lilaw/core, cpu", "@lilaw/core, reference"];
    return perShape(readResults("kernels/results/javascript.csv"), "addon", others);
  },
};

function pytorch(threads) {
  const rows = readResults(`kernels/results/pytorch-${threads}-threads.csv`);
  const others = ["eager", "torch.compile", "plain cross-entropy", "memcpy"];
  return perShape(rows, "native", others, `PyTorch ${rows[0].torch}`);
}

/** One shape a line: microseconds of the first contender (20th percentile), and how many times as long others take. */
function perShape(rows, first, others, ...remarks) {
  const lines = groups(rows, "shape").map(([shape, group]) => {
    const time = (contender) => Number(group.find((row) => row.contender === contender).microseconds_p20);
    return [shape, digits(time(first), 3), ...others.map((other) => times(time(other) / time(first)))];
  });
  const { isa, threads, load_before: load } = rows[0];
  const where = [isa, `${threads} thread${threads === "1" ? "" : "s"}`, `load of the machine before ${load}`];
  return withOrigin(rows, table(["shape", `${first} (µs)`, ...others], lines), ...where, ...remarks);
}

function readResults(path) {
  return parse(readFileSync(new URL(`benchmarks/${path}`, root), "utf8"), { columns: true });
}

/** [key, rows of that key], in order of appearance; the key is a column or a function of the row. */
function groups(rows, key) {
  const keyOf = typeof key === "string" ? (row) => row[key] : key;
  const byKey = new Map();
  for (const row of rows) byKey.set(keyOf(row), [...(byKey.get(keyOf(row)) ?? []), row]);
  return [...byKey];
}

/** To so many digits, without an exponent. */
const digits = (x, count) => Number(Number(x).toPrecision(count)).toLocaleString("en");
const times = (x) => `${digits(x, 2)}×`;

function table(head, lines) {
  const row = (cells) => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map(() => "---")), ...lines.map(row)].join("\n");
}

function withOrigin([{ machine, node, date, commit }], content, ...remarks) {
  return `${content}\n\n(${[machine, `Node ${node}`, ...remarks, date, `commit ${commit}`].join(", ")})`;
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
