import { defineProject } from "vitest/config";

export default defineProject({ test: { name: "@lilaw/core", setupFiles: ["@lilaw/testing/setup"] } });
