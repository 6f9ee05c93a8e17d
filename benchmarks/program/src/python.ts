/** A Python program that answers requests: a line of JSON for a line of JSON. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A Python that can import a module, or undefined; the environment variable `PYTHON` names the one to try. */
export function findPython(module: string): string | undefined {
  const names = process.env.PYTHON ? [process.env.PYTHON] : ["python3", "python3.11"];
  return names.find((name) => spawnSync(name, ["-c", `import ${module}`]).status === 0);
}

export class PythonProgram {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaints = "";

  constructor(python: string, args: readonly string[]) {
    // Detached: Ctrl-C is for whoever asks. When that one is gone, no more requests come, and the program ends.
    this.#child = spawn(python, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
    // That it has ended shows where its answer is awaited.
    this.#child.stdin!.on("error", () => {});
    // Libraries chatter there; it matters when the program ends.
    this.#child.stderr!.setEncoding("utf8").on("data", (text) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
  }

  /** @throws when the program has ended, with what it said last */
  async ask<Answer>(request: object): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`Expected an answer from Python but it ended: ${this.#complaints.trim()}`);
    return JSON.parse(value);
  }

  async end(): Promise<void> {
    this.#child.stdin!.end();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
  }
}
