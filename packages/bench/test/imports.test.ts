import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** The files that a process has loaded once it has imported a module, as its V8 lists them. */
function filesOf(specifier: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "lilaw-imports-"));
  try {
    execFileSync(process.execPath, ["--input-type=module", "--eval", `await import("${specifier}")`], {
      env: { ...process.env, NODE_V8_COVERAGE: folder },
      cwd: import.meta.dirname,
    });
    return readdirSync(folder).flatMap((file) => {
      const { result } = JSON.parse(readFileSync(join(folder, file), "utf8")) as {
        result: { url: string }[];
      };
      return result.map(({ url }) => url);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const unwanted = /\/packages\/(datasets|tfjs|cli)\/|\/node_modules\/(commander|@tensorflow)\//;

describe("importing", () => {
  it("the measuring loads no datasets, no command line and no TensorFlow.js", () => {
    const files = filesOf("@lilaw/bench");
    expect(files.filter((file) => file.includes("/packages/bench/dist/turns.js"))).toHaveLength(1);
    expect(files.filter((file) => unwanted.test(file))).toEqual([]);
  });

  it("the program loads a command line, and no TensorFlow.js", () => {
    const files = filesOf("@lilaw/bench/program");
    expect(files.some((file) => file.includes("/commander/"))).toBe(true);
    expect(files.filter((file) => unwanted.test(file) && !file.includes("/commander/"))).toEqual([]);
  });

  it("the kernels loads TensorFlow.js, and no command line and no datasets", () => {
    const files = filesOf("@lilaw/bench/kernels");
    expect(files.some((file) => file.includes("/@tensorflow/tfjs-core/"))).toBe(true);
    expect(files.filter((file) => /\/packages\/(datasets|cli)\/|\/commander\//.test(file))).toEqual([]);
  });
});
