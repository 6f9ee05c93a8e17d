/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The review in a real browser: by keyboard alone, without a policy violation, with a thousand suspects, and for all readers. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { findChromium } from "@lilaw/testing";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { renderReport } from "../src/index.js";
import { hostile, run, type SampleOptions, sampleReport } from "./sample-report.js";

const executablePath = findChromium();

describe.skipIf(!executablePath)("the review in a browser", () => {
  let browser: Browser;
  let folder: string;
  let files = 0;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath! });
    folder = await mkdtemp(join(tmpdir(), "lilaw-report-"));
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** A report as a file, as a user has it. */
  async function fileOf(options?: SampleOptions): Promise<string> {
    const file = join(folder, `report-${files++}.html`);
    await writeFile(file, renderReport(sampleReport(options)));
    return pathToFileURL(file).href;
  }

  /** Opens a report. Whatever the page complains of, a violation of its policy among it, fails the test. */
  async function open(url: string, context?: BrowserContext, prepare?: () => void): Promise<Page> {
    const own = context ?? (await browser.newContext());
    const page = await own.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => console.error(event.violatedDirective));
    });
    if (prepare) await page.addInitScript(prepare);
    await page.goto(url);
    onTestFinished(async () => {
      if (!context) await own.close();
      expect(complaints).toEqual([]);
    });
    return page;
  }

  const said = (page: Page) => page.locator("#announcement").textContent();
  const chosen = (page: Page) => page.locator("#suspects [aria-selected=true] .place").textContent();

  async function downloaded(page: Page) {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download decisions" }).press("Enter"),
    ]);
    expect(download.suggestedFilename()).toBe("decisions.json");
    const file = await download.path();
    return { file, document: JSON.parse(await readFile(file, "utf8")) };
  }

  it("is done by keyboard alone, and exports what was decided", async () => {
    const page = await open(await fileOf());
    // From the top of the page to the list, by Tab.
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      if (await page.locator("#suspects").evaluate((list) => list === document.activeElement)) break;
    }
    expect(await page.locator("#suspects").evaluate((list) => list === document.activeElement)).toBe(true);
    expect(await chosen(page)).toBe("1");
    await page.keyboard.press("Enter");
    expect(await said(page)).toBe("train row 3, line 5: → dog. 1 of 30 decided.");
    expect(await chosen(page)).toBe("2");
    await page.keyboard.press("k");
    await page.keyboard.press("x");
    await page.keyboard.press("3");
    await page.keyboard.press("2");
    expect(await said(page)).toContain("train row 31, line 33: kept");
    await page.keyboard.press("x");
    await page.keyboard.press("u");
    expect(await said(page)).toBe("Took back train row 38, line 40. 5 of 30 decided.");
    expect(await chosen(page)).toBe("6");
    await page.keyboard.press("j");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    expect(await chosen(page)).toBe("7");
    await page.keyboard.press("End");
    expect(await chosen(page)).toBe("30");
    await page.keyboard.press("Home");
    expect(await chosen(page)).toBe("1");
    await page.getByLabel("Your name").fill("Ada kxu1");
    await page.locator("#suspects").focus();
    await page.keyboard.press("End");
    await page.keyboard.press("1");

    const { document } = await downloaded(page);
    const decision = (row: number, old: string, action: string, to: string | null, by = "reviewer") => ({
      ...{ split: "train", row, old, new: to, action, by },
    });
    expect(document).toEqual({
      format: 1,
      kind: "lilaw-decisions",
      source: { name: "digits", sha256: "a".repeat(64) },
      run,
      classNames: ["cat", "dog", hostile],
      decisions: [
        decision(3, "cat", "relabel", "dog"),
        decision(10, "dog", "keep", null),
        decision(17, hostile, "exclude", null),
        decision(24, "cat", "relabel", hostile),
        decision(31, "dog", "keep", null),
        decision(206, hostile, "relabel", "cat", "Ada kxu1"),
      ],
    });
    expect(await page.title()).toBe("Report on digits");
  });

  it("goes on where the browser was closed, and takes files of decisions", async () => {
    const url = await fileOf();
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const first = await open(url, context);
    await first.locator("#suspects").focus();
    await first.keyboard.press("Enter");
    await first.keyboard.press("k");
    const { file } = await downloaded(first);
    await first.close();

    const again = await open(url, context);
    expect(await again.locator("#decided").textContent()).toBe("2 of 30 decided");
    expect(await chosen(again)).toBe("3");

    const elsewhere = await open(url);
    expect(await elsewhere.locator("#decided").textContent()).toBe("0 of 30 decided");
    await elsewhere.locator("#import").setInputFiles(file);
    await expect.poll(() => said(elsewhere)).toContain("Took 2 decisions");
    expect(await elsewhere.locator("#decided").textContent()).toBe("2 of 30 decided");
    const foreign = JSON.parse(await readFile(file, "utf8"));
    const load = async (content: string) => {
      const buffer = Buffer.from(content);
      await elsewhere
        .locator("#import")
        .setInputFiles({ name: "d.json", mimeType: "application/json", buffer });
    };
    await load(JSON.stringify({ ...foreign, run: "c".repeat(64) }));
    await expect.poll(() => said(elsewhere)).toBe("d.json has the decisions of another run.");
    await load("[1");
    await expect.poll(() => said(elsewhere)).toBe("d.json cannot be read.");
    expect(await elsewhere.locator("#decided").textContent()).toBe("2 of 30 decided");
  });

  it("says so where the browser keeps nothing", async () => {
    const page = await open(await fileOf(), undefined, () => {
      Object.defineProperty(window, "localStorage", {
        get() {
          throw new DOMException("denied", "SecurityError");
        },
      });
    });
    expect(await page.locator("#storage").textContent()).toContain("keeps nothing");
    await page.locator("#suspects").focus();
    await page.keyboard.press("Enter");
    expect((await downloaded(page)).document.decisions).toHaveLength(1);
  });

  it("filters, and accepts all that is shown as one step", async () => {
    const page = await open(await fileOf());
    await page.locator("#filter-given").selectOption("cat");
    await page.locator("#filter-suggested").selectOption("dog");
    expect(await page.locator("#shown").textContent()).toBe("5 of 30 suspects shown, 5 undecided");
    await page.getByRole("button", { name: "Accept all 5 undecided shown" }).click();
    expect(await page.locator("#decided").textContent()).toBe("5 of 30 decided");
    // The button has nothing to do, but keeps the focus, and so the keys.
    expect(await page.getByRole("button", { name: "Accept all 0" }).getAttribute("aria-disabled")).toBe(
      "true",
    );
    await page.keyboard.press("Enter");
    expect(await said(page)).toBe("No suspect that is shown is undecided.");
    const before = await chosen(page);
    await page.keyboard.press("j");
    expect(await chosen(page)).not.toBe(before);
    await page.locator("#filter-given").selectOption("");
    await page.locator("#filter-suggested").selectOption("");
    await page.locator("#filter-decision").selectOption("undecided");
    expect(await page.locator("#suspects li:visible").count()).toBe(25);
    const { document } = await downloaded(page);
    expect(new Set(document.decisions.map(({ by }: { by: string }) => by))).toEqual(new Set(["suggested"]));
    await page.getByRole("button", { name: "undo" }).click();
    expect(await page.locator("#decided").textContent()).toBe("0 of 30 decided");
    await page.keyboard.press("u");
    expect(await said(page)).toBe("There is nothing to take back.");
    await page.locator("#filter-suggested").selectOption("other");
    expect(await page.locator("#suspects li:visible").count()).toBe(30);
  });

  it("takes digits for the classes of that name, and gives keys to the likeliest of many classes", async () => {
    const digits = Array.from({ length: 10 }, (_, i) => String(i));
    const byName = await open(await fileOf({ classNames: digits }));
    await byName.locator("#suspects").focus();
    await byName.keyboard.press("7");
    expect(await said(byName)).toContain("→ 7.");

    const many = Array.from({ length: 40 }, (_, i) => `class ${i}`);
    const page = await open(await fileOf({ classNames: many, suspects: 60 }));
    const buttons = page.locator("#classes button");
    expect(await buttons.count()).toBe(10);
    expect(await buttons.nth(0).textContent()).toBe("1 class 1");
    expect(await buttons.nth(1).textContent()).toBe("2 class 0");
    await page.locator("#classes select").selectOption("class 33");
    expect(await said(page)).toContain("→ class 33.");
  });

  it("shows samples as pictures, rows and texts, with their confident neighbours", async () => {
    const pictures = await open(await fileOf());
    await pictures.locator("#suspects").focus();
    await pictures.keyboard.press("j");
    const images = pictures.locator("#detail img");
    expect(await images.count()).toBe(7);
    const widths = await images.evaluateAll((all) =>
      Promise.all(
        all.map((image) =>
          (image as HTMLImageElement).decode().then(() => (image as HTMLImageElement).naturalWidth),
        ),
      ),
    );
    expect(new Set(widths)).toEqual(new Set([28]));

    const cells = await open(await fileOf({ content: "cells" }));
    expect(await cells.locator("#sample th").allTextContents()).toEqual(["age", hostile, "iron"]);
    expect((await cells.locator("#sample td").allTextContents())[1]).toBe(hostile);

    const texts = await open(await fileOf({ content: "text" }));
    expect(await texts.locator("#sample blockquote").textContent()).toContain(`A long text with ${hostile}`);
    expect(await texts.locator("#suspects img").count()).toBe(0);
  });

  it("runs nothing but its own script and style", async () => {
    const url = await fileOf();
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(url);
    const violations = await page.evaluate(async () => {
      const seen: string[] = [];
      document.addEventListener("securitypolicyviolation", (event) => seen.push(event.violatedDirective));
      const script = document.createElement("script");
      try {
        script.text = "document.title = 'broken'";
      } catch {
        seen.push("trusted types");
      }
      document.body.append(script);
      const image = document.createElement("img");
      image.src = "https://lilaw.test/picture.png";
      document.body.append(image);
      await fetch("https://lilaw.test/").catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100));
      return seen;
    });
    expect(violations).toEqual(expect.arrayContaining(["trusted types", "img-src", "connect-src"]));
    expect(await page.title()).toBe("Report on digits");
  });

  it("draws no entries of a thousand but those that are seen", async () => {
    const page = await open(await fileOf({ suspects: 1000 }));
    await page.locator("#suspects").scrollIntoViewIfNeeded();
    const drawn = () =>
      page
        .locator("#suspects li")
        .evaluateAll(
          (all) =>
            all.filter((entry) =>
              entry.querySelector(".place")!.checkVisibility({ contentVisibilityAuto: true }),
            ).length,
        );
    await expect.poll(drawn).toBeLessThan(60);
    expect(await drawn()).toBeGreaterThan(5);
    await page.locator("#suspects").focus();
    await page.keyboard.press("End");
    expect(await chosen(page)).toBe("1000");
    await expect(page.locator("#suspect-999").boundingBox()).resolves.not.toBeNull();
    for (let i = 0; i < 20; i++) await page.keyboard.press("PageUp");
    await expect.poll(drawn).toBeLessThan(60);
    const isWithin = () =>
      page.evaluate(() => {
        const outer = document.getElementById("suspects")!.getBoundingClientRect();
        const inner = document.querySelector("#suspects [aria-selected=true]")!.getBoundingClientRect();
        return inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
      });
    await expect.poll(isWithin).toBe(true);
  });

  describe.each(["light", "dark"] as const)("in %s", (colorScheme) => {
    it.each([1280, 400])(
      "passes the accessibility checks at %i pixels, and needs no scrolling sideways",
      async (width) => {
        const context = await browser.newContext({
          colorScheme,
          viewport: { width, height: 900 },
          bypassCSP: true,
        });
        onTestFinished(() => context.close());
        for (const content of ["pictures", "cells"] as const) {
          const page = await open(await fileOf({ content }), context);
          await page.locator("#suspects").focus();
          await page.keyboard.press("x");
          await page.locator("summary").first().click();
          await page.addScriptTag({ path: createRequire(import.meta.url).resolve("axe-core") });
          const violations = await page.evaluate(async () => {
            const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
            return (await axe.run()).violations.map(
              ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`,
            );
          });
          expect(violations).toEqual([]);
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        }
      },
    );
  });

  it("prints all suspects and no buttons", async () => {
    const page = await open(await fileOf());
    await page.emulateMedia({ media: "print" });
    expect(await page.locator("#suspects li:visible").count()).toBe(30);
    const height = await page.locator("#suspects").evaluate((list) => list.clientHeight - list.scrollHeight);
    expect(height).toBeGreaterThanOrEqual(0);
    expect(await page.locator("button:visible").count()).toBe(0);
  });
});
