/**
 * Everything that is tested, in one go: build, lint, types, and all test projects.
 * Arguments are passed to vitest as filters: `npm test -- packages/core`.
 *
 * The last line is always `N passed, N failed, N skipped`; build, lint and types count as one test each.
 */
import { startVitest } from "vitest/node";
import { build, localTool, run } from "./steps.mjs";

const count = { passed: 0, failed: 0, skipped: 0 };

/** Runs one check that either passes or throws what is wrong. */
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
check("types", () => run(localTool("tsc"), ["-p", "tsconfig.tests.json"], whole));

const vitest = await startVitest("test", process.argv.slice(2), { watch: false });
const modules = vitest.state.getTestModules();
const skipped = [];
for (const module of modules) {
  for (const test of module.children.allTests()) {
    const { state, note } = test.result();
    count[state]++;
    if (state === "skipped") skipped.push({ module, test, note });
  }
}
// A file that cannot be loaded, or an error outside of any test, is a failure that no test counts.
count.failed += modules.filter((module) => module.errors().length > 0).length;
count.failed += vitest.state.getUnhandledErrors().length;
if (modules.length === 0) count.failed++;
await vitest.close();

for (const { module, test, note } of skipped) {
  console.log(`skipped: ${module.relativeModuleId} > ${test.fullName}${note ? ` (${note})` : ""}`);
}
process.exitCode = count.failed > 0 ? 1 : 0;
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
