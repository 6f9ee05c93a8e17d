import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPython, PythonProgram } from "@lilaw/bench";
import * as tf from "@tensorflow/tfjs-core";
import type { Epochs } from "./epochs.js";
import type { ModelName } from "./models.js";

const script = fileURLToPath(new URL("../src/pytorch.py", import.meta.url));

/** The result of one step of a method; see pytorch.py. */
export interface PytorchStep {
  readonly weights: number[];
  readonly scalars: number[];
  readonly loss: number;
}

export interface PytorchVersion {
  readonly torch: string;
  readonly threads: number;
}

/** The same network and samples in a PyTorch process, which works only while it answers a request. */
export class PytorchProcess {
  readonly version: PytorchVersion;
  readonly #program: PythonProgram;
  readonly #folder: string;

  private constructor(version: PytorchVersion, program: PythonProgram, folder: string) {
    this.version = version;
    this.#program = program;
    this.#folder = folder;
  }

  /**
   * @param threads of PyTorch's own pool
   * @throws Error when no Python has PyTorch, or the process ends
   */
  static async start(model: ModelName, epochs: Epochs, threads: number): Promise<PytorchProcess> {
    const folder = mkdtempSync(join(tmpdir(), "lilaw-pytorch-"));
    writeNetwork(folder, model, epochs);
    const program = new PythonProgram(pythonWithTorch(), [script, folder, String(threads)]);
    return new PytorchProcess(await program.ask({ do: "version" }), program, folder);
  }

  step(method: string): Promise<PytorchStep> {
    return this.#program.ask({ do: "step", method });
  }

  /** Trains for some steps on shuffled batches, and returns the seconds that they took. */
  async train(method: string, steps: number, validationBatch: number): Promise<number> {
    const request = { do: "train", method, steps, validation_batch: validationBatch };
    return (await this.#program.ask<{ seconds: number }>(request)).seconds;
  }

  async close(): Promise<void> {
    await this.#program.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @throws Error when there is none */
export function pythonWithTorch(): string {
  const found = findPython("torch");
  if (found === undefined)
    throw new Error("Expected Python with PyTorch but received none (PYTHON names one)");
  return found;
}

/** Writes network and samples in the form that pytorch.py reads. */
function writeNetwork(folder: string, model: ModelName, epochs: Epochs): void {
  const { build, samples, validation, batchSize } = epochs;
  const write = (name: string, values: Float32Array) => writeFileSync(join(folder, name), values);
  const network = build();
  const weights = network.weights.map((weight) => {
    write(weight.originalName.replace("/", "."), weight.read().dataSync<"float32">());
    return [weight.originalName, weight.shape];
  });
  network.dispose();
  for (const [prefix, { x, y }] of Object.entries({ "": samples, "validation-": validation })) {
    write(`${prefix}x`, x.dataSync<"float32">());
    write(`${prefix}y`, Float32Array.from(tf.tidy(() => tf.argMax(y, 1).dataSync())));
  }
  const inputShape = samples.x.shape.slice(1);
  const about = { model, inputShape, batchSize, weights: Object.fromEntries(weights) };
  writeFileSync(join(folder, "network.json"), JSON.stringify(about));
}
