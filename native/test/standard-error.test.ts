import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { load } from "../lib/index.js";

const isGnu =
  (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime !==
  undefined;
const reason = load().binding === null ? "no addon" : isGnu ? undefined : "not the GNU C library";

/** Runs a program in which `say` writes a line through C's `stderr`. */
function run(program: string) {
  const script = `
    import { load } from "@lilaw/native";
    const { binding } = load();
    const say = process._rawDebug;
    ${program}
  `;
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  return spawnSync(process.execPath, ["--input-type=module", "-e", script], { cwd, encoding: "utf8" });
}

it.skipIf(reason)("withoutLines holds back the lines that hold a text, as long as the call lasts", () => {
  const { status, stderr, stdout } = run(`
    const result = binding.withoutLines(["known", "usual"], () => {
      say("a known line");
      say("an error");
      say("as usual\\nand a second");
      console.error("a line of JavaScript");
      return 7;
    });
    say("a known line, afterwards");
    console.log(result);
  `);
  expect({ status, stdout }).toEqual({ status: 0, stdout: "7\n" });
  expect(stderr).toBe("an error\nand a second\na line of JavaScript\na known line, afterwards\n");
});

it.skipIf(reason)("withoutLines loses nothing where the call throws, or the process aborts", () => {
  const thrown = run(`
    try {
      binding.withoutLines(["known"], () => {
        say("a known line");
        throw new Error("of the call");
      });
    } catch (error) {
      say(error.message);
    }
    say("a known line, afterwards");
  `);
  expect(thrown.stderr).toBe("of the call\na known line, afterwards\n");
  const aborted = run(`
    binding.withoutLines(["known"], () => {
      say("a known line");
      say("the last words");
      process.abort();
    });
  `);
  expect(aborted.signal).toBe("SIGABRT");
  expect(aborted.stderr).toMatch(/^the last words\n/);
});

it.skipIf(reason)(
  "loadTensorFlowQuietly holds back the lines of oneDNN alone, and gives what its function gives",
  () => {
    const { status, stderr, stdout } = run(`
    import { loadTensorFlowQuietly } from "@lilaw/native";
    const result = loadTensorFlowQuietly(() => {
      say("port.cc:153] oneDNN custom operations are on. You may see slightly different results");
      say("another line");
      return 7;
    });
    console.log(result);
    try {
      loadTensorFlowQuietly(() => {
        throw new Error("of the function");
      });
    } catch (error) {
      console.log(error.message);
    }
  `);
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: "7\nof the function\n",
      stderr: "another line\n",
    });
  },
);
