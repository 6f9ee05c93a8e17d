import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { auroc } from "@lilaw/diagnostics";
import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { readParquet } from "../src/parquet.js";
import type { Suspect } from "../src/suspects.js";
import { renderSuspects } from "../src/suspects-table.js";
import { cloudFiles, lilaw, scratch, small, twoMethods } from "./support.js";

const realErrors = (name: string) =>
  fileURLToPath(new URL(`../../diagnostics/test/data/${name}`, import.meta.url));

describe("lilaw issues RUN", () => {
  it("ranks every label of a run, on the terminal, as CSV, Parquet and JSON", async () => {
    const folder = await scratch();
    const run = join(folder, "run");
    const training = [...twoMethods, "--epochs", "3", "--seeds", "1,2", "--out", run];
    expect((await lilaw(["train", ...(await cloudFiles(folder)), ...training, ...small])).status).toBe(0);

    const [csv, parquet] = [join(folder, "suspects.csv"), join(folder, "suspects.parquet")];
    const ended = await lilaw(["issues", run, "--csv", csv, "--parquet", parquet]);
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    const lines = ended.stdout.trimEnd().split("\n");
    expect(lines[0]).toBe("300 labels of run, lilaw-1, by area-under-margin; the first 20");
    expect(lines[1]).toMatch(/^where +given +suggested +score$/);
    expect(lines).toHaveLength(23);
    expect(lines[22]).toMatch(
      /^against the labels known to be wrong: AUROC [01]\.\d{4}, AUPRC [01]\.\d{4}, precision@\d+ [01]\.\d{4}$/,
    );

    // Every row once; those of samples.csv, with the scores that follow from it.
    const listed: Record<string, string>[] = parse(await readFile(csv, "utf8"), { columns: true });
    const samples: Record<string, string>[] = parse(
      await readFile(join(run, "lilaw-1", "samples.csv"), "utf8"),
      {
        columns: true,
      },
    );
    const bySource = new Map(samples.map((sample) => [sample.row, sample]));
    expect(new Set(listed.map(({ row }) => row))).toEqual(new Set(bySource.keys()));
    for (const { row, line, label, suggestedLabel, suggestedName, score } of listed) {
      const sample = bySource.get(row!)!;
      expect([line, label, suggestedLabel, suggestedName]).toEqual([
        sample.line,
        sample.label,
        sample.suggestedLabel,
        sample.suggestedName,
      ]);
      expect(Number(score)).toBeCloseTo((1 - Number(sample.meanMargin)) / 2, 12);
    }
    const scores = listed.map(({ score }) => Number(score));
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    const area = auroc(
      scores,
      listed.map(({ row }) => bySource.get(row!)!.flag === "1"),
    );
    expect(lines[22]).toContain(`AUROC ${area.toFixed(4)}`);
    const [first] = listed;
    expect(lines[2]).toMatch(
      new RegExp(`^line ${first!.line} .* ${first!.labelName} +${first!.suggestedName} `),
    );

    const rows = await readParquet<Record<string, unknown>>(await readFile(parquet), parquet);
    expect(rows.map((row) => String(row.row))).toEqual(listed.map(({ row }) => row));
    const { suspects, quality } = JSON.parse((await lilaw(["issues", run, "--json", "--top", "5"])).stdout);
    expect(suspects.map(({ row }: { row: number }) => String(row))).toEqual(
      listed.slice(0, 5).map(({ row }) => row),
    );
    expect(quality.auroc).toBeCloseTo(area, 12);

    const other = ["--method", "l2rw", "--seed", "2", "--score", "forgetting", "--top", "1"];
    expect((await lilaw(["issues", run, ...other])).stdout).toMatch(
      /^300 labels of run, l2rw-2, by forgetting; the first 1\n.*\n.*\nagainst/,
    );
    const fails = async (args: string[], text: string) => {
      const { status, stdout, stderr } = await lilaw(["issues", run, ...args]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain(text);
    };
    await fails(["--csv", csv], "Expected a path that is not there yet (or --force) for the output");
    await fails(["--method", "baseline"], "lilaw-1, l2rw-1, lilaw-2, l2rw-2");
    await fails(["--method", "l2rw", "--score", "mean-alpha"], "a run with LiLAW's terms");
    await fails(["--score", "self_confidence"], "area-under-margin");
    await fails(["--labels", "labels.txt"], "no --labels (there is a run folder)");
    await fails(["--filter", "both"], "a run that was trained with --folds");
    await fails(["--top", "0"], "an integer of at least 1 for --top");
    const same = join(folder, "same");
    await fails(
      ["--csv", same, "--parquet", same],
      "a file of its own for each of --csv, --parquet and --decisions",
    );
    await expect(access(same)).rejects.toThrow();
  });

  it("writes the decision to accept suggestions, with which a run trains", async () => {
    const folder = await scratch();
    const [run, decisions] = [join(folder, "run"), join(folder, "accepted.json")];
    const files = await cloudFiles(folder);
    const training = ["--methods", "baseline", "--epochs", "2", ...small];
    expect((await lilaw(["train", ...files, ...training, "--out", run])).status).toBe(0);
    expect((await lilaw(["issues", run, "--decisions", decisions])).stderr).toContain("how many suggestions");
    const probs = realErrors("mnist-pred-probs.npy.gz");
    const labels = realErrors("mnist-labels.npy");
    const refused = ["issues", "--pred-probs", probs, "--labels", labels, "--top", "1"];
    expect((await lilaw([...refused, "--decisions", decisions])).stderr).toContain("no --decisions");
    expect((await lilaw(["issues", run, "--top", "10", "--decisions", decisions])).status).toBe(0);
    const accepted = JSON.parse(await readFile(decisions, "utf8"));
    expect(accepted.decisions).toHaveLength(10);
    for (const { old, new: suggested, action, by } of accepted.decisions) {
      expect([action, by]).toEqual(["relabel", "suggested"]);
      expect(suggested).not.toBe(old);
    }
    expect(accepted.run).toBe(JSON.parse(await readFile(join(run, "config.json"), "utf8")).sha256);
    const again = ["train", ...files, ...training, "--decisions", decisions, "--out", join(folder, "again")];
    expect((await lilaw(again)).status).toBe(0);
    const { data } = JSON.parse(await readFile(join(folder, "again", "config.json"), "utf8"));
    expect(data.decisions).toMatchObject({ relabelled: 10, excluded: 0 });
  });

  it("says what is missing", async () => {
    const folder = await scratch();
    expect((await lilaw(["issues", folder])).stderr).toContain("a run folder with a config.json for RUN");
    expect((await lilaw(["issues"])).stderr).toContain("a run folder, or --pred-probs and --labels");
  });
});

describe("lilaw issues --pred-probs", () => {
  const mnist = [
    "--pred-probs",
    realErrors("mnist-pred-probs.npy.gz"),
    "--labels",
    realErrors("mnist-labels.npy"),
  ];

  it("finds the rows of MNIST that cleanlab finds", async () => {
    const reference = JSON.parse(await readFile(realErrors("mnist-cleanlab-2.9.0.json"), "utf8"));
    const { status, stdout, stderr } = await lilaw(["issues", ...mnist]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [title, , ...lines] = stdout.trimEnd().split("\n");
    expect(title).toBe("15 labels of mnist-labels.npy, prune_by_noise_rate, by self_confidence");
    expect(lines.map((line) => Number(/^row (\d+)/.exec(line)![1]))).toEqual(reference.prune_by_noise_rate);

    const filtered = ["--filter", "predicted_neq_given", "--score", "normalized_margin", "--json"];
    const { suspects } = JSON.parse((await lilaw(["issues", ...mnist, ...filtered])).stdout);
    expect(suspects).toHaveLength(87);
  });

  it("names the classes and lines of tables", async () => {
    const folder = await scratch();
    const [probs, labels] = [join(folder, "probs.csv"), join(folder, "labels.csv")];
    const rows = Array.from({ length: 20 }, (_, i) => (i % 2 ? "0.9,0.1" : "0.1,0.9"));
    const given = rows.map((_, i) => `${i},${i % 2 || i === 6 ? "cat" : "dog"}`);
    await writeFile(probs, `cat,dog\n${rows.join("\n")}\n`);
    await writeFile(labels, `id,animal\n${given.join("\n")}\n`);
    const args = ["--pred-probs", probs, "--labels", labels];
    const { stdout, stderr } = await lilaw(["issues", ...args]);
    expect({ stdout, stderr }).toEqual({
      stdout:
        "1 label of labels.csv, prune_by_noise_rate, by self_confidence\n" + //
        "where   given  suggested   score\nline 8  cat    dog        0.9000\n",
      stderr: "",
    });
    const over = await lilaw(["issues", ...args, "--csv", labels, "--force"]);
    expect(over).toMatchObject({ status: 2, stdout: "" });
    expect(over.stderr).toContain("another place than the original");
    expect(await readFile(labels, "utf8")).toContain("id,animal");
    const wrong = await lilaw(["issues", ...args, "--label-column", "beast"]);
    expect(wrong).toMatchObject({ status: 2, stdout: "" });
    expect(wrong.stderr).toContain("beast");
  });

  it.each([
    [["--pred-probs", "probs.csv"], "a file (there is --pred-probs) for --labels"],
    [["--pred-probs", "probs.csv", "--labels", "nowhere.csv"], "nowhere.csv"],
    [["--pred-probs", "probs.csv", "--labels", "l.txt", "--seed", "1"], "no --seed (there is --pred-probs)"],
    [["--pred-probs", "probs.csv", "--labels", "l.txt", "--score", "loss"], "self_confidence"],
    [["--pred-probs", "probs.csv", "--labels", "l.txt"], "probabilities that sum to 1 for row 1 of"],
  ])("refuses %j", async (args, text) => {
    const folder = await scratch();
    await writeFile(join(folder, "probs.csv"), "cat,dog\n0.5,0.5\n0.2,0.1\n");
    await writeFile(join(folder, "l.txt"), "0\n1\n");
    const given = args.map((arg) => (/\.(csv|txt)$/.test(arg) ? join(folder, arg) : arg));
    const { status, stdout, stderr } = await lilaw(["issues", ...given]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(text);
  });
});

describe("renderSuspects", () => {
  it("fits a terminal of 60 columns, and keeps the end of paths", () => {
    const suspects: Suspect[] = [
      {
        ...{
          split: "valid" as const,
          row: 3,
          line: null,
          file: `photos/${"very/".repeat(20)}deep/cat-0003.png`,
        },
        ...{
          label: 0,
          labelName: "a class with a name of many words",
          suggestedLabel: 1,
          suggestedName: "cat",
        },
        score: 0.987654321,
      },
    ];
    const [head, line] = renderSuspects(suspects, 60).split("\n");
    expect(line).toHaveLength(60);
    expect(line).toMatch(/^….*-0003.png \(valid\) {2}a class with.*… {2}cat {8}0\.9877$/);
    expect(head).toMatch(/score/);
    expect(renderSuspects(suspects, Number.POSITIVE_INFINITY).split("\n")[1]).toContain("photos/very/very");
  });
});
