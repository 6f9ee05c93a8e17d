import { defineProject } from "vitest/config";

// npm really installs here: a slow machine or network must not turn a right answer into a failure.
export default defineProject({
  test: { name: "@lilaw/packaging", testTimeout: 120_000, hookTimeout: 300_000 },
});
