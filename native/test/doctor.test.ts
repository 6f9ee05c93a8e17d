import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
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
    expect(remedies.length).toBeGreaterThan(0);
  });

  it("a file that is no addon is a reason too", async () => {
    const { stdout } = await lilawNative(["doctor"], { LILAW_NATIVE_PATH: program });
    expect(stdout).toMatch(/^not loaded {3}LILAW_NATIVE_PATH/m);
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
