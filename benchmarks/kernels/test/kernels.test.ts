import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Row } from "@lilaw/bench";
import { load } from "@lilaw/native";
import { expect, it } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

async function measure(suite: string, filter: string): Promise<Row[]> {
  const args = [main, suite, "--quick", "--json", "--filter", filter];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout).suites.flatMap((suite: { rows: Row[] }) => suite.rows);
}

const isMeasured = (row: Row) => row.skipped === "";

it.skipIf(load().binding === null)(
  "compares the native kernels on every instruction set with the reference and a copy",
  async () => {
    const rows = await measure("operations", "metaGradient \\[128,10\\]");
    const names = rows.map(({ variant }) => variant);
    expect(names).toEqual(
      expect.arrayContaining(["native", "reference", "memory copy", "cuda, device buffers"]),
    );
    for (const row of rows.filter(isMeasured)) {
      expect(row).toMatchObject({ baseline: "native", launches: 1, rounds: 5 });
      expect(row.bytes).toBe((row.variant === "memory copy" ? 2 : 1) * 4 * 128 * 10);
      expect(row.ratioP50).toBeGreaterThan(0);
    }
    const [native] = rows;
    const copy = rows.find(({ variant }) => variant === "memory copy")!;
    expect(native!.better).toBe("lower");
    expect(copy).toMatchObject({ better: "higher", shareOfCopy: 1 });
  },
);

it("compares the kernels of tfjs with tfjs operations on a backend, and counts these", async () => {
  const rows = await measure("tfjs", "lilawStep \\[128,10\\] wasm");
  const launches = Object.fromEntries(rows.map((row) => [row.variant, row.launches as number]));
  expect(launches["wasm kernels"]).toBe(2);
  expect(launches["wasm shortest"]).toBeGreaterThan(20);
  expect(launches["wasm autodiff"]).toBeGreaterThan(launches["wasm shortest"]!);
  expect(launches["wasm composed"]).toBeGreaterThan(launches["wasm shortest"]!);
});

it("compares with PyTorch, or says that there is none", async () => {
  const rows = await measure("pytorch", "lilawStep \\[128,10\\] 1 (eager|plain|torch)");
  const reasons = new Set(rows.slice(1).map(({ skipped }) => skipped));
  if (reasons.size === 1) expect([...reasons]).toEqual(["no python3 with torch"]);
  else expect(rows.filter(isMeasured).map(({ variant }) => variant)).toContain("eager");
});
