/**
 * Fills the tables of the documents from committed results. In Markdown files the text between
 * `<!-- table: NAME -->` and `<!-- /table -->` is what `tables[NAME]` makes of a CSV file. With --check nothing is
 * written, and tables that differ are an error.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mean, sampleStandardDeviation } from "simple-statistics";
import { groups, originOf, readResults } from "./results.mjs";
import { localTool, run } from "./steps.mjs";

const root = new URL("../", import.meta.url);
const documents = [
  "README.md",
  "native/README.md",
  "docs/benchmarking.md",
  "docs/guide.md",
  "docs/reliability.md",
  "packages/diagnostics/README.md",
];

const tables = {
  "accuracy/label-noise": from("accuracy/results/label-noise.csv", (rows) => {
    const inPercent = (values) => {
      const shares = values.map((value) => 100 * Number(value));
      return `${mean(shares).toFixed(1)} ± ${sampleStandardDeviation(shares).toFixed(1)}`;
    };
    const lines = groups(rows, "method").map(([method, group]) => [
      method,
      inPercent(group.map((row) => row.testAccuracyAtBestValid)),
      inPercent(group.map((row) => row.testAccuracyLast)),
      inPercent(group.map((row) => row.testAurocAtBestValid)),
      group.length,
    ]);
    const head = ["method", "best epoch", "last epoch", "AUROC, best epoch", "seeds"];
    return withOrigin(rows, table(head, lines), `backend ${rows[0].backend}`);
  }),

  "accuracy/corrections": from("accuracy/results/corrections.csv", (rows) => {
    const inPercent = (group, name) => {
      const shares = group.map((row) => 100 * Number(row[name]));
      return `${mean(shares).toFixed(1)} ± ${sampleStandardDeviation(shares).toFixed(1)}`;
    };
    const names = ["wereWrong", "becameRight", "accuracyBefore", "accuracyAfter"];
    const lines = groups(rows, "accepted").map(([accepted, group]) => [
      Number(accepted).toLocaleString("en"),
      ...names.map((name) => inPercent(group, name)),
      group.length,
    ]);
    const head = [
      "accepted",
      "wrong before",
      "right after",
      "test accuracy before",
      "test accuracy after",
      "seeds",
    ];
    return withOrigin(rows, table(head, lines), "in percent, at the last epoch");
  }),

  "accuracy/suspects": from("accuracy/results/suspects.csv", (rows) => {
    const cases = groups(rows, ({ noise, method }) => `${noise}, ${method}`).map(([name]) => name);
    const lines = groups(rows, "score").map(([score, group]) => [
      `\`${score}\``,
      ...cases.map((name) => {
        const own = group.filter(({ noise, method }) => `${noise}, ${method}` === name);
        return own.length === 0 ? "—" : mean(own.map((row) => Number(row.auroc))).toFixed(3);
      }),
    ]);
    const seeds = groups(rows, "seed").length;
    return withOrigin(rows, table(["", ...cases], lines), `backend ${rows[0].backend}, ${seeds} seeds`);
  }),

  "training/step-cost": from("training/results/step-cost.csv", (all) => {
    const rows = all.filter((row) => row.backend === "tensorflow");
    const lines = groups(rows, "variant").map(([method, group]) => [
      method,
      ...["mlp", "cnn", "resnet8"].map((model) => stepCost(group.find((row) => row.model === model))),
    ]);
    return withOrigin(rows, table(["", "MLP", "CNN", "ResNet-8"], lines), "backend tensorflow");
  }),

  "training/other-backends": from("training/results/step-cost.csv", (all) => {
    const rows = all.filter((row) => row.backend !== "tensorflow");
    const place = ({ backend, model }) => `${backend}, ${model}`;
    const places = groups(rows, place);
    const [measured, skipped] = [true, false].map((wanted) =>
      places.filter(([, group]) => group.some((row) => row.ratioP50) === wanted),
    );
    const lines = groups(rows, "variant").map(([method]) => [
      method,
      ...measured.map(([, group]) => stepCost(group.find((row) => row.variant === method))),
    ]);
    const left = skipped.map(([name, [{ skipped: reason }]]) => `${name}: ${reason}.`);
    const content = table(["", ...measured.map(([name]) => name)], lines);
    return [withOrigin(rows, content), ...left].join("\n\n");
  }),

  "training/pytorch": from("training/results/pytorch.csv", (rows) => {
    const models = groups(rows, "model");
    const plainOf = (name) => (name.startsWith("PyTorch: ") ? "PyTorch: plain" : "plain");
    const cell = (group, name) => {
      const of = (variant) => group.find((row) => row.variant === variant);
      if (!of(name)?.ratioP50) return of(name)?.skipped || notMeasured;
      const share = of(name).ratioP50 / of(plainOf(name)).ratioP50;
      return `${digits(of(name).stepMsP50, 3)} ms, ${times(share)}`;
    };
    const lines = groups(rows, "variant").map(([name]) => [
      name,
      ...models.map(([, group]) => cell(group, name)),
    ]);
    const { torch, threads: count } = rows.find((row) => row.torch) ?? {};
    return withOrigin(
      rows,
      table(["", ...models.map(([model]) => model)], lines),
      `PyTorch ${torch}`,
      threads(count),
    );
  }),

  "kernels/tfjs": from("kernels/results/tfjs.csv", againstTfjs),

  "kernels/tfjs-few": from("kernels/results/tfjs.csv", (all) =>
    againstTfjs(
      all.filter(
        ({ backend, shape }) =>
          backend !== "webgpu" && ["[128,10]", "[128,100]", "[4096,1000]"].includes(shape),
      ),
    ),
  ),

  "kernels/pytorch": from("kernels/results/pytorch.csv", againstPyTorch, of("weightedLoss")),
  "kernels/pytorch-step": from("kernels/results/pytorch.csv", againstPyTorch, of("lilawStep")),

  "kernels/share-of-copy": from("kernels/results/operations.csv", (rows) => {
    const operations = [...new Set(rows.map((row) => row.operation))];
    const copy = (group) => group.find((row) => row.variant === "memory copy");
    const lines = groups(rows, "shape").map(([shape, group]) => [
      shape,
      bandwidth(copy(group)),
      ...operations.map((operation) => {
        const native = group.find((row) => row.operation === operation && row.variant === "native");
        return native.shareOfCopy ? percent(native.shareOfCopy) : notMeasured;
      }),
    ]);
    const { where } = rows.find((row) => row.variant === "native");
    return withOrigin(rows, table(["", "copy (GB/s)", ...operations], lines), where);
  }),

  "kernels/instruction-sets": from("kernels/results/operations.csv", (all) => {
    const rows = steps(all);
    const names = [...new Set(rows.map((row) => row.variant))];
    const own = names.filter((name) => name.startsWith("native ") || name === "reference");
    const lines = groups(rows, "shape").map(([shape, group]) => [
      shape,
      microseconds(group.find((row) => row.variant === "native")),
      ...own.map((name) => ratio(group.find((row) => row.variant === name))),
    ]);
    const { where } = rows.find((row) => row.variant === "native");
    const heads = own.map((name) => name.replace(/^native /, ""));
    return withOrigin(rows, table(["", `${where} (µs)`, ...heads], lines));
  }),

  "kernels/javascript": from("kernels/results/javascript.csv", (rows) => {
    const lines = groups(rows, (row) => `${row.operation} ${row.shape}`).map(([title, group]) => [
      title,
      microseconds(group[0]),
      ...group.slice(1).map(ratio),
    ]);
    const [first, ...others] = [...new Set(rows.map((row) => row.variant))];
    return withOrigin(rows, table(["", `${first} (µs)`, ...others], lines), rows[0].where);
  }),

  "gpu/bandwidth": from("gpu/results/bandwidth.csv", (rows) => {
    const lines = rows.map((row) => [
      `${row.dtype} [${row.rows},${row.classes}]`,
      digits(row.copy_gb_s, 4),
      digits(row.gb_s, 4),
      `${digits(100 * row.share_of_copy, 3)} %`,
      `${digits(100 * row.weights_cost, 2)} %`,
    ]);
    const head = ["", "copy (GB/s)", "loss and gradient (GB/s)", "share", "weights add"];
    return withGpu(rows, table(head, lines));
  }),

  "gpu/pytorch": from("gpu/results/pytorch.csv", (rows) => {
    const lines = rows.map((row) => [
      `[${row.rows},${row.classes}]`,
      digits(row["lilaw p50 us"], 3),
      times(row.eager_over_lilaw),
      times(row.compile_over_lilaw),
    ]);
    return withGpu(rows, table(["", "lilaw (µs)", "eager", "torch.compile"], lines));
  }),

  "gpu/triton": from("gpu/results/triton.csv", (rows) => {
    const lines = rows.map((row) => [
      `${row.dtype} [${row.rows},${row.classes}]`,
      digits(1000 * row["lilaw p50 ms"], 3),
      times(row.triton_over_lilaw),
      times(row.pytorch_over_lilaw),
    ]);
    return withGpu(rows, table(["", "lilaw (µs)", "Triton", "PyTorch"], lines));
  }),

  "gpu/node": from("gpu/results/node.csv", (rows) => byShape(rows)),
  "gpu/webgpu": from("gpu/results/webgpu.csv", (rows) => byShape(rows)),

  "reliability/calls": reliability("calls"),
  "reliability/files": reliability("files"),
  "reliability/kills": reliability("kills"),

  "training/growth": () =>
    readResults("training/results/growth.csv").length > 0
      ? "![How the cost of a training step grows with batch, classes, parameters and dataset](plots/growth.svg)"
      : "Not measured yet.",

  summary: () => {
    const tfjs = (backend) =>
      range(
        steps(readResults("kernels/results/tfjs.csv")).filter((row) => row.variant === `${backend} shortest`),
      );
    const pytorch = (variant, count) =>
      range(
        steps(readResults("kernels/results/pytorch.csv")).filter(
          (row) => row.variant === variant && row.threads === count,
        ),
      );
    const shares = steps(readResults("kernels/results/operations.csv")).filter(
      (row) => row.variant === "native" && row.shareOfCopy,
    );
    const step = (variant) =>
      range(
        readResults("training/results/step-cost.csv").filter(
          (row) => row.backend === "tensorflow" && row.variant === variant,
        ),
        "model",
      );
    const lines = [
      ...["tensorflow", "wasm", "cpu"].map((backend) => [
        `the LiLAW work in the fewest TensorFlow.js operations, on ${backend}, against our kernels there`,
        ...tfjs(backend),
        "`npm run bench -- kernels tfjs`",
      ]),
      ...["eager", "torch.compile", "plain cross-entropy"].map((variant) => [
        `PyTorch, ${variant}, one thread, against our native kernels`,
        ...pytorch(variant, "1"),
        "`npm run bench -- kernels pytorch`",
      ]),
      [
        "native LiLAW work: its bandwidth against that of a copy of the logits by one thread",
        ...range(shares, "shape", (row) => row.shareOfCopy, percent),
        "`npm run bench -- kernels operations`",
      ],
      ...["lilaw, validation batch 1", "lilaw, validation batch 1/4", "l2rw tangent, validation batch 1"].map(
        (variant) => [
          `a training step of ${variant}, against model.fit`,
          ...step(variant),
          "`npm run bench -- training step-cost`",
        ],
      ),
      ...["eager", "compile"].map((rival) => [
        `on a GPU: PyTorch, ${rival}, against our native kernels`,
        ...range(onGpu("pytorch"), "shape", (row) => row[`${rival}_over_lilaw`]),
        "`npm run bench -- gpu`",
      ]),
      [
        "on a GPU: bandwidth of loss and gradient against that of a copy",
        ...range(onGpu("bandwidth"), "shape", (row) => row.share_of_copy, percent),
        "`npm run bench -- gpu`",
      ],
    ];
    return table(["", "least", "most", "on your machine"], lines);
  },
};

/** The latest recorded run of a kind of cases: a line for each group, and a line for all of them together. */
function reliability(kind) {
  return from("../packages/reliability/results/runs.csv", (all) => {
    const rows = all.filter((row) => row.kind === kind);
    if (rows.length === 0) return "Not run yet.";
    const { commit, date } = rows.at(-1);
    const last = rows.filter((row) => row.commit === commit && row.date === date);
    const latest = [...new Map(last.map((row) => [row.group, row])).values()];
    const columns = ["count", "right", "refused", "crashes", "hangs", "rawErrors", "silentDifferences"];
    const total = columns.map((column) => latest.reduce((sum, row) => sum + Number(row[column]), 0));
    const line = (name, cells) => [name, ...cells.map((cell) => Number(cell).toLocaleString("en"))];
    const lines = [
      ...latest.map((row) =>
        line(
          row.group,
          columns.map((column) => row[column]),
        ),
      ),
      line("**all**", total),
    ];
    const head = ["", "cases", "right", "refused", "crashes", "hangs", "raw errors", "silent differences"];
    return withOrigin(latest, table(head, lines), `seed ${latest[0].seed}`, `${latest[0].seconds} s`);
  });
}

