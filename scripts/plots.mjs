/**
 * Draws the plots of the documents from committed results, as SVG in docs/plots. With --check nothing is written, and
 * plots that differ are an error. The same results give the same bytes; without results there is no plot.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vega from "vega";
import { compile } from "vega-lite";
import { originOf, readResults } from "./results.mjs";
import { root } from "./steps.mjs";

const folder = join(root, "docs", "plots");

const plots = {
  /** Time against size on logarithmic axes, with the time of a memory copy as the limit. */
  kernels() {
    const pytorch = steps("pytorch").filter(({ threads }) => threads === "1");
    if (pytorch.length === 0) return undefined;
    const tfjs = steps("tfjs");
    const limit = steps("operations").filter(({ variant }) => variant === "memory copy");
    const series = [
      ["native, 1 thread", pytorch.filter(({ variant, baseline }) => variant === baseline)],
      ...["plain cross-entropy", "torch.compile", "eager"].map((name) => [
        `PyTorch ${name}, 1 thread`,
        pytorch.filter(({ variant }) => variant === name),
      ]),
      ...["tensorflow", "wasm", "cpu"].map((backend) => [
        `TensorFlow.js operations, ${backend}`,
        tfjs.filter(({ variant }) => variant === `${backend} shortest`),
      ]),
    ];
    const points = ([name, rows]) =>
      rows
        .filter(({ microsecondsP50 }) => microsecondsP50)
        .map(({ logits, microsecondsP50 }) => ({
          name,
          logits: Number(logits),
          seconds: Number(microsecondsP50) / 1e6,
        }));
    // A copy reads or writes the logits twice, the step three times.
    const copies = points([limitName, limit]).map((point) => ({ ...point, seconds: 1.5 * point.seconds }));
    const names = [...series.map(([name]) => name), limitName];
    return {
      title: {
        text: "The LiLAW work on the logits of a batch",
        subtitle: originOf(pytorch),
        anchor: "start",
      },
      width: 560,
      height: 380,
      data: { values: [...series.flatMap(points), ...copies] },
      layer: [
        {
          transform: [{ filter: { field: "name", equal: limitName } }],
          mark: { type: "line", strokeDash: [5, 4], strokeWidth: 2 },
        },
        {
          transform: [{ filter: { not: { field: "name", equal: limitName } } }],
          mark: { type: "line", point: true, strokeWidth: 2 },
        },
      ],
      encoding: {
        x: logarithmic("logits", "logits (rows × classes)"),
        y: logarithmic("seconds", "a step", "s"),
        color: {
          field: "name",
          title: null,
          scale: { domain: names, range: [...palette.slice(0, series.length), grey] },
          legend: { labelLimit: 300 },
        },
      },
    };
  },

  /** The time of a training step as a multiple of that of model.fit. */
  "step-cost"() {
    const rows = readResults("training/results/step-cost.csv").filter(
      ({ backend, ratioP50 }) => backend === "tensorflow" && ratioP50,
    );
    if (rows.length === 0) return undefined;
    const values = rows.map(({ model, variant, ratioP20, ratioP50, ratioP80 }) => ({
      model,
      variant,
      low: Number(ratioP20),
      ratio: Number(ratioP50),
      high: Number(ratioP80),
    }));
    const x = {
      field: "ratio",
      type: "quantitative",
      title: "times as long as model.fit (20th to 80th percentile)",
    };
    const y = {
      field: "variant",
      type: "nominal",
      title: null,
      sort: [...new Set(values.map(({ variant }) => variant))],
      axis: { labelLimit: 400 },
    };
    return {
      title: { text: "A training step, batch 128, Adam", subtitle: originOf(rows), anchor: "start" },
      data: { values },
      facet: { row: { field: "model", title: null, sort: [...new Set(values.map(({ model }) => model))] } },
      spec: {
        width: 420,
        layer: [
          { mark: { type: "rule", strokeDash: [5, 4], color: grey }, encoding: { x: { datum: 1 } } },
          {
            mark: { type: "rule", strokeWidth: 2, color: palette[0] },
            encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y },
          },
          {
            mark: { type: "point", filled: true, opacity: 1, size: 50, color: palette[0] },
            encoding: { x, y },
          },
        ],
      },
    };
  },

  /** Time of a training step against batch, classes, parameters and dataset, on logarithmic axes. */
  growth() {
    const rows = readResults("training/results/growth.csv").filter(({ stepMsP50 }) => stepMsP50);
    if (rows.length === 0) return undefined;
    const columns = { batch: "batch", classes: "classes", units: "parameters", samples: "samples" };
    const panel = ([dimension, column]) => ({
      width: 240,
      height: 180,
      data: {
        values: rows
          .filter((row) => row.dimension === dimension)
          .map((row) => ({
            name: row.variant,
            size: Number(row[column]),
            seconds: Number(row.stepMsP50) / 1000,
          })),
      },
      mark: { type: "line", point: true, strokeWidth: 2 },
      encoding: {
        x: logarithmic("size", column),
        y: logarithmic("seconds", "a step", "s"),
        color: {
          field: "name",
          title: null,
          scale: { domain: [...new Set(rows.map(({ variant }) => variant))], range: palette },
        },
      },
    });
    return {
      title: { text: "A training step, MLP, as it grows", subtitle: originOf(rows), anchor: "start" },
      columns: 2,
      concat: Object.entries(columns).map(panel),
    };
  },
};

const limitName = "limit: memory copy, 1 thread";

/** The palette of Okabe and Ito, whose colours people with colour blindness can tell apart. */
const palette = ["#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9", "#000000"];
const grey = "#555555";

/** A logarithmic axis with labels at powers of ten, in SI units. */
const logarithmic = (field, title, unit = "") => ({
  field,
  title,
  type: "quantitative",
  scale: { type: "log" },
  axis: { gridOpacity: 0.3, labelExpr: `${isPowerOfTen} ? ${siLabel} + '${unit}' : ''` },
});
const isPowerOfTen = "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6";
const siLabel = "replace(format(datum.value, '~s'), /([0-9])(?=[^0-9.]|$)/, '$1 ')";

function steps(suite) {
  return readResults(`kernels/results/${suite}.csv`).filter(({ operation }) => operation === "lilawStep");
}

/** An SVG with its own background, for light and dark pages. */
async function draw(spec) {
  const config = { background: "white", font: "sans-serif", padding: 12 };
  const view = new vega.View(vega.parse(compile({ ...spec, config }).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}

const checking = process.argv.includes("--check");
mkdirSync(folder, { recursive: true });
for (const [name, specOf] of Object.entries(plots)) {
  const spec = specOf();
  if (spec === undefined) continue;
  const file = join(folder, `${name}.svg`);
  const svg = await draw(spec);
  if (existsSync(file) && readFileSync(file, "utf8") === svg) continue;
  if (checking) {
    console.error(`docs/plots/${name}.svg: differs from what the results give`);
    process.exitCode = 1;
  } else writeFileSync(file, svg);
}
