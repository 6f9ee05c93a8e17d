/** Work that a Python process does and times itself. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/**
 * Finds a Python that can import a module. The environment variable `PYTHON` names the program to try, otherwise
 * `python3` and `python3.11` are tried.
 *
 * @returns the name of the program, or undefined
 */
export function findPython(module: string): string | undefined {
  const names = process.env.PYTHON ? [process.env.PYTHON] : ["python3", "python3.11"];
  return names.find((name) => spawnSync(name, ["-c", `import ${module}`]).status === 0);
}

/** A running Python program that reads requests from its standard input and writes answers, a line of JSON each. */
export class PythonProgram {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = "";

  constructor(python: string, args: readonly string[]) {
    // Detached, so that Ctrl-C reaches this process alone. When it ends, the input of the program ends too.
    this.#child = spawn(python, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
    // A program that has ended, or could not be started, is reported by the next call of ask.
    this.#child.stdin!.on("error", () => {});
    this.#child.on("error", ({ message }) => {
      this.#errors += message;
    });
    // Libraries write warnings there; they are shown only when the program ends too soon.
    this.#child.stderr!.setEncoding("utf8").on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
  }

  /**
   * Sends a request and waits for its answer. Requests are sent one at a time.
   *
   * @throws Error with the last lines of its standard error when the program has ended
   */
  async ask<Answer>(request: object): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`Expected an answer from Python but it ended: ${this.#errors.trim()}`);
    return JSON.parse(value);
  }

  /** Ends the input of the program and waits until it exits. */
  async end(): Promise<void> {
    this.#child.stdin!.end();
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) await once(this.#child, "exit");
  }
}
