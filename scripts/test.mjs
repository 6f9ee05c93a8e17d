/**
 * Runs all tests: build, lint, tables, plots, types, and all test projects.
 * Arguments are passed to vitest as filters: `npm test -- packages/core`.
 *
 * The last line is always `N passed, N failed, N skipped`; build, lint, tables, plots and types count as one test each.
 */
import { startVitest } from "vitest/node";
import { build, localTool, run } from "./steps.mjs";

const count = { passed: 0, failed: 0, skipped: 0 };

/** Runs one check, which passes unless it throws. */
function check(name, work) {
  try {
    work();
    count.passed++;
    console.log(`${name.padEnd(12)}passed`);
  } catch (error) {
    count.failed++;
    console.log(`${name.padEnd(12)}failed\n${error.message}\n`);
  }
}

const whole = { lines: Number.POSITIVE_INFINITY };
check("build", build);
check("lint", () => run(localTool("biome"), ["check", "--error-on-warnings", "."], whole));
check("tables", () => run(process.execPath, ["scripts/tables.mjs", "--check"], whole));
check("plots", () => run(process.execPath, ["scripts/plots.mjs", "--check"], whole));
check("types", () => run(localTool("tsc"), ["-p", "tsconfig.tests.json"], whole));

const vitest = await startVitest("test", process.argv.slice(2), { watch: false });
const modules = vitest.state.getTestModules();
/** How many tests did not run, by the group they belong to and the reason they give. */
const skipped = new Map();
for (const module of modules) {
  // Files that cannot be loaded and hooks that throw are failures which belong to no test.
  for (const suite of [module, ...module.children.allSuites()]) {
    if (suite.errors().length > 0) count.failed++;
  }
  for (const test of module.children.allTests()) {
    const { state, note } = test.result();
    count[state]++;
    if (state !== "skipped") continue;
    const [group] = test.fullName.split(" > ");
    const where = `${module.project.name} ${module.relativeModuleId} > ${group}${note ? ` (${note})` : ""}`;
    skipped.set(where, (skipped.get(where) ?? 0) + 1);
  }
}
count.failed += vitest.state.getUnhandledErrors().length;
if (modules.length === 0) count.failed++;
await vitest.close();

for (const [where, tests] of skipped) console.log(`skipped ${String(tests).padStart(3)}: ${where}`);
process.exitCode = count.failed > 0 ? 1 : 0;
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
