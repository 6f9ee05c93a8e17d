import { type ErrorCode, LilawError } from "@lilaw/core";
import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram, type Invocation, parserError } from "../src/options.js";

/** What `lilaw train` is called with for these arguments. */
async function parse(...args: string[]): Promise<Invocation> {
  let received: Invocation | undefined;
  const program = createProgram("1.2.3", {
    async bench() {},
    async train(invocation) {
      received = invocation;
    },
  });
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
      ...["--noise", "pair-flip:0.25", "--methods", "l2rw, lilaw-detached", "--model", "cnn"],
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
        files: { train: "/a.csv", valid: "/b.csv", test: "/c.csv", labelColumn: "y" },
        noise: "pair-flip:0.25",
        methods: ["l2rw", "lilaw-detached"],
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
    ["UNKNOWN_NAME", ["--dataset", "mnist", "--methods", "lilaw,luck"], '--methods but received "luck"'],
    [
      "INVALID_ARGUMENT",
      ["--dataset", "mnist", "--methods", "lilaw,lilaw"],
      "different entries for --methods",
    ],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--methods", ","], "different entries for --methods"],
    ["INVALID_ARGUMENT", ["--dataset", "mnist", "--noise", "symmetric:1.5"], "received 1.5"],
    ["UNKNOWN_NAME", ["--dataset", "mnist", "--noise", "loud:0.5"], "loud"],
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
