import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as Core from "@lilaw/core";
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
import { noisyBlobs, noisyImages } from "./models.js";

const executablePath = findChromium();

/** tfjs, its backends and @lilaw/tfjs as one module, as a bundler for browsers makes it. */
const source = `
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgl";
import "@tensorflow/tfjs-backend-webgpu";
import * as tfl from "@tensorflow/tfjs-layers";
import * as lilaw from "@lilaw/tfjs";
setWasmPaths("https://lilaw.test/");
Object.assign(globalThis, { tf, tfl, lilaw });
`;
const wasmFolder = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"));

/** Backends, each in a page of a kind: only a page that is isolated from others may share memory with threads. */
const settings = [
  { title: "webgpu", backend: "webgpu", isolated: false },
  { title: "webgl", backend: "webgl", isolated: false },
  { title: "wasm", backend: "wasm", isolated: false },
  { title: "wasm with threads", backend: "wasm", isolated: true },
  { title: "cpu", backend: "cpu", isolated: false },
];

/** A module as a bundler for browsers makes it, with @lilaw/tfjs from its source. */
async function bundle(source: string, external: RegExp[] = []): Promise<string> {
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
    build: {
      write: false,
      minify: false,
      lib: { entry, formats: ["es"] },
      rolldownOptions: { external },
    },
  });
  return (results as Rolldown.RolldownOutput[])[0]!.output[0].code;
}

