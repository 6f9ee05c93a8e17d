import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { packageFolder, remove, repository, run, temporaryFolder } from "./workshop.js";

const fromTfjs = createRequire(join(packageFolder("tfjs"), "package.json"));
const folderOf = (name: string) => dirname(fromTfjs.resolve(`${name}/package.json`));
const packages = ["@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu"];

const recordFile = join(repository, "node_modules", ".cache", "lilaw", "tensorflow.json");
const record = existsSync(recordFile) ? JSON.parse(readFileSync(recordFile, "utf8")) : { works: false };

test.for(packages)("%s computes on TensorFlow", async (name, { skip }) => {
  skip(!record.works, "TensorFlow is not set up: see the output of npm test");
  const program = `
    require("node:util").isNullOrUndefined ??= (value) => value == null;
    const tf = require(${JSON.stringify(folderOf(name))});
    console.log(tf.getBackend(), tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0]);`;
  const output = await run(process.execPath, ["-e", program], repository);
  expect(output.trim().split("\n").at(-1)).toBe("tensorflow 11");
});

describe("the set-up on a machine with no compiler, no Python, no cache and no host that answers", () => {
  let machine: string;
  const setUp = (environment: Record<string, string> = {}) =>
    run(process.execPath, [join(machine, "scripts", "setup-tensorflow.mjs")], machine, {
      ...{ PATH: join(machine, "nothing"), CXX: "", LILAW_TENSORFLOW: "" },
      LILAW_CACHE: join(machine, "cache"),
      TFJS_NODE_CDN_STORAGE: "http://127.0.0.1:1/",
      ...environment,
    });
  const copyOf = (name: string) =>
    join(machine, "node_modules", ".pnpm", `@tensorflow+${basename(name)}@4.22.0`, "node_modules", name);

  beforeEach(async () => {
    machine = await temporaryFolder();
    await cp(join(repository, "scripts"), join(machine, "scripts"), { recursive: true });
    for (const name of packages) {
      const made = new Set(["deps", "lib", "node_modules"].map((part) => join(folderOf(name), part)));
      await cp(folderOf(name), copyOf(name), { recursive: true, filter: (source) => !made.has(source) });
    }
  });
  afterEach(() => remove(machine));

  test("says what each way lacks, succeeds and leaves nothing behind", async () => {
    const output = await setUp();
    expect(output).toMatch(/^none: training runs on WebAssembly instead\n/);
    expect(output).toContain(`from the cache: nothing in ${join(machine, "cache")}`);
    expect(output).toMatch(/official libtensorflow: http:\/\/127\.0\.0\.1:1\/ does not answer/);
    expect(output).toMatch(/tensorflow-cpu wheel: (a C\+\+ compiler .* is missing|not for )/);
    for (const name of packages) expect(existsSync(join(copyOf(name), "lib"))).toBe(false);
  });

  test("LILAW_TENSORFLOW=off takes the links away", async () => {
    for (const name of packages) {
      for (const part of ["deps", "lib"]) {
        await mkdir(join(machine, "made", part), { recursive: true });
        await symlink(join(machine, "made", part), join(copyOf(name), part), "junction");
      }
    }
    expect(await setUp({ LILAW_TENSORFLOW: "off" })).toBe("off (LILAW_TENSORFLOW=off)\n");
    for (const name of packages) expect(existsSync(join(copyOf(name), "lib"))).toBe(false);
    expect(existsSync(join(machine, "made", "lib"))).toBe(true);
  });
});
