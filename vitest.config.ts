import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "benchmarks/*", "examples"],
    // Real training on two shared cores: a slow machine must not turn a right answer into a failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
