import { project } from "@lilaw/testing/vitest";

export default project("@lilaw/benchmark-accuracy");
