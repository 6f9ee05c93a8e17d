import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packModules } from "../dist/bundle.js";

const run = promisify(execFile);
const addon = fileURLToPath(new URL("../../../native/build/Release/lilaw.node", import.meta.url));
const script = fileURLToPath(new URL("../run.sh", import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lilaw-bundle-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the Node program of the bundle", () => {
  it("measures what is there, away from its packages", async ({ skip }) => {
    skip(!existsSync(addon), "the addon is not built");
    await packModules(folder);
    const env = { PATH: process.env.PATH, LILAW_NATIVE_PATH: addon, LILAW_COMMIT: "abc" };
    const args = [join(folder, "gpu.mjs"), folder, "node", "--quick"];
    await run(process.execPath, args, { cwd: folder, env });
    const rows: Record<string, string>[] = parse(readFileSync(join(folder, "node.csv")), { columns: true });
    expect(rows.map(({ variant }) => variant)).toEqual([
      "cuda, device buffers",
      "native",
      "cuda, captured graph",
      "cuda, with transfers",
    ]);
    expect(rows.every(({ commit }) => commit === "abc")).toBe(true);
    expect(Number(rows[1]!.microsecondsP50)).toBeGreaterThan(0);
  });
});

describe("run.sh", () => {
  it("refuses a part that it does not have", async () => {
    const failure = run(script, ["--out", join(folder, "out"), "holes"]);
    await expect(failure).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Expected one of .+ for the part but received holes\n$/),
    });
  });
});
