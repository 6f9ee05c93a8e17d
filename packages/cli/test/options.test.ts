import { parserError } from "@lilaw/bench/program";
import { type ErrorCode, LilawError } from "@lilaw/core";
import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { addTrain } from "../src/commands/train.js";
import type { Invocation } from "../src/invocation.js";
import { createProgram } from "../src/program.js";
import { checkSettings } from "../src/settings.js";
import { settings } from "./support.js";

/** What `lilaw train` is called with for these arguments. */
async function parse(...args: string[]): Promise<Invocation> {
  let received: Invocation | undefined;
  const take = async (invocation: Invocation) => {
    received = invocation;
  };
  const { signal } = new AbortController();
  const program = createProgram("1.2.3", [(program, stop) => addTrain(program, stop, take)], signal);
  await program.parseAsync(["node", "lilaw", "train", ...args]);
  return received!;
}

async function failure(...args: string[]): Promise<{ code: ErrorCode; message: string }> {
  try {
    await parse(...args);
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? parserError(thrown) : thrown;
    if (error instanceof LilawError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("nothing was wrong");
}

describe("lilaw train", () => {
  it("fills in the defaults", async () => {
    expect(await parse("--dataset", "mnist")).toEqual({
      json: false,
      quiet: false,
      settings: {
        dataset: "mnist",
        noise: "none",
        methods: ["baseline", "lilaw"],
        model: "mlp",
        epochs: 10,
        seeds: [1],
        backend: "auto",
        validLabels: "noisy",
        batchSize: 128,
        learningRate: 1e-3,
        gradient: "full",
        warmupEpochs: 1,
      },
    });
  });

  it("reads every option", async () => {
    const invocation = await parse(
      ...["--train", "/a.csv", "--valid", "/b.csv", "--test", "/c.csv", "--label-column", "y"],
      ...["--clean", "/d.csv", "--drop-column", "id, no", "--drop-column", "when", "--missing", "mean"],
      ...["--image-layout", "channels-first", "--max-unpacked", "1.5GB"],
      ...[
        "--noise",
        "pair-flip:0.25",
        "--methods",
        "l2rw, lilaw-detached",
        "--model",
        "cnn",
        "--loss",
        "focal:1",
      ],
      ...["--epochs", "3", "--seeds", "3,1,2", "--backend", "cpu", "--out", "/out", "--train-size", "500"],
      ...["--valid-size", "0.2", "--clean-size", "30", "--valid-labels", "clean", "--batch-size", "32"],
      ...["--learning-rate", "1e-2", "--gradient", "detached", "--warmup-epochs", "0"],
      ...["--data-dir", "/data", "--json", "--quiet"],
    );
    expect(invocation).toEqual({
      json: true,
      quiet: true,
      dataDir: "/data",
      out: "/out",
      settings: {
        files: {
          train: "/a.csv",
          valid: "/b.csv",
          test: "/c.csv",
          clean: "/d.csv",
          labelColumn: "y",
          dropColumns: ["id, no", "when"],
          missing: "mean",
          imageLayout: "channels-first",
          maxUnpacked: 1.5e9,
        },
        noise: "pair-flip:0.25",
        methods: ["l2rw", "lilaw-detached"],
        loss: "focal:1",
        model: "cnn",
        epochs: 3,
        seeds: [3, 1, 2],
        backend: "cpu",
        trainSize: 500,
        validSize: 0.2,
        cleanSize: 30,
        validLabels: "clean",
        batchSize: 32,
        learningRate: 0.01,
        gradient: "detached",
        warmupEpochs: 0,
      },
    });
  });

  it("reads sizes of files with and without a unit", async () => {
    const sizeOf = async (text: string) => {
      const invocation = await parse("--train", "a.npz", "--max-unpacked", text);
      return "settings" in invocation && invocation.settings.files?.maxUnpacked;
    };
    expect(await sizeOf("4GB")).toBe(4e9);
    expect(await sizeOf("500 mb")).toBe(5e8);
    expect(await sizeOf("2k")).toBe(2000);
    expect(await sizeOf("1GiB")).toBe(2 ** 30);
    expect(await sizeOf("123456")).toBe(123456);
  });

  it("runs l2rw where somebody says which labels are right", async () => {
    const methodsOf = async (...args: string[]) => {
      const invocation = await parse(...args, "--methods", "baseline,l2rw");
      return "settings" in invocation && invocation.settings.methods;
    };
    const said = [
      ["--dataset", "adult"],
      ["--train", "a.csv", "--noise", "symmetric:0.4"],
      ["--train", "a.csv", "--clean", "c.csv"],
      ["--train", "a.csv", "--valid", "b.csv", "--valid-labels", "clean"],
    ];
    for (const args of said) expect(await methodsOf(...args)).toEqual(["baseline", "l2rw"]);
    for (const noise of ["none", "symmetric:0"]) {
      const { code, message } = await failure("--train", "/a.csv", "--noise", noise, "--methods", "l2rw");
      expect(code).toBe("INVALID_ARGUMENT");
      expect(message).toMatch(/^Expected labels that are right for l2rw but received .+\/a\.csv.+\n/);
      expect(message).toContain("\n  --clean FILE ");
      expect(message).toContain("\n  --valid-labels clean ");
    }
    expect((await failure("--train", "a", "--valid", "/b.csv", "--methods", "l2rw")).message).toContain(
      "/b.csv",
    );
    expect(await parse("--train", "a.csv", "--methods", "lilaw,random")).toHaveProperty("settings");
  });

  it("says the default of every option that has one, in lines of 80 columns", () => {
    const program = createProgram("1.2.3", [addTrain], new AbortController().signal);
    const train = program.commands.find((command) => command.name() === "train")!;
    const help = train.configureHelp({ helpWidth: 80 }).helpInformation();
    expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    const needed = /^(dataset|train|dropColumn|json|quiet|resume)$/;
    for (const option of train.options.filter((option) => !needed.test(option.attributeName()))) {
      expect(option.defaultValue ?? option.description, option.long).toMatch(/^[\w.,-]+$|\(default: .+\)/);
    }
  });

  it("keeps a method by its name, whichever of its names is typed", async () => {
    const invocation = await parse("--dataset", "mnist", "--methods", "plain, learning-to-reweight,random");
    expect(invocation).toHaveProperty("settings.methods", ["baseline", "l2rw", "random"]);
    expect((await failure("--dataset", "mnist", "--methods", "plain,baseline")).message).toContain(
      'different entries for --methods but received "baseline,baseline"',
    );
  });

  it("checks what config.json holds as what was typed, but for numbers, which are no text there", () => {
    const stored = JSON.parse(JSON.stringify(settings({ validSize: 0.2, loss: "focal:1" })));
    expect(checkSettings(stored)).toEqual(stored);
    for (const [key, value] of [
      ["epochs", "1"],
      ["methods", "baseline"],
      ["seeds", ["1"]],
      ["loss", "hinge"],
      ["noise", undefined],
      ["gradient", ["full"]],
    ] as const) {
      expect(() => checkSettings({ ...stored, [key]: value }), key).toThrow(new RegExp(`for --${key} `));
    }
  });

  it("takes a run folder alone, and how to print", async () => {
    expect(await parse("--resume", "/run", "--json")).toEqual({ resume: "/run", json: true, quiet: false });
    expect(await failure("--resume", "/run", "--epochs", "3")).toEqual({
      code: "INVALID_ARGUMENT",
      message: 'Expected no other settings for --resume but received "--epochs"',
    });
  });

  it.each<[ErrorCode, string[], string]>([
    ["INVALID_ARGUMENT", [], "--dataset"],
    ["UNKNOWN_NAME", ["--dataset", "nmist"], '--dataset but received "nmist"'],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--train", "a.csv"], "either --dataset or --train"],
    ["INVALID_ARGUMENT", ["--test", "a.csv"], "for --train"],
    ["INVALID_ARGUMENT", ["--clean", "a.csv"], "for --train"],
    ["INVALID_ARGUMENT", ["--train", "a", "--test-size", "1.5"], "--test-size but received 1.5"],
    ["INVALID_ARGUMENT", ["--train", "a", "--test-size", "0"], "--test-size but received 0"],
    ["INVALID_ARGUMENT", ["--train", "a", "--test", "b", "--test-size", "5"], "no --test-size beside --test"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--test-size", "5"], "no --test-size beside --dataset"],
    ["INVALID_ARGUMENT", ["--train", "a", "--missing", "median"], '--missing but received "median"'],
    ["INVALID_ARGUMENT", ["--train", "a", "--image-layout", "nchw"], "--image-layout"],
    ["INVALID_ARGUMENT", ["--train", "a", "--max-unpacked", "lots"], '--max-unpacked but received "lots"'],
    ["INVALID_ARGUMENT", ["--train", "a", "--max-unpacked", "0"], "--max-unpacked but received 0"],
    ["INVALID_ARGUMENT", ["--train", "a", "--drop-column", ""], "for --drop-column"],
    ["UNKNOWN_NAME", ["--dataset", "mnist", "--methods", "lilaw,luck"], '--methods but received "luck"'],
    [
      "INVALID_ARGUMENT",
      ["--dataset", "mnist", "--methods", "lilaw,lilaw"],
      "different entries for --methods",
    ],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--methods", ","], "different entries for --methods"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--noise", "symmetric:1.5"], "for --noise but received 1.5"],
    ["UNKNOWN_NAME", ["--dataset", "mnist", "--noise", "loud:0.5"], 'for --noise but received "loud:0.5"'],
    ["UNKNOWN_NAME", ["--dataset", "mnist", "--loss", "hinge"], '--loss but received "hinge"'],
    ["INVALID_ARGUMENT", ["--train", ""], 'for --train but received ""'],
    ["UNKNOWN_NAME", ["--dataset", "mnist", "--model", "gpt"], '--model but received "gpt"'],
    ["UNKNOWN_NAME", ["--dataset", "mnist", "--backend", "abacus"], '--backend but received "abacus"'],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--epochs", "0"], "--epochs but received 0"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--epochs", "2.5"], "--epochs but received 2.5"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--epochs", "many"], '--epochs but received "many"'],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--seeds", "1,x"], '--seeds but received "x"'],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--seeds", "1,1"], "different entries for --seeds"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--learning-rate", "-1"], "--learning-rate but received -1"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--valid-size", "1.5"], "--valid-size but received 1.5"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--valid-labels", "dirty"], "--valid-labels"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--gradient", "half"], "--gradient"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--epoch", "3"], "--epoch"],
    ["INVALID_ARGUMENT", ["--dataset"], "--dataset"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "stray"], "too many arguments"],
  ])("answers %s to %j", async (code, args, words) => {
    const error = await failure(...args);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^Expected .+ for .+ but received .+$/);
    expect(error.message).toContain(words);
  });
});
