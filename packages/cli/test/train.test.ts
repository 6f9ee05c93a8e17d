import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { beforeAll, describe, expect, it } from "vitest";
import type { RunConfig } from "../src/config.js";
import { seal } from "../src/documents.js";
import { RunFolder, readSamples, type SampleRow } from "../src/index.js";
import {
  cloudFiles,
  clouds,
  contentsOf,
  type Interruption,
  lilaw,
  longRun,
  metricsOf,
  scratch,
  small,
  start,
  summaryOf,
  twoMethods,
} from "./support.js";

/** A row of `samples.parquet` as the cells that `samples.csv` has for it. */
function asCells({ file: _, ...row }: SampleRow): Record<string, string> {
  const singles = ["loss", "labelProb", "maxProb", "alpha", "beta", "delta", "weight"];
  const cellOf = ([name, value]: [string, unknown]) => {
    if (value === null) return [name, ""];
    return [name, String(singles.includes(name) ? Number((value as number).toPrecision(9)) : value)];
  };
  return Object.fromEntries(Object.entries(row).map(cellOf));
}

const methods = ["baseline", "lilaw", "lilaw-detached", "l2rw", "random"];

describe("lilaw train on a user's files", () => {
  it("trains every method with every seed and leaves a whole run folder", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    const files = await cloudFiles(folder);
    const training = [
      "--noise",
      "symmetric:0.4",
      "--methods",
      methods.join(","),
      "--epochs",
      "3",
      "--seeds",
      "1,2",
    ];
    const ended = await lilaw(["train", ...files, ...training, ...small, "--out", out, "--json"]);
    expect(ended).toMatchObject({ status: 0, signal: null });

    const summary = await summaryOf(out);
    const { sha256: _, run, ...written } = JSON.parse(await readFile(join(out, "summary.json"), "utf8"));
    expect(run).toBe(JSON.parse(await readFile(join(out, "config.json"), "utf8")).sha256);
    expect(JSON.parse(ended.stdout)).toEqual({ folder: out, ...written });
    expect(summary).toMatchObject({ dataset: "train.csv", noise: "symmetric:0.4" });
    expect(summary.results.map(({ method, seed }) => `${method} ${seed}`)).toEqual(
      [1, 2].flatMap((seed) => methods.map((method) => `${method} ${seed}`)),
    );
    for (const result of summary.results) {
      // The clouds are far apart: labels that are wrong at random do not move a linear border much.
      expect(result.testAccuracyAtBestValid).toBeGreaterThan(0.85);
      expect(result.testAurocAtBestValid).toBeGreaterThan(0.95);
    }

    const metrics = await metricsOf(out);
    expect(metrics.map(({ method, seed, epoch }) => `${method} ${seed} ${epoch}`)).toEqual(
      [1, 2].flatMap((seed) =>
        methods.flatMap((method) => [1, 2, 3].map((epoch) => `${method} ${seed} ${epoch}`)),
      ),
    );
    for (const line of metrics) expect(line.alpha !== undefined).toBe(line.method.startsWith("lilaw"));

    const config: RunConfig = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    expect(config.backend.backend).toBe("cpu");
    expect(config.data.origins).toEqual({
      valid: "held out of the training samples",
      test: "test.csv",
      noise: "symmetric:0.4, injected into the training and validation labels",
      trueLabels: "those of train.csv before the noise, believed to be right",
      clean: "equally many of every class, of the validation samples, labels before the noise",
    });
    expect(config.data.seeds[1]).toEqual({
      seed: 2,
      trainSize: 255,
      validSize: 45,
      cleanSize: 45,
      trainNoiseRate: 0.4,
      validNoiseRate: 0.4,
      diagonallyDominant: true,
    });
  });

  it("writes every sample as the last epoch saw it", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    const files = await cloudFiles(folder);
    await lilaw(["train", ...files, "--noise", "pair-flip:0.2", "--epochs", "2", ...small, "--out", out]);

    const source = (await readFile(join(folder, "train.csv"), "utf8")).split("\n").slice(1);
    const samples: Record<string, string>[] = parse(await readFile(join(out, "lilaw-1", "samples.csv")), {
      columns: true,
    });
    const read = await readSamples(await RunFolder.read(out, "RUN"), { method: "lilaw", seed: 1 });
    expect(read.map(asCells)).toEqual(samples.map(({ ...sample }) => sample));
    const training = samples.filter(({ split }) => split === "train");
    const validation = samples.filter(({ split }) => split === "valid");
    expect(samples.map(({ row }) => Number(row)).sort((a, b) => a - b)).toEqual([...source.keys()]);
    expect([training.length, validation.length]).toEqual([255, 45]);
    expect(training.filter(({ flag }) => flag === "1").length).toBe(51);
    expect(validation.filter(({ flag }) => flag === "1").length).toBe(9);
    const { alpha: easy, validAccuracy } = (await metricsOf(out)).at(-1)!;
    const right = validation.filter(({ prediction, label }) => prediction === label);
    expect(right.length / 45).toBeCloseTo(validAccuracy, 12);
    for (const sample of samples) {
      const label = Number(sample.label);
      const trueLabel = Number(sample.trueLabel);
      expect(source[Number(sample.row)]).toMatch(new RegExp(`,c${trueLabel}$`));
      expect(label).toBe(sample.flag === "1" ? (trueLabel + 1) % 3 : trueLabel);
      const [u, v] = [Number(sample.labelProb), Number(sample.maxProb)];
      expect(Number(sample.loss)).toBeCloseTo(-Math.log(u), 4);
      expect(v).toBeGreaterThanOrEqual(u);
      expect(Number(sample.prediction) === label).toBe(u === v);
      const [alpha, beta, delta] = [Number(sample.alpha), Number(sample.beta), Number(sample.delta)];
      if (sample.split === "train") expect(Number(sample.weight)).toBeCloseTo(alpha + beta + delta, 5);
      else expect([sample.weight, alpha]).toEqual(["", expect.closeTo(1 / (1 + Math.exp(v - easy! * u)), 5)]);
    }
  });

  it("trains with the loss that is named, and scores validation samples by it", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    const training = ["--loss", "focal:2", "--methods", "lilaw,baseline,random", "--epochs", "2"];
    const ended = await lilaw(["train", ...(await cloudFiles(folder)), ...training, ...small, "--out", out]);
    expect(ended).toMatchObject({ status: 0 });
    for (const method of ["lilaw", "baseline", "random"]) {
      const text = await readFile(join(out, `${method}-1`, "samples.csv"), "utf8");
      const lines: Record<string, string>[] = parse(text, { columns: true });
      expect(new Set(lines.map(({ split }) => split))).toEqual(new Set(["train", "valid"]));
      for (const { loss, labelProb } of lines) {
        const p = Number(labelProb);
        expect(Number(loss)).toBeCloseTo(-((1 - p) ** 2) * Math.log(p), 5);
      }
    }
  });

  it("says nothing of what is true where no noise was injected", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    const files = await cloudFiles(folder);
    await lilaw(["train", ...files, "--methods", "baseline", "--epochs", "1", ...small, "--out", out]);
    for (const { trainCleanAccuracy, validCleanAccuracy } of await metricsOf(out)) {
      expect([trainCleanAccuracy, validCleanAccuracy]).toEqual([null, null]);
    }
    const lines = (await readFile(join(out, "baseline-1", "samples.csv"), "utf8")).trimEnd().split("\n");
    const classes = "label,labelName,trueLabel,flag,prediction,predictionName";
    const epoch = "loss,labelProb,maxProb,alpha,beta,delta,weight";
    const run =
      "meanLabelProb,meanMargin,areaUnderMargin,suggestedLabel,suggestedName,forgettingEvents,firstLearned";
    expect(lines[0]).toBe(`split,row,line,${classes},${epoch},${run},meanAlpha,meanBeta,meanDelta`);
    const values = (weight: string) =>
      `,[012],c[012],,,[012],c[012],[\\d.e-]+,[\\d.e-]+,[\\d.e-]+,,,,${weight},[\\d.e-]+,[\\d.e-]+,[\\d.e-]+,[012],c[012],0,1?,,,$`;
    expect(lines[1]).toMatch(new RegExp(`^train,\\d+,\\d*${values("1")}`));
    expect(lines.at(-1)).toMatch(new RegExp(`^valid,\\d+,\\d*${values("")}`));
  });

  it("holds out test samples where there are none, and says how wrong their labels are", async () => {
    const folder = await scratch();
    const [train] = [(await cloudFiles(folder)).slice(0, 2)];
    const testRows = async (name: string, ...args: string[]) => {
      const out = join(folder, name);
      const ended = await lilaw(["train", ...train, "--epochs", "1", ...small, ...args, "--out", out]);
      expect(ended).toMatchObject({ status: 0 });
      const samples: Record<string, string>[] = parse(await readFile(join(out, "lilaw-1", "samples.csv")), {
        columns: true,
      });
      const used = new Set(samples.map(({ row }) => Number(row)));
      return { ended, out, rows: [...Array(300).keys()].filter((row) => !used.has(row)) };
    };
    const { ended, out, rows } = await testRows("plain");
    expect(rows).toHaveLength(45);
    expect((await testRows("noisy", "--noise", "symmetric:0.4", "--seeds", "1,2")).rows).toEqual(rows);
    expect((await testRows("larger", "--test-size", "0.5")).rows).toHaveLength(150);
    const config: RunConfig = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    expect(config.data.testSize).toBe(45);
    const origin = "held out of train.csv, whose labels may be wrong too";
    expect(config.data.origins.test).toBe(origin);
    expect((await summaryOf(out)).test).toBe(origin);
    for (const text of [ended.stdout, ended.stderr]) expect(text.replaceAll(/\s+/g, " ")).toContain(origin);
  });

  it("trusts the labels of a clean file, and says so", async () => {
    const folder = await scratch();
    const files = await cloudFiles(folder);
    const clean = join(folder, "clean.csv");
    await writeFile(clean, clouds(4, 3));
    const out = join(folder, "run");
    const rest = ["--clean", clean, "--methods", "l2rw", "--epochs", "2", ...small, "--out", out];
    const ended = await lilaw(["train", ...files, ...rest]);
    expect(ended).toMatchObject({ status: 0 });
    const config: RunConfig = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    expect(config.data.seeds[0]!.cleanSize).toBe(12);
    expect(config.data.origins).toMatchObject({
      trueLabels: "unknown except for the clean samples",
      clean: "equally many of every class, of clean.csv",
    });
    const unused = ["--clean", clean, "--methods", "baseline", "--epochs", "1", ...small];
    const other = await lilaw(["train", ...files, ...unused, "--out", join(folder, "unused")]);
    expect(other.stderr).toMatch(/^ {2}clean {7}clean\.csv is not used, /m);
    expect(ended.stderr.replaceAll(/\s+/g, " ")).toContain(
      "clean 12 samples, equally many of every class, of clean.csv",
    );
  });

  it("says how it understood the samples before it trains, again when resumed, and not when quiet", async () => {
    const folder = await scratch();
    const files = await cloudFiles(folder);
    const out = join(folder, "run");
    const command = ["train", ...files, "--epochs", "2", ...small];
    const ended = await lilaw([...command, "--out", out]);
    const [before, text] = ended.stderr.split(/(^data understood as\n(?: {2}.+\n)+)/m);
    expect(before).toMatch(/^backend cpu\nloading .+train\.csv\nloading .+test\.csv\n$/);
    expect(text).toMatch(/^ {2}classes {5}3: c0 100, c1 100, c2 100$/m);
    expect(text).toMatch(/^ {2}training {4}255 samples$/m);
    expect(text).toMatch(/^ {2}true labels unknown/m);
    expect((await lilaw(["train", "--resume", out])).stderr).toContain(text);
    expect((await lilaw([...command, "--quiet", "--out", join(folder, "quiet")])).stderr).toBe("");
  });

  it("prints a table, the backend and the folder, and at most a line an epoch without a terminal", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    const files = await cloudFiles(folder);
    const ended = await lilaw(["train", ...files, "--epochs", "2", ...small, "--out", out]);
    expect(ended.stdout).toMatch(/^train\.csv, noise none, backend cpu/);
    expect(ended.stdout).toMatch(/│ baseline +│ 1 +│ +[12] │/);
    expect(ended.stdout).toContain(`run folder: ${out}\n`);
    expect(ended.stderr.match(/, epoch \d\/2: loss /g)).toHaveLength(4);
    expect(ended.stdout + ended.stderr).not.toContain("\u001b");
  });

  it("is silent when asked to", async () => {
    const folder = await scratch();
    const files = await cloudFiles(folder);
    const rest = ["--epochs", "1", ...small, "--out", join(folder, "run"), "--quiet", "--json"];
    const ended = await lilaw(["train", ...files, ...rest]);
    expect(ended.stderr).toBe("");
    expect(ended.stdout.split("\n")).toHaveLength(2);
  });

  it("trains a model.json", async () => {
    const folder = await scratch();
    const files = await cloudFiles(folder);
    const layer = (name: string, units: number, more = {}) => ({
      class_name: "Dense",
      config: { name, units, activation: "linear", use_bias: true, ...more },
    });
    const model = join(folder, "model.json");
    const hidden = layer("hidden", 8, { activation: "tanh", batch_input_shape: [null, 2] });
    const topology = { class_name: "Sequential", config: { name: "own", layers: [hidden, layer("out", 3)] } };
    await writeFile(model, JSON.stringify({ modelTopology: topology }));
    const rest = [...small, "--model", model, "--epochs", "3", "--out", join(folder, "run"), "--json"];
    const ended = await lilaw(["train", ...files, ...rest]);
    expect(ended).toMatchObject({ status: 0 });
    expect(JSON.parse(ended.stdout).results[0].testAccuracyLast).toBeGreaterThan(0.85);
  });
});

