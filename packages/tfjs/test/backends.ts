import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-layers"; // registers the gradients of tfjs's operations, which tfjs-core alone does not have
import { beforeAll, describe } from "vitest";
import { type NodeBackend, useBackend } from "../src/node.js";

/** The message of the error that keeps a backend from being used, if one does. */
export async function reasonAgainst(use: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await use();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const reasons = new Map<NodeBackend, string | undefined>();
for (const name of ["cpu", "wasm", "tensorflow"] as const) {
  reasons.set(name, await reasonAgainst(() => useBackend(name)));
}

/** Runs a suite on every tfjs backend of Node; one that cannot run here is skipped with its reason in the title. */
export function describeBackends(title: string, suite: (backend: NodeBackend) => void): void {
  for (const [name, reason] of reasons) describeBackend(title, name, reason, () => suite(name));
}

/** Runs a suite on one backend, or skips it with the reason in the title. */
export function describeBackend(
  title: string,
  name: string,
  reason: string | undefined,
  suite: () => void,
): void {
  const label = `${title} on ${name}`;
  if (reason !== undefined) {
    describe.skip(`${label} (${reason})`, suite);
    return;
  }
  describe(label, () => {
    beforeAll(async () => {
      await tf.setBackend(name);
    });
    suite();
  });
}
