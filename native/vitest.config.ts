import { project } from "@lilaw/testing/vitest";
import { mergeConfig } from "vitest/config";

/** The tests and @lilaw/core, which finds this package by itself, share one instance of it, as programs do. */
export default mergeConfig(project("@lilaw/native"), {
  test: { server: { deps: { external: [/\/native\/dist\//] } } },
});
