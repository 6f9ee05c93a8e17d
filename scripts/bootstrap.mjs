/**
 * Sets up a fresh clone, and does nothing where nothing has changed:
 * dependencies, build, native kernels, TensorFlow bindings. `--skip-build` leaves the build to the caller.
 *
 * npm runs this before anything is installed, so it imports only modules of Node itself. Its static part has to parse
 * on old versions of Node too, so that it can refuse them with a message.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Expected Node 20.19 or newer but this is ${process.version}: see https://nodejs.org`);
  process.exit(1);
}

const { build, root, run, step } = await import("./steps.mjs");
const { buildNative } = await import("../native/scripts/build.mjs");
const { setUpTensorFlow } = await import("./setup-tensorflow.mjs");

const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const stamp = join(root, "node_modules", ".bootstrap");

/** The package.json files of the workspace: of the root, and of the folders one and two levels below. */
function manifests(folder = root, depth = 2) {
  const own = join(folder, "package.json");
  const below =
    depth === 0 ? [] : readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [
    ...(existsSync(own) ? [own] : []),
    ...below
      .filter(({ name }) => !name.startsWith(".") && name !== "node_modules")
      .flatMap(({ name }) => manifests(join(folder, name), depth - 1)),
  ];
}

/** A key that changes whenever an installation could differ from the present one. */
function fingerprint() {
  const hash = createHash("sha256").update(`${packageManager} ${process.platform} ${process.arch}`);
  const files = [join(root, "pnpm-lock.yaml"), join(root, "pnpm-workspace.yaml"), ...manifests().sort()];
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest("hex");
}

function install() {
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return "up to date";
  run(process.platform === "win32" ? "npx.cmd" : "npx", [
    ...["-y", "--prefer-offline", packageManager],
    ...["install", "--frozen-lockfile", "--prefer-offline", "--config.confirmModulesPurge=false"],
  ]);
  writeFileSync(stamp, wanted);
  return packageManager;
}

try {
  await step("install", install);
  if (!process.argv.includes("--skip-build")) await step("build", build);
  await step("native", () => buildNative().message);
  await step("tensorflow", setUpTensorFlow);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
