import { provideWebGpu } from "@lilaw/testing";
import type { NodeBackend } from "../src/node.js";
import { describeBackend, describeBackends, reasonAgainst } from "./backends.js";

async function useWebGpu(): Promise<void> {
  await provideWebGpu();
  await import("@tensorflow/tfjs-backend-webgpu");
}

const reasonAgainstWebGpu = await reasonAgainst(useWebGpu);

export function describeWebGpu(title: string, suite: () => void): void {
  describeBackend(title, "webgpu", reasonAgainstWebGpu, suite);
}

/** As `describeBackends`, and on webgpu: for suites that never read a tensor synchronously. */
export function describeAsyncBackends(title: string, suite: (backend: NodeBackend | "webgpu") => void): void {
  describeBackends(title, suite);
  describeWebGpu(title, () => suite("webgpu"));
}
