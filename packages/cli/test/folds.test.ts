import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "@lilaw/core";
import { findLabelIssues } from "@lilaw/diagnostics";
import { describe, expect, it } from "vitest";
import { foldsOf } from "../src/folds.js";
import { RunFolder, readPredProbs, readSamples } from "../src/index.js";
import type { Suspect } from "../src/suspects.js";
import { cloudFiles, contentsOf, lilaw, scratch, small } from "./support.js";

const classes = 3;

describe("the folds of cross-validation", () => {
  it("share every class, and all samples, to within one", () => {
    const random = Random.from(3, "labels");
    for (const [count, folds] of [
      [100, 5],
      [31, 4],
      [7, 7],
    ] as const) {
      const labels = Int32Array.from({ length: count }, () => random.int(classes));
      const found = foldsOf(labels, folds, 1);
      const sizes = (label?: number) =>
        Array.from({ length: folds }, (_, fold) => {
          return found.filter((own, i) => own === fold && (label === undefined || labels[i] === label))
            .length;
        });
      for (const of of [sizes(), sizes(0), sizes(1), sizes(2)])
        expect(Math.max(...of) - Math.min(...of)).toBeLessThanOrEqual(1);
      expect(foldsOf(labels, folds, 1)).toEqual(found);
      if (folds < count) expect(foldsOf(labels, folds, 2)).not.toEqual(found);
    }
  });
});

