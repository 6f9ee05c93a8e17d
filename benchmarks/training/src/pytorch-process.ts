import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import type { Epochs } from "./epochs.js";
import type { ModelName } from "./models.js";

const script = fileURLToPath(new URL("../src/pytorch.py", import.meta.url));

/** What one step of a method did: see pytorch.py. */
export interface PytorchStep {
  readonly weights: number[];
  readonly scalars: number[];
  readonly loss: number;
}

export interface PytorchVersion {
  readonly torch: string;
  readonly threads: number;
}

/** The same network and samples in a PyTorch process, which works when it is asked to and waits otherwise. */
export class PytorchProcess {
  readonly version: PytorchVersion;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #folder: string;

  private constructor(child: ChildProcess, answers: AsyncIterator<string>, folder: string, first: string) {
    this.#child = child;
    this.#answers = answers;
    this.#folder = folder;
    this.version = JSON.parse(first);
  }

  /**
   * @param threads of PyTorch's own pool
   * @throws Error when no Python has PyTorch, or the process ends
   */
  static async start(model: ModelName, epochs: Epochs, threads: number): Promise<PytorchProcess> {
    const folder = mkdtempSync(join(tmpdir(), "lilaw-pytorch-"));
    writeNetwork(folder, model, epochs);
    const child = spawn(pythonWithTorch(), [script, folder, String(threads)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await next(answers);
    return new PytorchProcess(child, answers, folder, first);
  }

  step(method: string): Promise<PytorchStep> {
    return this.#ask({ do: "step", method });
  }

  /** Seconds of so many steps on shuffled batches. */
  async train(method: string, steps: number, validationBatch: number): Promise<number> {
    const request = { do: "train", method, steps, validation_batch: validationBatch };
    return (await this.#ask<{ seconds: number }>(request)).seconds;
  }

  close(): void {
    this.#child.stdin!.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ask<Answer>(request: object): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    return JSON.parse(await next(this.#answers));
  }
}

async function next(answers: AsyncIterator<string>): Promise<string> {
  const { value, done } = await answers.next();
  if (done) throw new Error("Expected an answer from PyTorch but its process ended");
  return value;
}

/** @throws Error when there is none; `PYTHON` names it */
export function pythonWithTorch(): string {
  const names = process.env.PYTHON ? [process.env.PYTHON] : ["python3", "python3.11"];
  const found = names.find((name) => spawnSync(name, ["-c", "import torch"]).status === 0);
  if (found === undefined) {
    throw new Error(
      `Expected Python with PyTorch for ${names.join(" or ")} but received none (PYTHON names one)`,
    );
  }
  return found;
}

/** Network and samples as pytorch.py reads them. */
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
