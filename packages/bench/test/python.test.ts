import { expect, it } from "vitest";
import { findPython, PythonProgram } from "../src/python.js";

const python = findPython("json");
const echo = `
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request.get("fail"): raise ValueError("asked to")
    print(json.dumps({"twice": 2 * request["number"]}), flush=True)`;

it.skipIf(python === undefined)("answers one request after the other, and ends when asked to", async () => {
  const program = new PythonProgram(python!, ["-c", echo]);
  expect(await program.ask({ number: 4 })).toEqual({ twice: 8 });
  expect(await program.ask({ number: 5 })).toEqual({ twice: 10 });
  await program.end();
  await expect(program.ask({ number: 6 })).rejects.toThrow("Expected an answer from Python but it ended");
});

it.skipIf(python === undefined)("says what a program said that failed", async () => {
  const program = new PythonProgram(python!, ["-c", echo]);
  await expect(program.ask({ fail: true })).rejects.toThrow(/but it ended: [\s\S]*ValueError: asked to/);
});

it.skipIf(python === undefined)("ends a program that was killed", async () => {
  const program = new PythonProgram(python!, ["-c", "import os; os.kill(os.getpid(), 9)"]);
  await expect(program.ask({ number: 4 })).rejects.toThrow("Expected an answer from Python but it ended");
  await program.end();
});

it("says which program could not be started", async () => {
  const program = new PythonProgram("no-such-python", []);
  await expect(program.ask({ number: 4 })).rejects.toThrow("no-such-python");
  await program.end();
});
