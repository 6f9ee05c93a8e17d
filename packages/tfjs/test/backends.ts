import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe } from "vitest";
import { type NodeBackend, useBackend } from "../src/node.js";

async function reasonAgainst(name: NodeBackend): Promise<string | undefined> {
  try {
    await useBackend(name);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const reasons = new Map<NodeBackend, string | undefined>();
for (const name of ["cpu", "wasm", "tensorflow"] as const) reasons.set(name, await reasonAgainst(name));

/** Runs a suite on every tfjs backend of Node; one that cannot run here is skipped with its reason in the title. */
export function describeBackends(title: string, suite: (backend: NodeBackend) => void): void {
  for (const [name, reason] of reasons) {
    const label = `${title} on ${name}`;
    if (reason !== undefined) {
      describe.skip(`${label} (${reason})`, () => suite(name));
      continue;
    }
    describe(label, () => {
      beforeAll(async () => {
        await tf.setBackend(name);
      });
      suite(name);
    });
  }
}
