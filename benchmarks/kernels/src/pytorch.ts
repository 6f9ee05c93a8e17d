/**
 * Compares the native kernels with PyTorch, eager and compiled by torch.compile: one batch, with its weights and the
 * gradients on its logits and on the scalars (`weightedLoss`); and a step on two batches (`lilawStep`). Also measured
 * are PyTorch's unweighted cross-entropy of the training batch alone, forward and backward, and its copy of the training
 * logits. Python runs in a separate process, which waits during the turns of the other variants and measures its own
 * time. Both sides use the same number of threads.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPython, PythonProgram, quick, type Suite, thorough } from "@lilaw/bench";
import {
  type Facts,
  Forecast,
  type KernelData,
  type KernelOutput,
  type KernelPlan,
  type KernelVariant,
  kernelCase,
  memoryCopy,
  params,
} from "@lilaw/bench/kernels";
import { weightedLoss } from "@lilaw/core";
import { allThreads, best, nativePlan, threadCount } from "./native.js";
import { shapes } from "./settings.js";

const script = fileURLToPath(new URL("../src/pytorch.py", import.meta.url));
const names = ["eager", "torch.compile", "plain cross-entropy", memoryCopy] as const;
type Name = (typeof names)[number];

export const pytorch: Suite = {
  name: "pytorch",
  question: "What do the weighted loss and a LiLAW step on the logits cost natively, against PyTorch?",
  cases(isQuick) {
    const python = findPython("torch");
    const skipped = python ? undefined : "no python3 with torch";
    const threadCounts = allThreads > 1 && !isQuick ? [1, allThreads] : [1];
    return threadCounts.flatMap((threads) => {
      const session = new Session(python ?? "python3", threads);
      const own = nativePlan(best, threads);
      const plans = [
        own,
        ...names.map((name) => torchPlan(name, session, skipped ?? notQuick(name, isQuick))),
      ];
      const forecast = new Forecast();
      return shapes(isQuick).flatMap((shape) =>
        (["weightedLoss", "lilawStep"] as const).map((operation) =>
          kernelCase({
            operation,
            shape,
            labels: { threads },
            plans,
            baseline: own.name,
            effort: isQuick ? quick : thorough,
            forecast,
          }),
        ),
      );
    });
  },
};

const notQuick = (name: Name, isQuick: boolean) =>
  isQuick && name === "torch.compile" ? "compiling is not quick" : undefined;

/** The Python process, and the batch that it works on. */
class Session {
  readonly #python: string;
  readonly threads: number;
  #program: PythonProgram | undefined;
  #data: KernelData | undefined;
  #users = 0;
  torch = "";
  folder = "";

  constructor(python: string, threads: number) {
    this.#python = python;
    this.threads = threads;
  }

  ask<Answer>(request: object): Promise<Answer> {
    return this.#program!.ask(request);
  }

  /** Makes sure that the process works on this data, until {@link leave}. */
  async enter(data: KernelData): Promise<void> {
    this.#users++;
    if (this.#data === data) return;
    this.#data = data;
    this.folder = mkdtempSync(join(tmpdir(), "lilaw-benchmark-"));
    const write = (name: string, { logits, labels }: KernelData["batch"]) => {
      const file = join(this.folder, name);
      writeFileSync(file, logits);
      writeFileSync(file, labels, { flag: "a" });
      return file;
    };
    const [rows, classes] = data.shape;
    const files = {
      training: write("training", data.batch),
      ...(data.validation && { validation: write("validation", data.validation) }),
    };
    this.#program = new PythonProgram(this.#python, [script]);
    const open = { operation: data.operation, rows, classes, threads: this.threads, ...files };
    this.torch = (await this.ask<{ torch: string }>({ open })).torch;
  }

  /** Ends the process when no variant uses it any more. */
  async leave(): Promise<void> {
    if (--this.#users > 0) return;
    await this.#program?.end();
    rmSync(this.folder, { recursive: true, force: true });
    this.#data = undefined;
  }
}

function torchPlan(name: Name, session: Session, skipped: string | undefined): KernelPlan {
  return {
    name,
    ours: false,
    skipped,
    frugal: true,
    async open(data): Promise<KernelVariant> {
      await session.enter(data);
      return {
        name,
        ours: false,
        async sample(calls) {
          const { seconds } = await session.ask<{ seconds: number }>({ sample: name, calls });
          return seconds;
        },
        async output() {
          const file = join(session.folder, "gradient");
          const { values } = await session.ask<{ values: number[][] }>({ output: name, file });
          return [...values, floatsOf(file)];
        },
        ...expectation(name, data),
        async facts() {
          const facts = await session.ask<Facts>({ facts: name });
          return { ...facts, where: `PyTorch ${session.torch}, ${threadCount(session.threads)}` };
        },
        dispose: () => session.leave(),
      };
    },
  };
}

/** The expected results of those variants whose results differ from the baseline's. */
function expectation(name: Name, { operation, batch }: KernelData): { expected?: () => KernelOutput } {
  if (name === memoryCopy) return { expected: () => [batch.logits] };
  if (name === "plain cross-entropy") {
    return {
      expected() {
        const { objective, gradLogits } = weightedLoss({ ...batch, params: null, backend: "auto" });
        return [[objective], gradLogits];
      },
    };
  }
  if (operation === "lilawStep") return {};
  return {
    expected() {
      const { objective, gradParams, gradLogits } = weightedLoss({ ...batch, params, backend: "auto" });
      const { alpha, beta, delta } = gradParams;
      return [[objective], [alpha, beta, delta], gradLogits];
    },
  };
}

function floatsOf(file: string): Float32Array {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