function againstTfjs(all) {
  const cases = groups(steps(all), (row) => `${row.backend} ${row.shape}`).map(([where, group]) => {
    const of = (way) => group.find((row) => row.variant.endsWith(` ${way}`));
    return { where, kernels: of("kernels"), others: ["shortest", "autodiff", "composed"].map(of) };
  });
  const measured = cases.filter(({ kernels }) => kernels.microsecondsP50);
  const lines = measured.map(({ where, kernels, others }) => [
    where,
    microseconds(kernels),
    ...others.map((other) => ratio(other) + (other?.launches ? ` (${other.launches})` : "")),
  ]);
  const head = ["", "kernels (µs)", "shortest", "autodiff", "composed"];
  const on = groups(
    measured.map(({ kernels }) => kernels),
    "backend",
  ).map(([backend, [{ where }]]) => `${backend}: ${where}`);
  return withOrigin(all, table(head, lines), on.join("; "));
}

/** Native kernels against PyTorch, a line for each shape and number of threads. */
function againstPyTorch(rows) {
  const others = ["eager", "torch.compile", "plain cross-entropy", "memory copy"];
  const lines = groups(rows, (row) => `${row.shape}, ${threads(row.threads)}`).map(([title, group]) => [
    title,
    microseconds(group.find((row) => row.variant === row.baseline)),
    ...others.map((other) => ratio(group.find((row) => row.variant === other))),
  ]);
  const versions = new Set(rows.map((row) => row.where.split(",")[0]).filter(Boolean));
  return withOrigin(rows, table(["", "native (µs)", ...others], lines), ...versions);
}

