import { defineProject } from "vitest/config";

/**
 * The vitest project of a package. Tests here really train, download and install, on shared cores: the time limits only
 * end what hangs, and a slow machine must not turn a right answer into a failure.
 */
export function project(name: string) {
  const setupFiles = ["@lilaw/testing/setup"];
  return defineProject({ test: { name, setupFiles, testTimeout: 240_000, hookTimeout: 300_000 } });
}
