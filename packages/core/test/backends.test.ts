import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { load } from "@lilaw/native";
import { beforeEach, describe, expect, it } from "vitest";
import {
  alignmentWeights,
  type BackendChoice,
  backendReport,
  getBackend,
  LiLAW,
  metaGradient,
  weightedLoss,
} from "../src/index.js";

const hasAddon = load().binding !== null;

/** Runs statements on the built package in a process of its own, since backends are detected once in each process. */
async function inProcess(statements: string, env: Record<string, string>) {
  const core = new URL("../dist/index.js", import.meta.url);
  const script = `import * as core from ${JSON.stringify(core)}; ${statements}`;
  const options = { env: { ...process.env, ...env } };
  return promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], options);
}

const attempt = (choice: BackendChoice) =>
  `try { console.log(core.getBackend("${choice}").name) } catch ({ name, message }) { console.log(name + "|" + message) }`;

function thrownBy(call: () => unknown): { message: string; code: string } {
  try {
    call();
  } catch (error) {
    return error as { message: string; code: string };
  }
  throw new Error("nothing was thrown");
}

const batch = {
  logits: Float32Array.of(2, -1, 0.5, 0.25, 3, 1),
  labels: Int32Array.of(0, 2),
  classes: 3,
  params: { alpha: 10, beta: 2, delta: 6 },
};

describe("without an addon", () => {
  const env = { LILAW_NATIVE_PATH: "/nowhere/lilaw.node" };

  it("auto takes the reference and says why", async () => {
    const { stdout } = await inProcess(
      "console.log(JSON.stringify({ name: core.getBackend().name, report: core.backendReport() }))",
      env,
    );
    const { name, report } = JSON.parse(stdout);
    expect(name).toBe("reference");
    expect(report.backend).toBe("reference");
    expect(report.unavailable.map(({ backend }: { backend: string }) => backend)).toEqual(["cuda", "cpu"]);
    expect(report.unavailable[1].reason).toContain("/nowhere/lilaw.node");
    expect(report.unavailable[1].help).toContain("main.js build");
  });

  it.each(["cpu", "cuda"] as const)("%s throws, with the reason and what helps", async (choice) => {
    const { stdout } = await inProcess(attempt(choice), env);
    expect(stdout).toMatch(/^BackendUnavailableError\|Expected .* but received/);
    expect(stdout).toContain("/nowhere/lilaw.node");
    expect(stdout).toMatch(/What helps: node .*main\.js build/);
  });

  it("LILAW_BACKEND is as strict as an explicit choice", async () => {
    const { stdout } = await inProcess(attempt("auto"), { ...env, LILAW_BACKEND: "cpu" });
    expect(stdout).toMatch(/^BackendUnavailableError\|/);
  });

  it("tells nothing by itself, and one line with LILAW_DEBUG", async () => {
    const twice = "core.getBackend(); core.getBackend(); core.backendReport()";
    expect((await inProcess(twice, env)).stderr).toBe("");
    const { stderr } = await inProcess(twice, { ...env, LILAW_DEBUG: "1" });
    expect(stderr).toMatch(/^lilaw: backend reference .*; not cuda: .*; not cpu: .*\n$/);
  });
});

it("LILAW_BACKEND overrides auto and nothing else", async () => {
  const both = `${attempt("auto")}; ${attempt("reference")}`;
  expect((await inProcess(both, { LILAW_BACKEND: "reference" })).stdout).toBe("reference\nreference\n");
  expect((await inProcess(both, { LILAW_BACKEND: "" })).stdout).toBe((await inProcess(both, {})).stdout);
  expect((await inProcess(attempt("auto"), { LILAW_BACKEND: "tpu" })).stdout).toMatch(/Expected one of auto/);
});

