/**
 * Runs the tests of reliability, after setting everything up: `npm run reliability -- calls --count 100000` (see
 * docs/reliability.md).
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./steps.mjs";

const standardError = 2;
const { status } = spawnSync(process.execPath, [join(root, "scripts", "bootstrap.mjs")], {
  stdio: ["ignore", standardError, standardError],
});
if (status !== 0) process.exit(status ?? 1);

// Runs in this process, so that only one process receives Ctrl-C.
await import(pathToFileURL(join(root, "packages", "reliability", "dist", "main.js")));
