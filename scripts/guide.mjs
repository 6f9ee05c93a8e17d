/**
 * Runs the commands of docs/guide.md, prints what they print, and takes the pictures of the guide from the report:
 * `node scripts/guide.mjs`. It needs Chromium (Debian: chromium).
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { findProgram, root } from "./steps.mjs";

const folder = mkdtempSync(join(tmpdir(), "lilaw-guide-"));
const command = join(root, "packages", "cli", "dist", "main.js");

function lilaw(line) {
  console.log(`\n$ lilaw ${line}`);
  const { status, stdout } = spawnSync(process.execPath, [command, ...line.split(" ")], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, COLUMNS: "80" },
  });
  process.stdout.write(stdout);
  if (status !== 0) throw new Error(`lilaw ${line} ended with status ${status}`);
}

const settings =
  "--dataset fashion-mnist --noise pair-flip:0.4 --train-size 12000 --model mlp --methods baseline --epochs 15";
lilaw(`train ${settings} --out runs/first`);
lilaw("issues runs/first --top 8");
lilaw("report runs/first --top 500");
lilaw("issues runs/first --top 3000 --decisions accepted.json --csv accepted.csv");
lilaw(`train ${settings} --decisions accepted.json --out runs/second`);
lilaw("compare runs/first runs/second");

const pictures = join(root, "docs", "guide");
mkdirSync(pictures, { recursive: true });
const browser = await chromium.launch({
  executablePath: findProgram("chromium", "chromium-browser", "google-chrome"),
  args: ["--no-sandbox"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 }, colorScheme: "light" });
  await page.goto(pathToFileURL(join(folder, "runs", "first", "report.html")).href);
  await page.screenshot({ path: join(pictures, "report.png") });
  await page.locator("#review").scrollIntoViewIfNeeded();
  await page.locator("#suspect-0").click();
  await page.locator("#review").screenshot({ path: join(pictures, "review.png") });
} finally {
  await browser.close();
}
console.log(`\npictures in ${pictures}`);