const notMeasured = "—";

/** Makes a table of the wanted rows of a CSV file, or a note where there are none. */
function from(path, make, wanted = () => true) {
  return () => {
    const rows = readResults(path).filter(wanted);
    return rows.length === 0 ? "Not measured yet." : make(rows);
  };
}

/** The ratio of a training step to `model.fit`. A bar is missed unless the whole range is below it. */
function stepCost(row) {
  if (!row?.ratioP50) return row?.skipped || "not measured";
  const text = `${times(row.ratioP50)} (${digits(row.ratioP20, 2)} to ${digits(row.ratioP80, 2)})`;
  if (!row.bar) return text;
  return `${text}, bar ${row.bar}${Number(row.ratioP80) <= Number(row.bar) ? "" : " **missed**"}`;
}

/** A line for each shape, with the microseconds of every variant. */
function byShape(rows) {
  const names = groups(rows, "variant").map(([name]) => name);
  const lines = groups(rows, "shape").map(([shape, group]) => [
    shape,
    ...names.map((name) => microseconds(group.find(({ variant }) => variant === name))),
  ]);
  const where = names.map((name) => rows.find((row) => row.variant === name && row.where)?.where);
  const remarks = names.flatMap((name, i) => (where[i] ? [`${name}: ${where[i]}`] : []));
  return withOrigin(rows, table(["µs", ...names], lines), ...remarks);
}

