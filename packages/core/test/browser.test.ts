import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { deviation, findChromium, lossOf, paramsOf, readGolden } from "@lilaw/testing";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, type Rolldown } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Core from "../src/index.js";
import { Random } from "../src/index.js";

const executablePath = findChromium();

const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const alone = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** The whole of @lilaw/core as one module, as a bundler for browsers makes it. */
async function bundle(): Promise<string> {
  const results = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      minify: false,
      lib: { entry: fileURLToPath(new URL("../src/index.ts", import.meta.url)), formats: ["es"] },
    },
  });
  return (results as Rolldown.RolldownOutput[])[0]!.output[0].code;
}

const html = `<!doctype html><script type="module">globalThis.core = await import("/core.js")</script>`;

let code: string;
let server: Server;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  code = await bundle();
  if (!executablePath) return;
  server = createServer((request, response) => {
    const [type, body] = request.url === "/core.js" ? ["text/javascript", code] : ["text/html", html];
    response.writeHead(200, { "content-type": type }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  browser = await chromium.launch({ executablePath, args: [...quiet, ...alone] });
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction("globalThis.core");
}, 60_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

// A global of the page. Functions given to `evaluate` run in the page and see nothing of this file.
declare const core: typeof Core;

it("bundles without any module of Node", () => {
  expect(code).not.toMatch(/browser-external|from\s*"node:|require\(/);
});

describe("in Chromium", () => {
  const missing = "no Chromium on PATH";

  it.for(readGolden().lilaw_cases)("golden $name", async (c, { skip }) => {
    skip(!executablePath, missing);
    const batch = {
      logits: c.logits.flat(),
      labels: c.labels,
      classes: c.logits[0]!.length,
      loss: lossOf(c),
    };
    const result = await page.evaluate(
      ({ batch, params }) => {
        const input = {
          ...batch,
          params,
          logits: Float64Array.from(batch.logits),
          labels: Int32Array.from(batch.labels),
        };
        const { losses, weights, gradLogits, objective } = core.weightedLoss(input);
        const { alpha, beta, delta } = core.metaGradient(input);
        return {
          losses: [...losses],
          weights: [...weights],
          gradLogits: [...gradLogits],
          objective,
          meta: [alpha, beta, delta],
        };
      },
      { batch, params: paramsOf(c) },
    );
    expect(deviation(result.losses, c.loss_per_sample)).toBeLessThan(1e-10);
    expect(deviation(result.weights, c.weight)).toBeLessThan(1e-10);
    expect(deviation(result.gradLogits, c.grad_logits_full.flat())).toBeLessThan(1e-10);
    expect(deviation([result.objective], [c.weighted_loss_mean])).toBeLessThan(1e-10);
    expect(deviation(result.meta, Object.values(paramsOf(c.meta_grad)))).toBeLessThan(1e-10);
  });

  it("moves the scalars of LiLAW and weighs by alignment", async ({ skip }) => {
    skip(!executablePath, missing);
    const result = await page.evaluate(() => {
      const logits = Float64Array.of(2, 0, 0, 1);
      const labels = Int32Array.of(0, 0);
      const lilaw = new core.LiLAW();
      lilaw.metaStep({ logits, labels, classes: 2 });
      const l2rw = new core.LearningToReweight();
      const tangents = Float64Array.of(-1, 1, 1, -1);
      return {
        params: lilaw.params,
        weights: [...l2rw.weigh({ logits, tangents, labels, classes: 2 }).weights],
      };
    });
    expect(result.params.alpha).not.toBe(10);
    expect(result.params.beta).toBeGreaterThan(2);
    // The tangent raises the loss of the first row and lowers that of the second.
    expect(result.weights).toEqual([1, 0]);
  });

  it("draws the same random stream as Node", async ({ skip }) => {
    skip(!executablePath, missing);
    const there = await page.evaluate(() => [...core.Random.from(7, "shuffle", 3).permutation(50)]);
    expect(there).toEqual([...Random.from(7, "shuffle", 3).permutation(50)]);
  });

  it("has no device, and says why", async ({ skip }) => {
    skip(!executablePath, missing);
    const error = await page.evaluate(() => {
      try {
        return void new core.LiLAW().onDevice();
      } catch (error) {
        const { code, message } = error as Core.LilawError;
        return { code, message };
      }
    });
    expect(error).toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: expect.stringContaining("need Node"),
    });
  });

  it("throws errors with a code", async ({ skip }) => {
    skip(!executablePath, missing);
    const error = await page.evaluate(() => {
      const batch = { logits: Float64Array.of(1, 2), labels: Int32Array.of(2), classes: 2 };
      try {
        core.weightedLoss({ ...batch, params: null });
        return undefined;
      } catch (error) {
        const { code, message } = error as Core.LilawError;
        return { code, message };
      }
    });
    expect(error).toMatchObject({
      code: "LABEL_OUT_OF_RANGE",
      message: expect.stringMatching(/^Expected .* but received/),
    });
  });
});
