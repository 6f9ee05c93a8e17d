import { createHash } from "node:crypto";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ErrorCode } from "@lilaw/core";
import { describe, expect, it } from "vitest";
import { loadData } from "../src/data.js";
import { type Decision, type Decisions, parseDecisions } from "../src/decisions.js";
import { cloudFiles, lilaw, scratch, settings, small } from "./support.js";

const sha256 = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const relabel = (row: number, old: string, label: string): Decision => ({
  split: "train",
  row,
  old,
  new: label,
  action: "relabel",
  by: "Ada",
});

const document = (changes: Partial<Decisions> = {}): Decisions => ({
  format: 1,
  kind: "lilaw-decisions",
  source: { name: "train.csv", sha256: sha256("") },
  run: null,
  classNames: ["cat", "dog"],
  decisions: [relabel(0, "cat", "dog")],
  ...changes,
});

const codeOf = (run: () => unknown): ErrorCode | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as { code: ErrorCode }).code;
  }
};

describe("parseDecisions", () => {
  it("reads what it is given", () => {
    expect(parseDecisions(JSON.stringify(document()), "d.json")).toEqual(document());
  });

  it.each<[string, ErrorCode, unknown]>([
    ["no JSON", "CORRUPT_FILE", "{"],
    ["another kind of document", "CORRUPT_FILE", { ...document(), kind: "lilaw-run" }],
    ["another format", "CORRUPT_FILE", { ...document(), format: 2 }],
    ["no checksum", "CORRUPT_FILE", { ...document(), source: { name: "a", sha256: "abc" } }],
    ["a row that is no integer", "CORRUPT_FILE", document({ decisions: [relabel(1.5, "cat", "dog")] })],
    [
      "an unknown action",
      "CORRUPT_FILE",
      document({ decisions: [{ ...relabel(0, "cat", "dog"), action: "burn" as "keep" }] }),
    ],
    ["an unknown new class", "UNKNOWN_NAME", document({ decisions: [relabel(0, "cat", "cow")] })],
    ["an unknown old class", "UNKNOWN_NAME", document({ decisions: [relabel(0, "cow", "dog")] })],
    ["no new class", "INVALID_ARGUMENT", document({ decisions: [{ ...relabel(0, "cat", ""), new: null }] })],
    [
      "a new class to keep",
      "INVALID_ARGUMENT",
      document({ decisions: [{ ...relabel(0, "cat", "dog"), action: "keep" }] }),
    ],
  ])("refuses %s", (_, code, content) => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    expect(codeOf(() => parseDecisions(text, "d.json"))).toBe(code);
  });
});

/** 40 rows of one feature; the labels of rows 3 and 5 are wrong. */
async function writeSamples(folder: string): Promise<string> {
  const label = (row: number) => ((row % 2 === 0) !== (row === 3 || row === 5) ? "cat" : "dog");
  const lines = Array.from({ length: 40 }, (_, row) => `${(row * 7) % 11}.5,${label(row)}`);
  const file = join(folder, "train.csv");
  await writeFile(file, `x,label\n${lines.join("\n")}\n`);
  return file;
}

/** Loads the samples with decisions that a change makes of those on the file. */
async function loadWith(changes: (file: string) => Partial<Decisions>) {
  const folder = await scratch();
  const train = await writeSamples(folder);
  const own = document({ source: { name: "train.csv", sha256: sha256(await readFile(train)) } });
  const decisions = join(folder, "decisions.json");
  await writeFile(decisions, JSON.stringify({ ...own, ...changes(train) }));
  const common = {
    dataset: undefined,
    files: { train },
    noise: "none",
    methods: ["baseline"],
    seeds: [1, 2],
  };
  return {
    before: await loadData(settings(common), {}),
    after: () => loadData(settings({ ...common, decisions }), {}),
  };
}

