import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deviation, findChromium, lossOf, paramsOf, readGolden } from "@lilaw/testing";
import type * as tfjs from "@tensorflow/tfjs-core";
import * as tfHere from "@tensorflow/tfjs-core";
import type * as tfjsLayers from "@tensorflow/tfjs-layers";
import * as tfLayersHere from "@tensorflow/tfjs-layers";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, type Rolldown } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Lilaw from "../src/index.js";
import * as lilawHere from "../src/index.js";
import { useBackend } from "../src/node.js";
import { noisyBlobs } from "./models.js";

const executablePath = findChromium();

/** tfjs, its backends and @lilaw/tfjs as one module, as a bundler for browsers makes it. */
const source = `
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgpu";
import * as tfl from "@tensorflow/tfjs-layers";
import * as lilaw from "@lilaw/tfjs";
setWasmPaths("https://lilaw.test/");
Object.assign(globalThis, { tf, tfl, lilaw });
`;
const wasmFolder = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"));
const backends = ["webgpu", "wasm", "cpu"];

async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL("browser-entry.js", import.meta.url));
  const results = await build({
    configFile: false,
    logLevel: "error",
    root: fileURLToPath(new URL("..", import.meta.url)),
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entry ? entry : undefined),
        load: (id) => (id === entry ? source : undefined),
      },
    ],
    resolve: { alias: { "@lilaw/tfjs": fileURLToPath(new URL("../src/index.ts", import.meta.url)) } },
    build: { write: false, minify: false, lib: { entry, formats: ["es"] } },
  });
  return (results as Rolldown.RolldownOutput[])[0]!.output[0].code;
}

let browser: Browser | undefined;
let page: Page;
let hasWebGpu = false;

beforeAll(async () => {
  if (!executablePath) return;
  const software = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...software] });
  page = await browser.newPage();
  await page.route("https://lilaw.test/", (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html>" }),
  );
  await page.route("https://lilaw.test/*.wasm", (route) => {
    const body = readFileSync(join(wasmFolder, basename(route.request().url())));
    return route.fulfill({ contentType: "application/wasm", body });
  });
  await page.goto("https://lilaw.test/"); // a secure origin: others have no WebGPU
  hasWebGpu = await page.evaluate("navigator.gpu?.requestAdapter().then(Boolean) ?? false");
  await page.addScriptTag({ type: "module", content: await bundle() });
});

/** Why a backend cannot run in the browser here, if so. */
function reasonAgainst(backend: string): string | undefined {
  if (!browser) return "no Chromium on PATH";
  return backend === "webgpu" && !hasWebGpu ? "this Chromium offers no WebGPU" : undefined;
}

afterAll(() => browser?.close());

// What the page sees: functions given to `evaluate` run there and see nothing of this file.
declare const tf: typeof tfjs;
declare const tfl: typeof tfjsLayers;
declare const lilaw: typeof Lilaw;

/** Trains a small network on a backend; returns its weights, and the scalars of LiLAW by epoch. */
async function train({ backend, method, features, labels }: Task) {
  await tf.setBackend(backend);
  const [x, y] = [tf.tensor2d(features, [labels.length, 4]), tf.tensor1d(labels, "int32")];
  const dense = (units: number, seed: number, inputs: number) =>
    tfl.layers.dense({
      ...{ units, inputShape: [inputs] },
      kernelInitializer: tfl.initializers.glorotUniform({ seed }),
    });
  const model = tfl.sequential({ layers: [dense(8, 1, 4), dense(2, 2, 8)] });
  model.compile({ optimizer: tf.train.adam(0.01), loss: "meanSquaredError" });
  const weighting =
    method === "lilaw"
      ? lilaw.lilaw({ validation: [x, y], learningRate: 0.5 })
      : lilaw.learningToReweight({ validation: [x, y] });
  const { history } = await lilaw.fit(model, x, y, { verbose: 0, epochs: 3, batchSize: 16, weighting });
  const weights = await Promise.all(model.weights.map((weight) => weight.read().data()));
  return [tf.getBackend(), weights.flatMap((values) => [...values]), history.alpha ?? []] as const;
}

interface Task {
  backend: string;
  method: string;
  features: number[];
  labels: number[];
}

describe.each(backends)("%s in Chromium", (name) => {
  it.for(readGolden().lilaw_cases)("golden $name, with its gradient", async (c, { skip }) => {
    skip(reasonAgainst(name) !== undefined, reasonAgainst(name));
    const [backend, objective, gradLogits] = await page.evaluate(
      async ({ name, logits, labels, ...options }) => {
        await tf.setBackend(name);
        const operation = (z: tfjs.Tensor) =>
          lilaw.weightedLoss(z as tfjs.Tensor2D, { ...options, labels: Int32Array.from(labels) });
        const { value, grad } = tf.valueAndGrad(operation)(tf.tensor2d(logits));
        return [tf.getBackend(), [...(await value.data())], [...(await grad.data())]] as const;
      },
      { name, logits: c.logits, labels: c.labels, params: paramsOf(c), loss: lossOf(c) },
    );
    const tolerance = Math.max(...c.logits.flat().map(Math.abs)) > 1000 ? 1e-3 : 3e-5;
    expect(backend).toBe(name);
    expect(deviation(objective, [c.weighted_loss_mean])).toBeLessThan(tolerance);
    expect(deviation(gradLogits, c.grad_logits_full.flat())).toBeLessThan(tolerance);
  });

  it.for(["lilaw", "learningToReweight"])("trains as Node does on cpu, %s", async (method, { skip }) => {
    skip(reasonAgainst(name) !== undefined, reasonAgainst(name));
    const { features, labels } = noisyBlobs(44);
    const task = { method, features: [...features], labels: [...labels] };
    const [backend, weights, alpha] = await page.evaluate(train, { ...task, backend: name });
    Object.assign(globalThis, { tf: tfHere, tfl: tfLayersHere, lilaw: lilawHere });
    await useBackend("cpu");
    const [, expected, expectedAlpha] = await train({ ...task, backend: "cpu" });
    expect(backend).toBe(name);
    expect(deviation(weights, expected)).toBeLessThan(2e-4);
    expect(deviation(alpha as number[], expectedAlpha as number[])).toBeLessThan(2e-4);
    expect(alpha.length).toBe(method === "lilaw" ? 3 : 0);
  });
});