describe("lilaw train --folds", () => {
  it("gives probabilities of models that have not seen the sample: labels by chance are not known", async () => {
    const folder = await scratch();
    const random = Random.from(1, "chance");
    const [count, width] = [100, 80];
    const lines = Array.from({ length: count }, () => {
      const numbers = Array.from({ length: width }, () => random.normal().toFixed(3));
      return [...numbers, `c${random.int(2)}`].join(",");
    });
    const train = join(folder, "chance.csv");
    await writeFile(
      train,
      [`${Array.from({ length: width }, (_, i) => `x${i}`)},label`, ...lines].join("\n"),
    );
    const out = join(folder, "run");
    const training = ["--methods", "baseline", "--epochs", "60", "--folds", "4"];
    const args = ["--train", train, ...training, ...small, "--out", out];
    expect(await lilaw(["train", ...args])).toMatchObject({ status: 0 });

    const run = await RunFolder.read(out, "RUN");
    const unit = { method: "baseline", seed: 1 };
    const samples = await readSamples(run, unit);
    const predProbs = (await readPredProbs(run, unit))!;
    expect(predProbs).toHaveLength(2 * samples.length);
    const rightShare = (isRight: (i: number) => boolean) => {
      const places = [...samples.keys()].filter((i) => samples[i]!.split === "train");
      return places.filter(isRight).length / places.length;
    };
    // The model that was trained on them has memorised them.
    expect(rightShare((i) => samples[i]!.labelProb > 0.5)).toBeGreaterThan(0.95);
    const outOfSample = rightShare((i) => predProbs[2 * i + samples[i]!.label]! > 0.5);
    expect(outOfSample).toBeGreaterThan(0.3);
    expect(outOfSample).toBeLessThan(0.7);
    expect(await readdir(join(out, "baseline-1"))).not.toContain("fold-1.bin");
  });

  it("gives validation samples the probabilities of the model that is kept as the best", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    const training = ["--noise", "symmetric:0.4", "--epochs", "3", "--folds", "3", "--methods", "lilaw"];
    const files = await cloudFiles(folder);
    expect(await lilaw(["train", ...files, ...training, ...small, "--out", out])).toMatchObject({
      status: 0,
    });
    const run = await RunFolder.read(out, "RUN");
    const unit = { method: "lilaw", seed: 1 };
    const samples = await readSamples(run, unit);
    const predProbs = (await readPredProbs(run, unit))!;
    const predicted = join(folder, "all.json");
    const args = ["predict", out, "--input", files[1]!, "--output", predicted, "--backend", "cpu"];
    expect(await lilaw(args)).toMatchObject({ status: 0 });
    const { samples: rows } = JSON.parse(await readFile(predicted, "utf8"));
    const valid = [...samples.keys()].filter((i) => samples[i]!.split === "valid");
    expect(valid).toHaveLength(45);
    for (const i of valid) {
      for (let k = 0; k < classes; k++)
        expect(predProbs[classes * i + k]).toBeCloseTo(rows[samples[i]!.row].predProbs[k], 5);
    }
    const { stdout } = await lilaw(["issues", out, "--filter", "confident_learning", "--json"]);
    const labels = Int32Array.from(samples, ({ label }) => label);
    const { issues } = findLabelIssues({ labels, predProbs, classes, filterBy: "confident_learning" });
    expect(issues.length).toBeGreaterThan(30);
    const { suspects }: { suspects: Suspect[] } = JSON.parse(stdout);
    expect(suspects.map(({ row, suggestedName }) => [row, suggestedName])).toEqual(
      issues.map(({ row, suggestedLabel }) => [samples[row]!.row, `c${suggestedLabel}`]),
    );
    for (let i = 0; i < samples.length; i++) {
      const row = predProbs.subarray(classes * i, classes * (i + 1));
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    }
  });

  it.each([
    ["SIGKILL", /fold 2 of 3/],
    ["SIGTERM", /fold 3 of 3/],
    ["SIGKILL", /lilaw, seed 1, epoch 2/],
  ] as const)("leaves the same folder when it is ended by %s at %s, and resumed", async (signal, when) => {
    const folder = await scratch();
    const files = await cloudFiles(folder);
    const training = ["--noise", "symmetric:0.4", "--epochs", "4", "--folds", "3", "--methods", "lilaw"];
    const run = (name: string) => ["train", ...files, ...training, ...small, "--out", join(folder, name)];
    expect(await lilaw(run("whole"))).toMatchObject({ status: 0 });
    const ended = await lilaw(run("parts"), { when, signal });
    expect(ended.signal ?? ended.status).not.toBe(0);
    expect(await lilaw(["train", "--resume", join(folder, "parts")])).toMatchObject({ status: 0 });
    expect(await contentsOf(join(folder, "parts"))).toEqual(await contentsOf(join(folder, "whole")));
  });

  it("trains a fold again whose file is damaged", async () => {
    const folder = await scratch();
    const files = await cloudFiles(folder);
    const training = ["--noise", "symmetric:0.4", "--epochs", "2", "--folds", "3", "--methods", "lilaw"];
    const run = (name: string) => ["train", ...files, ...training, ...small, "--out", join(folder, name)];
    expect(await lilaw(run("whole"))).toMatchObject({ status: 0 });
    await lilaw(run("parts"), { when: /fold 3 of 3/, signal: "SIGKILL" });
    await writeFile(join(folder, "parts", "lilaw-1", "fold-1.bin"), "damaged");
    const { stderr } = await lilaw(["train", "--resume", join(folder, "parts")]);
    expect(stderr).toMatch(/fold 1 of 3\n(?!.*fold 2 of 3)/);
    expect(await contentsOf(join(folder, "parts"))).toEqual(await contentsOf(join(folder, "whole")));
  });

  it("is needed for a filter of lilaw issues", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    const files = await cloudFiles(folder, 20);
    expect((await lilaw(["train", ...files, "--epochs", "1", ...small, "--out", out])).status).toBe(0);
    const { status, stderr } = await lilaw(["issues", out, "--filter", "confident_learning"]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("trained with --folds (for --filter)")]);
  });

  it("refuses more folds than training samples before it writes anything", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    const ended = await lilaw([
      "train",
      ...(await cloudFiles(folder, 10)),
      "--folds",
      "27",
      ...small,
      "--out",
      out,
    ]);
    expect(ended.status).toBe(2);
    expect(ended.stderr.replaceAll(/\s+/g, " ")).toMatch(
      /at most \d+ \(the training samples\) for --folds but received 27/,
    );
    expect(await readdir(folder)).not.toContain("run");
  });
});