describe("a bundle for browsers", () => {
  const ours = (source: string) => bundle(source, [/^@tensorflow\//]);

  it("has no module of Node and needs no polyfill", async () => {
    const code = await ours(`export * from "@lilaw/tfjs"`);
    const withoutComments = code.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
    expect(withoutComments).not.toMatch(/browser-external|from\s*"node:|require\(|\bprocess\.|\bBuffer\b/);
  });

  it("loses what nothing imports", async () => {
    expect(await ours(`import "@lilaw/tfjs"`)).not.toMatch(/\S/);
  });
});

const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
const softwareGpu = [
  ...["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  ...["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
];

let browser: Browser | undefined;
const pages = new Map<boolean, Page>();
let page: Page;
const missing: string[] = [];

async function openPage(isolated: boolean, code: string): Promise<Page> {
  const page = await browser!.newPage();
  const headers = isolated ? isolation : {};
  await page.route("https://lilaw.test/", (route) =>
    route.fulfill({ headers, contentType: "text/html", body: "<!doctype html>" }),
  );
  await page.route("https://lilaw.test/*.wasm", (route) => {
    const body = readFileSync(join(wasmFolder, basename(route.request().url())));
    return route.fulfill({ headers, contentType: "application/wasm", body });
  });
  await page.goto("https://lilaw.test/"); // a secure origin: others have no WebGPU
  await page.addScriptTag({ type: "module", content: code });
  return page;
}

beforeAll(async () => {
  if (!executablePath) return;
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...softwareGpu] });
  const code = await bundle(source);
  for (const isolated of [false, true]) pages.set(isolated, await openPage(isolated, code));
  const offers: Record<string, string> = {
    webgpu: "navigator.gpu?.requestAdapter().then(Boolean) ?? false",
    webgl: 'document.createElement("canvas").getContext("webgl2") !== null',
  };
  for (const [backend, isOffered] of Object.entries(offers)) {
    if (!(await pages.get(false)!.evaluate(isOffered))) missing.push(backend);
  }
});

/** Why a backend cannot run in the browser here, if so. */
function reasonAgainst(backend: string): string | undefined {
  if (!browser) return "no Chromium on PATH";
  return missing.includes(backend) ? `this Chromium offers no ${backend}` : undefined;
}

afterAll(() => browser?.close());

// Globals of the page: functions given to `evaluate` run there and see nothing of this file.
declare const tf: typeof tfjs;
declare const tfl: typeof tfjsLayers;
declare const lilaw: typeof Lilaw;

interface Task {
  backend: string;
  /** Of the network: dense layers, or convolutions with max and average pooling */
  kind: string;
  method: string;
  features: number[];
  labels: number[];
}

/**
 * Trains a small network on a backend: its weights, the losses and LiLAW's scalars by epoch, the weights after an
 * interruption, and the gradient of the weighted loss before all that.
 */
async function train({ backend, kind, method, features, labels }: Task) {
  await tf.setBackend(backend);
  const shape = kind === "dense" ? [4] : [8, 8, 1];
  const x = tf.tensor(features, [labels.length, ...shape]);
  const y = tf.tensor1d(labels, "int32");
  const newModel = () => {
    const { conv2d, maxPooling2d, averagePooling2d, flatten, dense } = tfl.layers;
    const glorot = (seed: number) => tfl.initializers.glorotUniform({ seed });
    const convolution = (seed: number) =>
      conv2d({
        ...{
          filters: 4,
          kernelSize: 3,
          padding: "same",
          activation: "relu",
          kernelInitializer: glorot(seed),
        },
      });
    const model = tfl.sequential();
    if (kind === "dense") {
      model.add(dense({ units: 8, inputShape: [4], kernelInitializer: glorot(1) }));
    } else {
      model.add(tfl.layers.inputLayer({ inputShape: shape }));
      model.add(convolution(1));
      model.add(maxPooling2d({ poolSize: 3, strides: 2, padding: "same" }));
      model.add(convolution(2));
      model.add(averagePooling2d({ poolSize: 2 }));
      model.add(flatten());
    }
    model.add(dense({ units: 2, kernelInitializer: glorot(3) }));
    // tfjs takes 1e-4 for this epsilon on webgl, and 1e-7 elsewhere.
    const optimizer = tf.train.adam(0.01, undefined, undefined, 1e-7);
    model.compile({ optimizer, loss: "meanSquaredError" });
    return model;
  };
  const validation: [tfjs.Tensor, tfjs.Tensor] = [x, y];
  const weighting = () => {
    if (method === "plain") return lilaw.plain({ loss: "cross-entropy" });
    if (method === "lilaw") return lilaw.lilaw({ validation, learningRate: 0.5 });
    const route = method as Lilaw.RouteName;
    return lilaw.learningToReweight({ validation, route });
  };
  const valuesOf = async (tensors: tfjs.Tensor[]) =>
    (await Promise.all(tensors.map((tensor) => tensor.data()))).flatMap((values) => [...values]);
  const weightsOf = (model: tfjsLayers.LayersModel) => valuesOf(model.weights.map((weight) => weight.read()));

  const model = newModel();
  const params = { alpha: 10, beta: 2, delta: 6 };
  const { grads } = tf.variableGrads(() =>
    lilaw.weightedLoss(model.apply(x) as tfjs.Tensor2D, { labels: Int32Array.from(labels), params }),
  );
  const gradient = await valuesOf(Object.values(grads));

  const args = { verbose: 0, epochs: 3, batchSize: 16 } as const;
  const states: Uint8Array[] = [];
  const checkpoint = (state: Uint8Array) => void states.push(state);
  const { history } = await lilaw.fit(model, x, y, { ...args, weighting: weighting(), checkpoint });
  const resumed = newModel();
  await lilaw.fit(resumed, x, y, { ...args, weighting: weighting(), resume: states[0]! });
  const { wasm } = tf.backend() as unknown as { wasm?: { HEAPU8: Uint8Array } };
  return {
    backend: tf.getBackend(),
    /** Whether the backend's memory is shared with threads */
    threads: wasm !== undefined && !(wasm.HEAPU8.buffer instanceof ArrayBuffer),
    gradient,
    weights: await weightsOf(model),
    resumed: await weightsOf(resumed),
    losses: history.loss as number[],
    alpha: (history.alpha ?? []) as number[],
  };
}

const tasks = ["dense", "convolutional"].flatMap((kind) => {
  const { features, labels } = kind === "dense" ? noisyBlobs(44) : noisyImages(44);
  const data = { features: [...features], labels: [...labels] };
  const methods = ["plain", "lilaw", "tangent", "central-difference", "last-layer"];
  return methods.map((method) => ({ backend: "cpu", kind, method, ...data }));
});

const trainedHere = new Map<Task, ReturnType<typeof train>>();

/** The same training in Node, on cpu; once for all backends. */
async function trainHere(task: Task) {
  Object.assign(globalThis, { tf: tfHere, tfl: tfLayersHere, lilaw: lilawHere });
  await useBackend("cpu");
  if (!trainedHere.has(task)) trainedHere.set(task, train(task));
  return trainedHere.get(task)!;
}

describe.each(settings)("$title in Chromium", ({ backend: name, isolated }) => {
  beforeAll(() => {
    page = pages.get(isolated)!;
  });

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

  it("refuses labels that do not fit, and reads values where that can be done", async ({ skip }) => {
    skip(reasonAgainst(name) !== undefined, reasonAgainst(name));
    const seen = await page.evaluate(async (name) => {
      await tf.setBackend(name);
      const messageOf = (act: () => unknown) => {
        try {
          return String(act());
        } catch (error) {
          const { code, message } = error as Core.LilawError;
          return `${code}: ${message}`;
        }
      };
      const logits = tf.tensor2d([1, 2, 3, 1], [2, 2]);
      const loss = (labels: number[], out = {}) =>
        lilaw.weightedLoss(logits, { labels: Int32Array.from(labels), params: null }, out);
      const model = tfl.sequential({ layers: [tfl.layers.dense({ units: 2, inputShape: [2] })] });
      model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
      model.setWeights([tf.tensor2d([1, 0, 0, 1], [2, 2]), tf.zeros([2])]);
      const losses = new Float32Array(2);
      return {
        label: messageOf(() => loss([0, 2])),
        out: messageOf(() => loss([1, 0], { losses })),
        losses: [...losses],
        predicted: messageOf(() => lilaw.predictLogits(model, logits)),
      };
    }, name);
    expect(seen.label).toBe("LABEL_OUT_OF_RANGE: Expected an integer in [0, 2) for labels[1] but received 2");
    if (name === "webgpu") {
      const refused = (reader: string) =>
        `BACKEND_UNAVAILABLE: Expected a tfjs backend that reads tensors synchronously for ${reader} but received "webgpu"`;
      expect([seen.out, seen.predicted]).toEqual([
        refused("the out of weightedLoss"),
        refused("predictLogits"),
      ]);
    } else {
      expect(deviation(seen.losses, [Math.log1p(Math.exp(-1)), Math.log1p(Math.exp(-2))])).toBeLessThan(1e-6);
      expect(seen.predicted).toBe("1,2,3,1");
    }
  });

  it.for(tasks)("trains as Node does on cpu, resume included: $kind, $method", async (task, { skip }) => {
    skip(reasonAgainst(name) !== undefined, reasonAgainst(name));
    const actual = await page.evaluate(train, { ...task, backend: name });
    const expected = await trainHere(task);
    expect([actual.backend, actual.threads]).toEqual([name, isolated]);
    expect(deviation(actual.gradient, expected.gradient)).toBeLessThan(1e-6);
    expect(deviation(actual.weights, expected.weights)).toBeLessThan(2e-4);
    expect(deviation(actual.alpha, expected.alpha)).toBeLessThan(2e-4);
    expect(actual.alpha.length).toBe(task.method === "lilaw" ? 3 : 0);
    expect(actual.losses[2]).toBeLessThan(actual.losses[1]!); // LiLAW weighs from the second epoch on
    expect(actual.resumed).toEqual(actual.weights);
  });
});

it("webgl with 16-bit floats is refused", async ({ skip }) => {
  skip(reasonAgainst("webgl") !== undefined, reasonAgainst("webgl"));
  const error = await pages.get(false)!.evaluate(async () => {
    await tf.setBackend("webgl");
    const model = tfl.sequential({ layers: [tfl.layers.dense({ units: 2, inputShape: [2] })] });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    tf.env().set("WEBGL_RENDER_FLOAT32_ENABLED", false); // as on devices that have no others
    try {
      await lilaw.fit(model, tf.zeros([2, 2]), tf.zeros([2], "int32"), { verbose: 0 });
      return undefined;
    } catch (error) {
      const { code, message } = error as Core.LilawError;
      return { code, message };
    } finally {
      tf.env().set("WEBGL_RENDER_FLOAT32_ENABLED", true);
    }
  });
  expect(error).toEqual({
    code: "BACKEND_UNAVAILABLE",
    message: 'Expected 32-bit floats for the tfjs backend but received "webgl with 16-bit floats"',
  });
});