/** Rows of the GPU's benchmarks in Python, with their shapes. */
const onGpu = (part) =>
  readResults(`gpu/results/${part}.csv`).map((row) => ({ ...row, shape: `[${row.rows},${row.classes}]` }));

function withGpu([{ device, torch, date, commit }], content) {
  return `${content}\n\n(${device}, PyTorch ${torch}, ${date}, commit ${commit})`;
}

function of(operation) {
  return (row) => row.operation === operation;
}

/** The rows of `lilawStep`. */
const steps = (rows) => rows.filter(of("lilawStep"));

/** The smallest and the largest value of some rows, each with its case. */
function range(rows, label = "shape", value = (row) => row.ratioP50, text = times) {
  const known = rows.filter((row) => value(row)).sort((a, b) => value(a) - value(b));
  if (known.length === 0) return ["not measured", "not measured"];
  return [known[0], known.at(-1)].map((row) => `${text(value(row))} (${row[label]})`);
}

const threads = (count) => `${count} thread${count === "1" ? "" : "s"}`;
const microseconds = (row) => (row?.microsecondsP50 ? digits(row.microsecondsP50, 3) : notMeasured);
const ratio = (row) => (row?.ratioP50 ? times(row.ratioP50) : notMeasured);
const bandwidth = (row) => digits(row.bytes / row.microsecondsP50 / 1000, 3);

/** A number rounded to significant digits, without an exponent. */
const digits = (x, count) => Number(Number(x).toPrecision(count)).toLocaleString("en");
const times = (x) => `${digits(x, 2)}×`;
const percent = (x) => `${digits(100 * x, 2)} %`;

function table(head, lines) {
  const row = (cells) => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map(() => "---")), ...lines.map(row)].join("\n");
}

function withOrigin(rows, content, ...remarks) {
  return `${content}\n\n(${originOf(rows, ...remarks)})`;
}

/** The text as the formatter would leave it; it aligns tables. */
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
