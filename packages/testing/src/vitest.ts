import { defineProject } from "vitest/config";

/**
 * The vitest project of a package. Tests train, download and install for real, on shared cores. The time limits only
 * end tests that hang; a slow machine does not make a test fail.
 */
export function project(name: string) {
  const setupFiles = ["@lilaw/testing/setup"];
  return defineProject({ test: { name, setupFiles, testTimeout: 240_000, hookTimeout: 300_000 } });
}