describe("the same command", () => {
  let folder: string;
  let whole: Awaited<ReturnType<typeof contentsOf>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lilaw-cli-"));
    return () => rm(folder, { recursive: true, force: true });
  });

  it("gives the same folder twice", async () => {
    const command = await longRun(folder);
    for (const name of ["whole", "again"]) {
      expect(await lilaw([...command, "--out", join(folder, name)])).toMatchObject({ status: 0 });
    }
    whole = await contentsOf(join(folder, "whole"));
    expect(await contentsOf(join(folder, "again"))).toEqual(whole);
    expect(whole.names.some((name) => name.includes("checkpoint"))).toBe(false);
  });

  it.each<[string, Interruption]>([
    ["Ctrl-C in the first epoch", { signal: "SIGINT", when: "folder" }],
    ["Ctrl-C in the middle of a method", { signal: "SIGINT", when: /lilaw, seed 1, epoch 3/ }],
    ["SIGTERM in the last method", { signal: "SIGTERM", when: /l2rw, seed 2, epoch 3/ }],
    ["kill -9 in the middle of a method", { signal: "SIGKILL", when: /l2rw, seed 1, epoch 2/ }],
    ["kill -9 at the end of a method", { signal: "SIGKILL", when: /lilaw, seed 1, epoch 12/ }],
  ])("gives it too when stopped by %s and resumed", async (name, interruption) => {
    const out = join(folder, name.replaceAll(" ", "-"));
    const stopped = await lilaw([...(await longRun(folder)), "--out", out], interruption);
    if (interruption.signal === "SIGKILL") {
      expect(stopped.signal).toBe("SIGKILL");
    } else {
      expect(stopped.status).toBe(130);
      expect(stopped.stderr).toMatch(new RegExp(`train --resume ${out}\n$`));
    }
    const before = await readFile(join(out, "config.json"), "utf8");
    const resumed = await lilaw(["train", "--resume", out]);
    expect(resumed).toMatchObject({ status: 0 });
    expect(await contentsOf(out)).toEqual(whole);
    expect(await readFile(join(out, "config.json"), "utf8")).toBe(before);
  });

  it.each<[string, (bytes: Buffer) => Uint8Array]>([
    ["cut off", (bytes) => bytes.subarray(0, bytes.length / 2)],
    ["lost to zeros", (bytes) => Buffer.alloc(bytes.length)],
    ["changed by one bit", (bytes) => bytes.with(-100, bytes.at(-100)! ^ 4)],
    ["followed by others", (bytes) => Buffer.concat([bytes, bytes])],
  ])("gives it too when killed, and the latest checkpoint is %s", async (name, damage) => {
    const out = join(folder, name);
    const when = { signal: "SIGKILL", when: /l2rw, seed 1, epoch 4/ } as const;
    await lilaw([...(await longRun(folder)), "--out", out], when);
    const names = (await readdir(join(out, "l2rw-1"))).filter((name) => name.endsWith(".bin"));
    const epochs = names.map((name) => Number(/\d+/.exec(name)![0]));
    const latest = join(out, "l2rw-1", `checkpoint-${Math.max(...epochs)}.bin`);
    await writeFile(latest, damage(await readFile(latest)));
    const resumed = await lilaw(["train", "--resume", out]);
    expect(resumed).toMatchObject({ status: 0, stderr: expect.stringContaining("goes on after epoch") });
    expect(resumed.stderr.split(latest)).toHaveLength(2);
    expect(await contentsOf(out)).toEqual(whole);
  });

  it("is refused where the model in the folder cannot be built, though its checksum is right", async () => {
    const out = join(folder, "forged");
    await lilaw([...(await longRun(folder)), "--out", out], { signal: "SIGTERM", when: "folder" });
    const { sha256: _, ...config } = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    config.model.config.layers[1].config.bias_regularizer = 7;
    await writeFile(join(out, "config.json"), JSON.stringify(seal(config)));
    expect(await lilaw(["train", "--resume", out])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^error: Expected a TensorFlow.js layers model .+ \(CORRUPT_FILE\)$/m),
    });
  });

  it("gives it too when the summary is damaged", async () => {
    const out = join(folder, "again");
    await writeFile(join(out, "summary.json"), "{}");
    const resumed = await lilaw(["train", "--resume", out]);
    expect(resumed).toMatchObject({ status: 0, stderr: expect.stringContaining("it is written anew") });
    expect(await contentsOf(out)).toEqual(whole);
  });

  it("is told of damage with --quiet too", async () => {
    const out = join(folder, "again");
    await writeFile(join(out, "summary.json"), "{}");
    const resumed = await lilaw(["train", "--resume", out, "--quiet"]);
    expect(resumed).toMatchObject({ status: 0 });
    expect(resumed.stderr).toMatch(/^Expected .+summary\.json.+; it is written anew\n$/);
  });

  it("gives it too when another process tries to resume it meanwhile, and is refused", async () => {
    const out = join(folder, "contested");
    const when = { signal: "SIGKILL", when: /lilaw, seed 1, epoch 3/ } as const;
    await lilaw([...(await longRun(folder)), "--out", out], when);
    const resume = ["train", "--resume", out];
    const first = start(resume);
    await once(first.child.stderr, "data");
    // However long it does nothing, the folder is its own.
    first.child.kill("SIGSTOP");
    expect(await lilaw(resume)).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(
        /^error: Expected .+ but received .+another process.+ \(NOT_WRITABLE\)\n$/,
      ),
    });
    first.child.kill("SIGCONT");
    expect(await first.ended).toMatchObject({ status: 0 });
    expect(await contentsOf(out)).toEqual(whole);
  });

  it("is of one process where two begin in the same folder", async () => {
    const out = join(folder, "begun twice");
    const args = [...(await longRun(folder)), "--out", out];
    const outcomes = await Promise.all([lilaw(args), lilaw(args)]);
    const [ended, refused] = outcomes.sort((a, b) => a.status! - b.status!);
    expect(ended).toMatchObject({ status: 0 });
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("for --out but received") });
    expect(await contentsOf(out)).toEqual(whole);
  });

  it("stopped before it began leaves nothing", async () => {
    const out = join(await scratch(), "run");
    const rest = ["--epochs", "1", "--backend", "cpu", "--out", out];
    const stopped = await lilaw(["train", "--dataset", "mnist", ...rest], {
      signal: "SIGINT",
      when: /backend cpu/,
    });
    expect(stopped).toMatchObject({
      status: 130,
      stdout: "",
      stderr: "backend cpu\nstopped before it began\n",
    });
    expect(existsSync(out)).toBe(false);
  });

  it("resumed when finished only prints its results", async () => {
    const resumed = await lilaw(["train", "--resume", join(folder, "whole"), "--json"]);
    expect(resumed).toMatchObject({ status: 0 });
    expect(JSON.parse(resumed.stdout).results).toHaveLength(4);
    expect(await contentsOf(join(folder, "whole"))).toEqual(whole);
  });

  it("is not resumed with other samples", async () => {
    const own = await scratch();
    const out = join(own, "run");
    const when = { signal: "SIGINT", when: /epoch 1/ } as const;
    expect(await lilaw([...(await longRun(own)), "--out", out], when)).toMatchObject({ status: 130 });
    await cloudFiles(own, 101);
    expect(await lilaw(["train", "--resume", out])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^error: Expected the samples .+ \(INCOMPATIBLE_STATE\)$/m),
    });
  });
});

