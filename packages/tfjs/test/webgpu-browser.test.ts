import { fileURLToPath } from "node:url";
import { deviation, findChromium, lossOf, paramsOf, readGolden } from "@lilaw/testing";
import type * as tfjs from "@tensorflow/tfjs-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, type Rolldown } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Lilaw from "../src/index.js";

const executablePath = findChromium();

/** tfjs, its WebGPU backend and @lilaw/tfjs as one module, as a bundler for browsers makes it. */
const source = `
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import * as lilaw from "@lilaw/tfjs";
Object.assign(globalThis, { tf, lilaw });
`;

async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL("webgpu-browser-entry.js", import.meta.url));
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
let reason = "no Chromium on PATH";

beforeAll(async () => {
  if (!executablePath) return;
  const software = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...software] });
  page = await browser.newPage();
  await page.route("https://lilaw.test/", (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html>" }),
  );
  await page.goto("https://lilaw.test/"); // a secure origin: others have no WebGPU
  const adapter = await page.evaluate("navigator.gpu?.requestAdapter().then(Boolean)");
  reason = adapter ? "" : "this Chromium offers no WebGPU";
  if (reason === "") await page.addScriptTag({ type: "module", content: await bundle() });
});

afterAll(() => browser?.close());

// What the page sees: functions given to `evaluate` run there and see nothing of this file.
declare const tf: typeof tfjs;
declare const lilaw: typeof Lilaw;

describe("webgpu in Chromium", () => {
  it.for(readGolden().lilaw_cases)("golden $name, with its gradient", async (c, { skip }) => {
    skip(reason !== "", reason);
    const [backend, objective, gradLogits] = await page.evaluate(
      async ({ logits, labels, ...options }) => {
        await tf.setBackend("webgpu");
        const operation = (z: tfjs.Tensor) =>
          lilaw.weightedLoss(z as tfjs.Tensor2D, { ...options, labels: Int32Array.from(labels) });
        const { value, grad } = tf.valueAndGrad(operation)(tf.tensor2d(logits));
        return [tf.getBackend(), [...(await value.data())], [...(await grad.data())]] as const;
      },
      { logits: c.logits, labels: c.labels, params: paramsOf(c), loss: lossOf(c) },
    );
    const tolerance = Math.max(...c.logits.flat().map(Math.abs)) > 1000 ? 1e-3 : 3e-5;
    expect(backend).toBe("webgpu");
    expect(deviation(objective, [c.weighted_loss_mean])).toBeLessThan(tolerance);
    expect(deviation(gradLogits, c.grad_logits_full.flat())).toBeLessThan(tolerance);
  });
});