describe("with an addon", () => {
  beforeEach(({ skip }) => skip(!hasAddon, "no addon: a C++ compiler and CMake build it"));

  it("auto takes a native backend", () => {
    expect(["cuda", "cpu"]).toContain(getBackend().name);
    expect(backendReport().backend).toBe(getBackend().name);
    expect(getBackend("cpu").name).toBe("cpu");
  });

  it("cuda runs where there is a device, and says why elsewhere", () => {
    const { devices = [], reason = "no device" } = load().binding!.cudaInfo();
    if (devices.length > 0) {
      expect(getBackend("cuda").name).toBe("cuda");
    } else {
      const { message, code } = thrownBy(() => getBackend("cuda"));
      expect(code).toBe("BACKEND_UNAVAILABLE");
      expect(message).toContain(reason);
      expect(message).toContain("npx @lilaw/native doctor");
      expect(backendReport().unavailable[0]).toMatchObject({ backend: "cuda", reason });
      expect(thrownBy(() => new LiLAW().onDevice())).toMatchObject({ code, message });
    }
  });

  it("auto is exact for float64, wherever in the call it is", () => {
    const logits = Float64Array.from(batch.logits);
    const exact = weightedLoss({ ...batch, logits, backend: "reference" });
    expect(weightedLoss({ ...batch, logits })).toEqual(exact);
    expect(metaGradient({ ...batch, logits })).toEqual(
      metaGradient({ ...batch, logits, backend: "reference" }),
    );
    const tangents = Float64Array.of(1, 2, 3, 0.1, 0.2, 0.3);
    expect(alignmentWeights({ ...batch, tangents })).toEqual(
      alignmentWeights({ ...batch, tangents, backend: "reference" }),
    );
    const sampleWeights = Float64Array.of(1 / 3, 2 / 3);
    expect(weightedLoss({ ...batch, sampleWeights })).toEqual(
      weightedLoss({ ...batch, sampleWeights, backend: "reference" }),
    );
    const losses = new Float64Array(2);
    weightedLoss(batch, { losses });
    expect(losses).toEqual(exact.losses);
  });

  it.each([
    ["logits", () => weightedLoss({ ...batch, logits: Float64Array.from(batch.logits), backend: "cpu" })],
    ["sampleWeights", () => weightedLoss({ ...batch, sampleWeights: new Float64Array(2), backend: "cpu" })],
    ["coefficients", () => metaGradient({ ...batch, coefficients: new Float64Array(2), backend: "cpu" })],
    ["tangents", () => alignmentWeights({ ...batch, tangents: new Float64Array(6), backend: "cpu" })],
    ["out.losses", () => weightedLoss({ ...batch, backend: "cpu" }, { losses: new Float64Array(2) })],
  ])("an explicit cpu refuses Float64Array %s", (name, call) => {
    expect(call).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(` for ${name} `),
      }),
    );
  });

  it("takes labels of any type", () => {
    const expected = weightedLoss({ ...batch, backend: "cpu" });
    for (const labels of [Uint8Array.of(0, 2), Float32Array.of(0, 2), Float64Array.of(0, 2)]) {
      expect(weightedLoss({ ...batch, labels, backend: "cpu" })).toEqual(expected);
    }
    const many = {
      ...batch,
      labels: Uint8Array.of(1, 0, 1, 0, 0, 1),
      loss: "multi-label",
      backend: "cpu",
    } as const;
    expect(weightedLoss({ ...many, labels: Int32Array.from(many.labels) })).toEqual(weightedLoss(many));
    const targets = {
      ...{ ...batch, logits: Float32Array.of(1, 2), classes: 1, labels: Float32Array.of(3, 4) },
      ...({ loss: { kind: "regression", range: 5 }, backend: "cpu" } as const),
    };
    expect(weightedLoss({ ...targets, labels: Int32Array.of(3, 4) })).toEqual(weightedLoss(targets));
  });
});

describe("a factor that is not finite, on a multi-label row without labels", () => {
  // The weight of such a row is 1 and no scalar moves it: infinity times 0.
  const unlabelled = {
    ...{ logits: Float32Array.of(1, 2), labels: Int32Array.of(1, 0), classes: 1, params: batch.params },
    loss: "multi-label",
  } as const;
  const factors = Float32Array.of(1, Number.POSITIVE_INFINITY);
  it.each(["reference", ...(hasAddon ? (["cpu"] as const) : [])] as const)("shows on %s", (backend) => {
    const nothing = { alpha: Number.NaN, beta: Number.NaN, delta: Number.NaN };
    const meta = metaGradient({ ...unlabelled, backend, coefficients: factors });
    expect(meta).toEqual({ ...nothing, objective: Number.POSITIVE_INFINITY, nonFiniteRows: 0 });
    const gradLogits = new Float32Array(2);
    const args = { ...unlabelled, backend, sampleWeights: factors, normalize: "batch-mean" } as const;
    expect(weightedLoss(args, { gradLogits })).toMatchObject({ gradParams: nothing });
    expect(gradLogits).toEqual(Float32Array.of(Number.NaN, Number.NaN));
  });
});

describe("labels that another thread changes after they were checked", () => {
  it("cost the reference no more than right ones", () => {
    const labels = new Int32Array(new SharedArrayBuffer(16)).fill(2 ** 31 - 1);
    const logits = Float64Array.of(1, -2, 0.5, 3);
    const args = { logits, labels, classes: 2, loss: "multi-label", params: batch.params } as const;
    // Without the checks of arguments: a loop up to one such label would take seconds.
    for (let i = 0; i < 200; i++) getBackend("reference").metaGradient({ ...args, transition: null });
  }, 20_000);
});
