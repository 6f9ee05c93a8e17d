import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { loadLayersModel } from "@tensorflow/tfjs-layers";
import { parse } from "csv-parse/sync";
import { parquetReadObjects } from "hyparquet";
import { parse as parseNpy } from "npyjs";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type EpochMetrics, RunFolder, readSamples } from "../src/index.js";
import { cloudFiles, lilaw, messyTable, scratch, scratchUntil, small, writeTable } from "./support.js";

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
  it("is loaded by TensorFlow.js over HTTP, as in a browser, and predicts what lilaw predicts", async () => {
    const model = join(run, "lilaw-1", "model", "best");
    const server = createServer((request, response) => {
      readFile(join(model, request.url!)).then(
        (content) => response.end(content),
        () => response.writeHead(404).end(),
      );
    }).listen(0);
    onTestFinished(() => void server.close());
    const url = `http://localhost:${(server.address() as AddressInfo).port}`;
    await tf.setBackend("cpu");

    const loaded = await loadLayersModel(`${url}/model.json`);
    const { encoding, classNames } = await (await fetch(`${url}/inputs.json`)).json();
    const sample: Record<string, number> = { x: 0.1, y: 1.9 };
    const values = encoding.columns.map(
      ({ name, shift, scale }: { name: string; shift: number; scale: number }) =>
        (sample[name]! - shift) / scale,
    );
    const probs = tf.softmax(loaded.predict(tf.tensor([values])) as tf.Tensor).dataSync();

    const input = join(folder, "one.csv");
    await writeFile(input, "x,y\n0.1,1.9\n");
    const [row] = rowsOf((await predict("--input", input)).stdout);
    expect(row!.predictionName).toBe("c0");
    for (const [k, name] of classNames.entries())
      expect(probs[k]).toBeCloseTo(Number(row![`prob ${name}`]), 6);
  });
});
