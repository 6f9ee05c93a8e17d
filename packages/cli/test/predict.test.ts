import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { findChromium } from "@lilaw/testing";
import { loadLayersModel } from "@tensorflow/tfjs-layers";
import { parse } from "csv-parse/sync";
import { parquetReadObjects } from "hyparquet";
import { parse as parseNpy } from "npyjs";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type EpochMetrics, RunFolder, readSamples } from "../src/index.js";
import { cloudFiles, lilaw, messyTable, scratch, scratchUntil, small, writeTable } from "./support.js";

const require = createRequire(import.meta.url);

type Row = Record<string, string>;

let folder: string;
let run: string;
let files: string[];

const test = () => files[3]!;

beforeAll(async () => {
  folder = await scratchUntil(afterAll);
  run = join(folder, "run");
  files = await cloudFiles(folder);
  const training = ["--noise", "symmetric:0.4", "--epochs", "4", "--seeds", "1,2"];
  expect(await lilaw(["train", ...files, ...training, ...small, "--out", run])).toMatchObject({ status: 0 });
});

const rowsOf = (text: string): Row[] => parse(text, { columns: true });

async function predict(...args: string[]) {
  return lilaw(["predict", run, "--backend", "cpu", ...args]);
}

describe("lilaw predict", () => {
  it("has the accuracy on the test file that the epoch had, best and last, of the method and seed asked for", async () => {
    const metrics: EpochMetrics[] = (await readFile(join(run, "metrics.jsonl"), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const truth = rowsOf(await readFile(test(), "utf8")).map(({ label }) => label);
    for (const [method, seed] of [
      ["lilaw", 1],
      ["baseline", 2],
    ] as const) {
      const epochs = metrics.filter((line) => line.method === method && line.seed === seed);
      const best = epochs.reduce((a, b) => (b.validAccuracy > a.validAccuracy ? b : a));
      for (const [epoch, line] of [["best", best] as const, ["last", epochs.at(-1)!] as const]) {
        const asked = ["--method", method, "--seed", String(seed), "--epoch", epoch];
        const ended = await predict("--input", test(), ...asked);
        expect(ended).toMatchObject({ status: 0 });
        expect(ended.stderr).toContain(`model of ${method}-${seed}, epoch ${line.epoch}\n150 samples: c0 `);
        const names = rowsOf(ended.stdout).map(({ predictionName }) => predictionName);
        expect(names.filter((name, i) => name === truth[i]).length / 150).toBeCloseTo(line.testAccuracy, 12);
      }
    }
  });

  it("gives every row that was held out the probability that the run gave it", async () => {
    const output = join(folder, "all.parquet");
    const asked = ["--input", files[1]!, "--epoch", "last", "--output", output];
    expect(await predict(...asked)).toMatchObject({ status: 0 });
    const predicted = await parquetReadObjects({ file: Uint8Array.from(await readFile(output)).buffer });
    const opened = await RunFolder.read(run, "RUN");
    const samples = await readSamples(opened, { method: "lilaw", seed: 1 });
    const valid = samples.filter(({ split }) => split === "valid");
    expect(valid).toHaveLength(45);
    for (const { row, line, prediction, labelName, labelProb } of valid) {
      const { [`prob ${labelName}`]: prob, ...found } = predicted[row]!;
      expect(found).toMatchObject({ row, line, prediction });
      expect(prob).toBeCloseTo(labelProb, 6);
    }
  });

  it("writes the same as CSV, JSON, Parquet and NPY, without the labels too", async () => {
    const unlabelled = join(folder, "unlabelled.csv");
    const lines = (await readFile(test(), "utf8")).split("\n");
    await writeFile(unlabelled, lines.map((line) => line.split(",").slice(0, 2).join(",")).join("\n"));
    const outputs = await Promise.all(
      ["csv", "json", "parquet", "npy"].map(async (format) => {
        const output = join(folder, `out.${format}`);
        expect(await predict("--input", unlabelled, "--output", output)).toMatchObject({ status: 0 });
        return readFile(output);
      }),
    );
    const [csv, json, parquet, npy] = outputs as [Buffer, Buffer, Buffer, Buffer];
    expect((await predict("--input", test())).stdout).toBe(csv.toString());
    const rows = rowsOf(csv.toString());
    expect(Object.keys(rows[0]!).join()).toBe("row,line,prediction,predictionName,prob c0,prob c1,prob c2");
    const wanted = rows.flatMap((row) =>
      ["c0", "c1", "c2"].map((name) => Math.fround(Number(row[`prob ${name}`]))),
    );
    const { data, shape } = parseNpy(Uint8Array.from(npy).buffer);
    expect([shape, Array.from(data as unknown as Float32Array)]).toEqual([[150, 3], wanted]);
    const document = JSON.parse(json.toString());
    expect(document).toMatchObject({ method: "lilaw", seed: 1, classNames: ["c0", "c1", "c2"], dropped: 0 });
    expect(
      document.samples.flatMap(({ predProbs }: { predProbs: number[] }) => predProbs.map(Math.fround)),
    ).toEqual(wanted);
    const objects = await parquetReadObjects({ file: Uint8Array.from(parquet).buffer });
    expect(objects.flatMap((row) => ["c0", "c1", "c2"].map((name) => row[`prob ${name}`]))).toEqual(wanted);
    const again = await predict("--input", test(), "--output", join(folder, "out.csv"));
    expect([again.status, again.stderr]).toEqual([
      2,
      expect.stringContaining("a path that is not there yet (or --force)"),
    ]);
    const original = await predict("--input", unlabelled, "--output", unlabelled, "--force");
    expect([original.status, original.stderr]).toEqual([
      2,
      expect.stringContaining("another place than the original"),
    ]);
  });

  it("makes the same numbers of a messy table as training did", async () => {
    const own = await scratch();
    const out = join(own, "run");
    const table = messyTable(240, 1);
    const train = await writeTable(join(own, "train.csv"), table);
    const reading = [
      "--drop-column",
      "id",
      "--drop-column",
      "day",
      "--label-column",
      "diagnosis",
      "--missing",
      "mean",
    ];
    const training = ["--methods", "baseline", "--epochs", "2", ...small];
    expect(await lilaw(["train", "--train", train, ...reading, ...training, "--out", out])).toMatchObject({
      status: 0,
    });
    // Other columns, in another order: neither the label nor the columns that were left out.
    const input = await writeTable(
      join(own, "new.csv"),
      table.map(([, , age, , town, iron]) => [iron!, town!, age!]),
    );
    const ended = await lilaw(["predict", out, "--epoch", "last", "--input", input]);
    expect(ended).toMatchObject({ status: 0 });
    const predicted = rowsOf(ended.stdout);
    const samples = await readSamples(await RunFolder.read(out, "RUN"), { method: "baseline", seed: 1 });
    const valid = samples.filter(({ split }) => split === "valid");
    expect(valid.length).toBeGreaterThan(20);
    for (const { row, labelName, labelProb } of valid) {
      expect(Number(predicted[row]![`prob ${labelName}`])).toBeCloseTo(labelProb, 5);
    }
  });

  it.each<[string, string, string[], RegExp]>([
    ["a missing column", "x,label\n1,c0\n", [], /the column y for.*\(CORRUPT_FILE\)/],
    ["text in a column of numbers", "x,y\n1,many\n", [], /a number for line 2, column y.*\(CORRUPT_FILE\)/],
    [
      "a method that the run does not have",
      "x,y\n1,2\n",
      ["--method", "l2rw"],
      /baseline-1, lilaw-1.*\(UNKNOWN_NAME\)/,
    ],
    [
      "a seed that the run does not have",
      "x,y\n1,2\n",
      ["--seed", "9"],
      /baseline-1, lilaw-1.*\(UNKNOWN_NAME\)/,
    ],
    [
      "an output of another format",
      "x,y\n1,2\n",
      ["--output", "a.txt"],
      /\.parquet, \.npy for --output.*\(INVALID_ARGUMENT\)/,
    ],
    [
      "an epoch that is a number",
      "x,y\n1,2\n",
      ["--epoch", "3"],
      /one of best, last for --epoch.*\(INVALID_ARGUMENT\)/,
    ],
  ])("answers %s with one clear error", async (_, text, args, message) => {
    const input = join(folder, "bad.csv");
    await writeFile(input, text);
    const { status, stdout, stderr } = await predict("--input", input, ...args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr.replaceAll(/\s+/g, " ")).toMatch(message);
  });

  it("answers a damaged model with one clear error", async () => {
    const weights = join(run, "lilaw-1", "model", "best", "weights.bin");
    const before = await readFile(weights);
    const damaged = Buffer.from(before);
    damaged[0]! ^= 1;
    await writeFile(weights, damaged);
    const { status, stderr } = await predict("--input", test());
    await writeFile(weights, before);
    expect(status).toBe(2);
    expect(stderr.replaceAll(/\s+/g, " ")).toMatch(/weights\.bin.*\(CHECKSUM_MISMATCH\)/);
    expect((await predict("--input", test())).status).toBe(0);
  });
});

describe("the model that a run keeps", () => {
  const executablePath = findChromium();
  const sample = { x: 0.1, y: 1.9 };

  /** Serves a model, and the bundles of TensorFlow.js for a page; the URL. */
  async function served(): Promise<string> {
    const model = join(run, "lilaw-1", "model", "best");
    const bundle = (name: string) => require.resolve(`@tensorflow/tfjs-${name}/dist/tf-${name}.min.js`);
    const scripts = ["core", "layers", "backend-cpu"];
    const pages = new Map(scripts.map((name) => [`/${name}.js`, bundle(name)]));
    const html = scripts.map((name) => `<script src="/${name}.js"></script>`).join("");
    const server = createServer((request, response) => {
      const { url } = request;
      if (url === "/") response.setHeader("content-type", "text/html").end(html);
      else {
        readFile(pages.get(url!) ?? join(model, url!)).then(
          (content) => response.end(content),
          () => response.writeHead(404).end(),
        );
      }
    }).listen(0);
    onTestFinished(() => void server.close());
    await once(server, "listening");
    return `http://localhost:${(server.address() as AddressInfo).port}`;
  }

  /** The snippet of the README as the body of a function of `tf`, for the model at a URL; it gives the name and the probabilities. */
  async function snippetFor(url: string): Promise<string> {
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const [, code] = /```js\nimport \* as tf from "@tensorflow\/tfjs";\n(.*?)```/s.exec(readme)!;
    const edits: [string | RegExp, string][] = [
      [/"https:[^"]+"/, JSON.stringify(url)],
      [/\{ height[^}]+\}/, JSON.stringify(sample)],
      ["console.log(", "return Array.of("],
    ];
    return edits.reduce((text, [from, to]) => {
      expect(text).toMatch(from);
      return text.replace(from, to);
    }, code!);
  }

  async function checkPredicted([name, probs]: [string, ArrayLike<number>]): Promise<void> {
    const input = join(folder, "one.csv");
    await writeFile(input, `${Object.keys(sample)}\n${Object.values(sample)}\n`);
    const [row] = rowsOf((await predict("--input", input)).stdout);
    expect(row!.predictionName).toBe("c0");
    expect(name).toBe("c0");
    for (let k = 0; k < 3; k++) expect(probs[k]).toBeCloseTo(Number(row![`prob c${k}`]), 6);
  }

  const asynchronous = Object.getPrototypeOf(async () => {}).constructor;

  it("predicts by the snippet of the README what lilaw predicts", async () => {
    await tf.setBackend("cpu");
    const act = asynchronous("tf", await snippetFor(await served()));
    await checkPredicted(await act({ ...tf, loadLayersModel }));
  });

  it.skipIf(!executablePath)("does so in a browser", async () => {
    const url = await served();
    const browser = await chromium.launch({ executablePath: executablePath! });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(url);
    const code = await snippetFor(url);
    const result = await page.evaluate(
      `(async () => { ${code.replace("return Array.of(", "return JSON.stringify(Array.of(").trimEnd().replace(/;$/, ")")} })()`,
    );
    const [name, probs] = JSON.parse(result as string);
    await checkPredicted([name, Object.values(probs) as number[]]);
  });
});
