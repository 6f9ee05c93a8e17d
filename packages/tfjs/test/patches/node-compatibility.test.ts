import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { useBackend } from "../../src/node.js";
import { mendUtil } from "../../src/patches/node-compatibility.js";

const npx = (...args: string[]) =>
  spawnSync("npx", ["-y", ...args], {
    encoding: "utf8",
    timeout: 100_000,
    shell: process.platform === "win32",
  });

/** Why a Node from the package registry cannot run here. */
function reasonAgainst(version: number): string | undefined {
  const { status, stdout, stderr, error } = npx(`node@${version}`, "--version");
  if (status === 0 && stdout.startsWith(`v${version}.`)) return undefined;
  return `node@${version} cannot be had: ${(error?.message ?? stderr).trim().split("\n").at(-1)}`;
}

async function tensorflowReason(): Promise<string | undefined> {
  return useBackend("tensorflow").then(
    () => undefined,
    (error: Error) => error.message,
  );
}

const script = fileURLToPath(new URL("../fixtures/train-on-tensorflow.mjs", import.meta.url));
const noTensorflow = await tensorflowReason();

for (const version of [22, 24]) {
  const reason = noTensorflow ?? reasonAgainst(version);
  describe.skipIf(reason !== undefined)(
    `Node ${version}${reason === undefined ? "" : ` (${reason})`}`,
    () => {
      it("trains on tensorflow", () => {
        const { stdout, stderr } = npx(`node@${version}`, script);
        expect(stdout, stderr).toContain(`Node ${version}, tensorflow: 2 losses`);
      });
    },
  );
}

describe("mendUtil", () => {
  it("adds what is missing and leaves what is there", () => {
    const isArray = (() => false) as unknown as typeof Array.isArray;
    const util: Parameters<typeof mendUtil>[0] = { isArray };
    mendUtil(util);
    expect(util.isArray).toBe(isArray);
    expect([null, undefined, 0, ""].map((value) => util.isNullOrUndefined!(value))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
