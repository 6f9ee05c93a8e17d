import { defineProject } from "vitest/config";

// The named sets are really downloaded.
export default defineProject({
  test: { name: "@lilaw/datasets", testTimeout: 120_000, hookTimeout: 120_000 },
});