describe.each(["wasm", "tensorflow"])("on the backend %s", (backend) => {
  it("a run stopped in the middle and resumed equals a whole one", async ({ skip }) => {
    const folder = await scratch();
    const files = await cloudFiles(folder);
    const training = [...twoMethods, "--epochs", "5", "--batch-size", "16"];
    const command = ["train", ...files, ...training, "--model", "mlp", "--backend", backend];
    const [whole, halved] = [join(folder, "whole"), join(folder, "halved")];
    const ended = await lilaw([...command, "--out", whole]);
    skip(ended.stderr.includes("(BACKEND_UNAVAILABLE)"), ended.stderr.trimEnd());
    expect(ended).toMatchObject({ status: 0 });

    const when = { signal: "SIGINT", when: /l2rw, seed 1, epoch 2/ } as const;
    expect(await lilaw([...command, "--out", halved], when)).toMatchObject({ status: 130 });
    expect(await lilaw(["train", "--resume", halved])).toMatchObject({ status: 0 });
    expect(await contentsOf(halved)).toEqual(await contentsOf(whole));
  });
});

describe.each(["wasm", "tensorflow", "auto"])("with --quiet, the backend %s", (backend) => {
  it("leaves standard error empty", async ({ skip }) => {
    const folder = await scratch();
    const options = ["--methods", "baseline", "--epochs", "1", "--model", "linear", "--backend", backend];
    const command = ["train", ...(await cloudFiles(folder)), ...options, "--out", join(folder, "run")];
    const ended = await lilaw([...command, "--quiet"]);
    skip(ended.stderr.includes("(BACKEND_UNAVAILABLE)"), ended.stderr.trimEnd());
    expect(ended).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("lilaw train on MNIST", () => {
  it("trains on real images with wrong labels", async () => {
    const out = join(await scratch(), "run");
    const sizes = ["--train-size", "2000", "--clean-size", "100", "--epochs", "2"];
    const training = ["--noise", "symmetric:0.5", "--methods", "baseline,lilaw,l2rw,random", ...sizes];
    const ended = await lilaw([
      "train",
      "--dataset",
      "mnist",
      ...training,
      "--backend",
      "wasm",
      "--out",
      out,
      "--json",
    ]);
    expect(ended).toMatchObject({ status: 0 });
    const { results } = JSON.parse(ended.stdout);
    expect(results).toHaveLength(4);
    for (const result of results) expect(result.testAccuracyAtBestValid).toBeGreaterThan(0.5);
  });

  it("trains a convolutional network", async () => {
    const out = join(await scratch(), "run");
    const training = ["--model", "cnn", "--train-size", "500", "--epochs", "2", "--methods", "lilaw"];
    const ended = await lilaw([
      "train",
      "--dataset",
      "mnist",
      ...training,
      "--backend",
      "wasm",
      "--out",
      out,
      "--json",
    ]);
    expect(ended).toMatchObject({ status: 0 });
    expect(JSON.parse(ended.stdout).results[0].testAccuracyLast).toBeGreaterThan(0.3);
  });
});
