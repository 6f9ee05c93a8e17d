import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { layoutHash } from "../lib/layout-hash.js";
import { hasAddon, noAddon } from "./support.js";

const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

function lilawNative(args: string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    execFile(
      process.execPath,
      [program, ...args],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => done({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

describe("lilaw-native", () => {
  it("doctor says what was loaded", async ({ skip }) => {
    skip(!hasAddon, noAddon);
    const { code, stdout } = await lilawNative(["doctor"]);
    expect(code).toBe(0);
    expect(stdout).toContain(process.version);
    expect(stdout).toMatch(/^cpu kernels {2}(sse2|avx2|avx512|neon|baseline), \d+ threads$/m);
    expect(stdout).toMatch(/^cuda {9}/m);
  });

  it("doctor --json is what people are told, for programs", async ({ skip }) => {
    skip(!hasAddon, noAddon);
    const { stdout } = await lilawNative(["doctor", "--json"], { LILAW_CPU: "", LILAW_THREADS: "3" });
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ node: process.version, remedies: [], failures: [] },
      addon: { source: expect.any(String), path: expect.any(String), version },
      cpu: { isa: expect.any(String), threads: 3 },
      cuda: expect.any(Object),
    });
  });

  it("doctor fits 120 columns, but for words that are longer", async () => {
    const { stdout } = await lilawNative(["doctor"], {
      LILAW_NATIVE_PATH: `/nowhere/${"folder/".repeat(8)}lilaw.node`,
      LILAW_CPU: "abacus",
    });
    expect(stdout).toContain("/nowhere/");
    for (const line of stdout.split("\n")) {
      if (/^ *\S+ *\S*$/.test(line)) continue;
      expect(line.length, line).toBeLessThanOrEqual(120);
    }
  });

  it("doctor works without an addon, and says where it was looked for and what helps", async () => {
    const { code, stdout, stderr } = await lilawNative(["doctor", "--json"], {
      LILAW_NATIVE_PATH: "/nowhere.node",
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { addon, failures, remedies } = JSON.parse(stdout);
    expect(addon).toBeNull();
    expect(failures).toEqual([
      {
        source: "LILAW_NATIVE_PATH",
        path: "/nowhere.node",
        reason: expect.stringContaining("/nowhere.node"),
      },
    ]);
    expect(remedies).toEqual([expect.stringMatching(/^node \S*main\.js build /)]);
    expect(existsSync(remedies[0].split(" ")[1])).toBe(true);
  });

  it("doctor names commands that work here, and no package that does not exist", async () => {
    // As it lies in a folder of nobody's installation
    const folder = await mkdtemp(join(tmpdir(), "lilaw native-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const own = fileURLToPath(new URL("..", import.meta.url));
    for (const name of ["dist", "package.json"]) {
      await cp(join(own, name), join(folder, name), { recursive: true });
    }
    const { stdout } = await new Promise<{ stdout: string }>((done) => {
      execFile(process.execPath, [join(folder, "dist", "main.js"), "doctor"], (_, stdout) =>
        done({ stdout }),
      );
    });
    expect(stdout).toMatch(/^not loaded {3}local build .*lilaw\.node: /m);
    expect(stdout).toMatch(/^what helps {3}node ".*main\.js" build /m);
    expect(stdout).not.toMatch(/npx|npm install|@lilaw\/native-/);
  });

  it("a file that is no addon is a reason too", async () => {
    const { stdout } = await lilawNative(["doctor"], { LILAW_NATIVE_PATH: program });
    expect(stdout).toMatch(/^not loaded {3}LILAW_NATIVE_PATH/m);
  });

  it("refuses an addon from other sources, says so and what helps", async ({ skip }) => {
    skip(!hasAddon, noAddon);
    const folder = await mkdtemp(join(tmpdir(), "lilaw-native-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const { path } = JSON.parse((await lilawNative(["doctor", "--json"])).stdout).addon;
    const addon = createRequire(import.meta.url).resolve(path);
    /** Report of the doctor on the addon with other values of some of its exports. */
    const diagnosisWith = async (changes: string) => {
      const file = join(folder, "addon.cjs");
      await writeFile(file, `module.exports = { ...require(${JSON.stringify(addon)}), ${changes} };`);
      const { stdout } = await lilawNative(["doctor", "--json"], { LILAW_NATIVE_PATH: file });
      return JSON.parse(stdout);
    };
    const refused = (what: string) => ({
      addon: null,
      failures: [{ reason: `Expected ${what}; node ${program} build makes another` }],
    });
    expect(await diagnosisWith("")).toMatchObject({ addon: { version }, failures: [] });
    expect(await diagnosisWith('layoutHash: "0"')).toMatchObject(
      refused(`${layoutHash} for addon.layoutHash but received 0`),
    );
    // As of an addon from before there was one
    expect(await diagnosisWith("layoutHash: undefined")).toMatchObject(
      refused(`${layoutHash} for addon.layoutHash but received none`),
    );
    const other = refused(`${version} for addon.version but received 9.9.9`);
    expect(await diagnosisWith('version: "9.9.9"')).toMatchObject(other);
  });

  it.each([[[]], [["cure"]], [["doctor", "now"]], [["doctor", "--xml"]]])("%j is refused", async (args) => {
    const { code, stdout, stderr } = await lilawNative(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("lilaw-native doctor [--json]");
  });

  it("--version and --help", async () => {
    expect((await lilawNative(["--version"])).stdout).toBe(`${version}\n`);
    expect((await lilawNative(["--help"])).stdout).toContain("doctor");
  });
});
