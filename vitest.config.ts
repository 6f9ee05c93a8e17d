import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["native", "packages/*", "benchmarks/*", "examples"],
  },
});
