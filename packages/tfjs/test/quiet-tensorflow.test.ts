import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { getBackend } from "@lilaw/core";
import { describe, expect, it } from "vitest";
import { useBackend } from "../src/node.js";
import { reasonAgainst } from "./backends.js";

const script = fileURLToPath(new URL("fixtures/load-tensorflow.mjs", import.meta.url));
const withoutAddon = getBackend("auto").name === "reference" ? "no native addon" : undefined;
const reason = withoutAddon ?? (await reasonAgainst(() => useBackend("tensorflow")));

describe.skipIf(reason !== undefined)(`loading TensorFlow${reason ? ` (${reason})` : ""}`, () => {
  const load = (env: object, ...args: string[]) => {
    const { TF_CPP_MIN_LOG_LEVEL: _, ...own } = process.env;
    return spawnSync(process.execPath, [script, ...args], { encoding: "utf8", env: { ...own, ...env } });
  };

  it("says nothing on standard error", () => {
    expect(load({})).toMatchObject({ status: 0, stderr: "", stdout: "tensorflow 3,3,3,3\n" });
  });

  it("lets everything else through", () => {
    expect(load({}, "a line of the program").stderr).toBe("a line of the program\n");
    // TensorFlow's own answer to a setting that it cannot read, in the same initialisation as the lines held back.
    const { status, stderr } = load({ TF_ENABLE_ONEDNN_OPTS: "perhaps" });
    expect(status).toBe(0);
    expect(stderr).toContain("TF_ENABLE_ONEDNN_OPTS is not set to either");
    expect(stderr).not.toContain("oneDNN custom operations are on");
  });
});
