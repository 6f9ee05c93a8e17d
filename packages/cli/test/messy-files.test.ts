import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import type { RunConfig } from "../src/config.js";
import { contentsOf, lilaw, messyTable, scratch, writeTable } from "./support.js";

const small = ["--backend", "cpu", "--model", "linear", "--batch-size", "16", "--learning-rate", "0.05"];
const reading = [
  "--label-column",
  "diagnosis",
  "--drop-column",
  "id",
  "--drop-column",
  "day",
  "--missing",
  "mean",
];

describe("a table as people keep them", () => {
  it.each<[string, string[], string]>([
    ["the label is in the middle", reading.slice(2), "--label-column"],
    ["a column is an identifier", ["--label-column", "diagnosis", "--missing", "mean"], "--drop-column"],
    ["cells are missing", reading.slice(0, 6), "--missing"],
  ])("is refused with the option that helps where %s", async (_, options, flag) => {
    const folder = await scratch();
    const train = await writeTable(join(folder, "train.csv"), messyTable(200, 1));
    const ended = await lilaw([
      "train",
      "--train",
      train,
      ...options,
      ...small,
      "--out",
      join(folder, "run"),
    ]);
    expect(ended).toMatchObject({ status: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^error: Expected .+ for .+ but received .+ \(\w+\)$/m);
    expect(ended.stderr).toContain(flag);
    expect(ended.stderr).not.toMatch(/labelColumn|dropColumns|option missing/);
  });

  it("is refused where a column numbers its rows, unless --keep-column names it", async () => {
    const folder = await scratch();
    const [header, ...rows] = messyTable(200, 1);
    const numbered = [["patient", ...header!], ...rows.map((cells, i) => [String(i + 1), ...cells])];
    const train = await writeTable(join(folder, "train.csv"), numbered);
    const attempt = (name: string, ...options: string[]) =>
      lilaw([
        ...["train", "--train", train, ...reading, ...small, ...options],
        ...["--methods", "baseline", "--epochs", "1", "--out", join(folder, name)],
      ]);
    const refused = await attempt("refused");
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toMatch(
      /^error: Expected values .+ for column patient of .+ \(--drop-column .+, --keep-column .+\) but received .+ \(INVALID_ARGUMENT\)$/m,
    );
    const kept = await attempt("kept", "--keep-column", "patient");
    expect(kept).toMatchObject({ status: 0 });
    expect(kept.stderr).toMatch(/^ {2}numeric {5}3: patient, age, iron$/m);
    const dropped = await attempt("dropped", "--drop-column", "patient");
    expect(dropped.stderr).toMatch(/^ {2}numeric {5}2: age, iron$/m);
  });

  it("is read as the options say, and the run tells how", async () => {
    const folder = await scratch();
    const train = await writeTable(join(folder, "train.csv"), messyTable(200, 1));
    const out = join(folder, "run");
    const ended = await lilaw([
      "train",
      "--train",
      train,
      ...reading,
      ...small,
      "--epochs",
      "3",
      "--out",
      out,
    ]);
    expect(ended).toMatchObject({ status: 0 });
    const text = ended.stderr.replaceAll(/\s+/g, " ");
    expect(text).toContain("train.csv (CSV), 200 rows, 10 with missing cells filled, 5 values each");
    expect(text).toMatch(/ label diagnosis \(.*--label-column.*\) classes 2: healthy 100, ill 100 /);
    expect(text).toContain(" numeric 2: age, iron categorical 1: town 3 left out 2: id, day ");
    const config: RunConfig = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    expect(config.data.reading!.rows.train).toEqual({ read: 200, used: 200, dropped: 0, filled: 10 });

    const source = (await readFile(train, "utf8")).split("\n");
    const samples: Record<string, string>[] = parse(await readFile(join(out, "lilaw-1", "samples.csv")), {
      columns: true,
    });
    expect(samples).toHaveLength(170);
    for (const { row, line, label } of samples) {
      expect(Number(line)).toBe(Number(row) + 2);
      expect(source[Number(line) - 1]!.split(",")[3]).toBe(config.data.classNames[Number(label)]);
    }
  });

  it("keeps the rows of its file where others are dropped and few are used", async () => {
    const folder = await scratch();
    const train = await writeTable(join(folder, "train.csv"), messyTable(200, 1));
    const out = join(folder, "run");
    const limits = ["--missing", "drop", "--train-size", "60", "--test-size", "30", "--epochs", "1"];
    const command = ["train", "--train", train, ...reading.slice(0, 6), ...limits, ...small, "--out", out];
    expect(await lilaw(command)).toMatchObject({ status: 0 });
    const config: RunConfig = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    expect(config.data.reading!.rows.train).toEqual({ read: 200, used: 90, dropped: 10, filled: 0 });
    expect(config.data.classCounts).toEqual([100, 90]);
    const source = (await readFile(train, "utf8")).split("\n");
    const samples: Record<string, string>[] = parse(await readFile(join(out, "lilaw-1", "samples.csv")), {
      columns: true,
    });
    expect(samples).toHaveLength(60);
    for (const { row, line, label } of samples) {
      const cells = source[Number(line) - 1]!.split(",");
      expect(Number(line)).toBe(Number(row) + 2);
      expect([cells[2] === "NA", cells[3]]).toEqual([false, config.data.classNames[Number(label)]]);
    }
  });

  it("has two classes, whose asymmetric noise is the symmetric one, and is told so", async () => {
    const folder = await scratch();
    const train = await writeTable(join(folder, "train.csv"), messyTable(200, 1));
    const out = join(folder, "run");
    const noise = ["--noise", "asymmetric:0.3", "--valid-labels", "clean", "--epochs", "1"];
    const ended = await lilaw(["train", "--train", train, ...reading, ...noise, ...small, "--out", out]);
    expect(ended).toMatchObject({ status: 0 });
    expect(ended.stderr.replaceAll(/\s+/g, " ")).toContain(
      " noise asymmetric:0.3, injected into the training labels; with 2 classes this asymmetric noise is the symmetric " +
        "one true labels those of train.csv before the noise, believed to be right ",
    );
  });

  it("gives the same run when it is stopped and resumed", async () => {
    const folder = await scratch();
    const train = await writeTable(join(folder, "train.csv"), messyTable(200, 1));
    const clean = await writeTable(join(folder, "clean.csv"), messyTable(24, 2));
    const command = [
      ...[
        "train",
        "--train",
        train,
        "--clean",
        clean,
        ...reading,
        "--train-size",
        "120",
        "--test-size",
        "0.2",
      ],
      ...["--methods", "lilaw,l2rw", "--seeds", "0,1", "--epochs", "6", ...small],
    ];
    const [whole, halved] = [join(folder, "whole"), join(folder, "halved")];
    expect(await lilaw([...command, "--out", whole])).toMatchObject({ status: 0 });
    const when = { signal: "SIGINT", when: /l2rw, seed 0, epoch 3/ } as const;
    expect(await lilaw([...command, "--out", halved], when)).toMatchObject({ status: 130 });
    expect(await lilaw(["train", "--resume", halved])).toMatchObject({ status: 0 });
    expect(await contentsOf(halved)).toEqual(await contentsOf(whole));
  });
});
