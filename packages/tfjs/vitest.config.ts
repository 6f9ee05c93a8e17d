import { defineProject } from "vitest/config";

// Real training on shared cores: a slow machine must not turn a right answer into a failure.
export default defineProject({
  test: { name: "@lilaw/tfjs", setupFiles: ["@lilaw/testing/setup"], testTimeout: 120_000 },
});
