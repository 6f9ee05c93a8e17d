import { expect, it } from "vitest";
import { lilaw } from "./support.js";

const fewest = ["bench", "--quick", "--filter", "lilawStep \\[128,10\\] (core|wasm|cpu)"];

it("times what is installed, and prints one JSON document", async () => {
  const { status, stdout } = await lilaw([...fewest, "--json"]);
  expect(status).toBe(0);
  const { node, quick, rows } = JSON.parse(stdout);
  expect([node, quick]).toEqual([process.versions.node, true]);
  expect(rows.map((row: { variant: string }) => row.variant)).toEqual([
    ...["core cuda", "core cpu", "core reference"],
    ...["wasm kernels", "wasm shortest", "cpu kernels", "cpu shortest"],
  ]);
  for (const row of rows) {
    expect(row).toMatchObject({ operation: "lilawStep", shape: "[128,10]" });
    if (row.skipped !== "") continue;
    const { microsecondsP20, microsecondsP50, microsecondsP80, ratioP50, bytes, launches } = row;
    expect(microsecondsP20).toBeGreaterThan(0);
    expect(microsecondsP20 <= microsecondsP50 && microsecondsP50 <= microsecondsP80).toBe(true);
    expect(ratioP50).toBeGreaterThan(0);
    expect(bytes).toBe(3 * 4 * 128 * 10);
    expect(launches).toBeGreaterThanOrEqual(row.variant.endsWith("shortest") ? 20 : 2);
  }
  const [baseline] = rows.filter((row: { ratioP80: number }) => row.ratioP80 === 1);
  expect(baseline.variant).toBe(baseline.baseline);
});

it("prints a table otherwise, with the copy as the limit and what was not measured", async () => {
  const { status, stdout } = await lilaw([
    "bench",
    "--quick",
    "--filter",
    "metaGradient \\[128,10\\] (core|memory)",
  ]);
  expect(status).toBe(0);
  expect(stdout).toContain("metaGradient [128,10]");
  expect(stdout).toMatch(/shareOfCopy/);
  expect(stdout).toMatch(/│ core reference +│/);
  expect(stdout).toMatch(/│ memory copy +│.* 1 │/);
  const cudaRuns = /│ core cuda +│/.test(stdout);
  expect(/^not measured: core cuda \(.+\)$/m.test(stdout)).toBe(!cudaRuns);
});

it.each([
  ["(", "INVALID_ARGUMENT"],
  ["no such thing", "UNKNOWN_NAME"],
])("answers the filter %j with one clear error", async (filter, code) => {
  const { status, stdout, stderr } = await lilaw(["bench", "--quick", "--filter", filter]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(new RegExp(`^error: Expected .+ for --filter but received .+ \\(${code}\\)$`, "m"));
});
