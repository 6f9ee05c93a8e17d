import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("suggestions for the most suspect labels are mostly right, and training with them helps", async () => {
  const script = fileURLToPath(new URL("../dist/corrections.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, "--small"]);
  const lines = [
    ...stdout.matchAll(
      /([\d.]+) % of the labels were wrong, ([\d.]+) % became right; .* ([\d.]+) % before, ([\d.]+) % after/g,
    ),
  ];
  expect(lines).toHaveLength(2);
  for (const [, wereWrong, becameRight] of lines.map((line) => line.map(Number))) {
    expect(wereWrong).toBeGreaterThan(55); // 40 % of all labels are wrong
    expect(becameRight).toBeGreaterThan(0.75 * wereWrong!);
  }
  const [before, after] = lines[1]!.slice(3).map(Number);
  expect(after).toBeGreaterThan(before!);
});