describe("train --decisions", () => {
  it("changes labels and leaves samples out, and divides the rows as without", async () => {
    const { before, after } = await loadWith(() => ({
      decisions: [
        relabel(3, "cat", "dog"),
        { ...relabel(5, "cat", "dog"), split: "valid" },
        { ...relabel(8, "cat", ""), new: null, action: "exclude" },
        { ...relabel(9, "dog", ""), new: null, action: "keep" },
      ],
    }));
    const { plans, dataset, decisions } = await after();
    expect(decisions).toMatchObject({ name: "decisions.json", relabelled: 2, excluded: 1 });
    for (const [i, plan] of plans.entries()) {
      for (const part of ["train", "valid"] as const) {
        const [old, corrected] = [before.plans[i]![part], plan[part]];
        expect([...corrected.rows]).toEqual([...old.rows].filter((row) => row !== 8));
        for (const [place, row] of corrected.rows.entries()) {
          expect(dataset.classNames[corrected.labels[place]!]).toBe(row % 2 === 0 ? "cat" : "dog");
        }
      }
    }
  });

  it("changes labels after the noise, which the decisions are about", async () => {
    const folder = await scratch();
    const train = await writeSamples(folder);
    const common = { dataset: undefined, files: { train }, noise: "symmetric:0.5", methods: ["baseline"] };
    const { plans, dataset } = await loadData(settings(common), {});
    const { rows, labels, trueLabels } = plans[0]!.train;
    const wrong = Array.from(rows.keys()).filter((i) => labels[i] !== trueLabels![i]);
    const nameOf = (label: number) => dataset.classNames[label]!;
    const path = join(folder, "decisions.json");
    const file = document({
      source: { name: "train.csv", sha256: sha256(await readFile(train)) },
      decisions: wrong.map((i) => relabel(rows[i]!, nameOf(labels[i]!), nameOf(trueLabels![i]!))),
    });
    await writeFile(path, JSON.stringify(file));
    const corrected = (await loadData(settings({ ...common, decisions: path }), {})).plans[0]!.train;
    expect(wrong.length).toBeGreaterThan(3);
    expect(corrected.rows).toEqual(rows);
    expect(corrected.labels).toEqual(trueLabels);
  });

  it.each<[string, ErrorCode, (file: string) => Partial<Decisions>]>([
    [
      "of another source",
      "CHECKSUM_MISMATCH",
      () => ({ source: { name: "other.csv", sha256: sha256("other") } }),
    ],
    ["with other classes", "INCOMPATIBLE_STATE", () => ({ classNames: ["cat", "dog", "cow"] })],
    ["about a row that there is not", "INVALID_ARGUMENT", () => ({ decisions: [relabel(40, "cat", "dog")] })],
    [
      "about another label",
      "INCOMPATIBLE_STATE",
      () => ({ decisions: Array.from({ length: 40 }, (_, row) => relabel(row, "cat", "dog")) }),
    ],
    [
      "that contradict each other",
      "INVALID_ARGUMENT",
      () => ({
        decisions: [relabel(3, "cat", "dog"), { ...relabel(3, "cat", ""), new: null, action: "exclude" }],
      }),
    ],
    [
      "on a validation file that the run does not have",
      "INCOMPATIBLE_STATE",
      () => ({
        valid: { name: "valid.csv", sha256: sha256("valid") },
        decisions: [{ ...relabel(3, "cat", "dog"), split: "valid" }],
      }),
    ],
  ])("refuses decisions %s", async (_, code, changes) => {
    const { after } = await loadWith(changes);
    await expect(after()).rejects.toMatchObject({ code });
  });

  it("records the decisions and is not resumed with others", async () => {
    const folder = await scratch();
    const files = await cloudFiles(folder, 20);
    const train = join(folder, "train.csv");
    const rows = (await readFile(train, "utf8")).trim().split("\n").slice(1);
    const old = rows[7]!.split(",")[2]!;
    const decisions = join(folder, "decisions.json");
    const content = document({
      source: { name: "train.csv", sha256: sha256(await readFile(train)) },
      classNames: ["c0", "c1", "c2"],
      decisions: [{ ...relabel(7, old, ""), new: null, action: "exclude" }],
    });
    await writeFile(decisions, JSON.stringify(content));
    const out = join(folder, "run");
    const args = ["train", ...files, ...small, "--epochs", "1", "--methods", "baseline"];
    const { status, stderr } = await lilaw([...args, "--decisions", decisions, "--out", out]);
    expect(stderr).toContain("decisions.json, 0 labels changed, 1 sample");
    expect(status).toBe(0);
    const { data } = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    expect(data.decisions.sha256).toBe(sha256(await readFile(decisions)));
    expect(data.sources.train).toEqual(content.source);
    await appendFile(decisions, "\n");
    const resumed = await lilaw(["train", "--resume", out]);
    expect(resumed).toMatchObject({ status: 2 });
    expect(resumed.stderr).toContain("the decisions this run began with");
  });
});
