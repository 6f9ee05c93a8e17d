import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lengthOf } from "@lilaw/bench/program";
import xterm from "@xterm/headless";
import { describe, expect, it } from "vitest";
import type { EpochMetrics, Unit } from "../src/documents.js";
import { RunForecast } from "../src/forecast.js";
import { UnitLine } from "../src/unit-line.js";
import { cloudFiles, lilaw, longRun, main, scratch, small } from "./support.js";

const { Terminal } = xterm;
const reasonAgainstPty = (() => {
  if (process.platform !== "linux") return "the script command of util-linux is needed";
  try {
    execFileSync("script", ["-qec", "stty -a", "/dev/null"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "script and stty are needed";
  }
})();

/** The screen that a person saw while a command ran on a terminal. */
interface Seen {
  /** Of the screen and what was scrolled off, when the command had ended. */
  readonly lines: readonly string[];
  /** The lines that the terminal had to break, at any time. */
  readonly broken: ReadonlySet<string>;
  /** The last line of the screen at each time. */
  readonly bars: readonly string[];
  readonly status: number | null;
}

interface Resize {
  readonly when: RegExp;
  readonly columns: number;
}

/** Runs the built command on a pseudo terminal, and shows its output to a terminal emulator. */
async function onTerminal(args: readonly string[], columns: number, resize?: Resize): Promise<Seen> {
  const device = join(await scratch(), "tty");
  const command = [process.execPath, main, ...args].map((word) => `'${word}'`).join(" ");
  const setUp = `stty cols ${columns} rows 30; tty > '${device}'; exec ${command}`;
  const { NO_COLOR: _, ...env } = process.env;
  const child = spawn("script", ["-qefc", setUp, "/dev/null"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const terminal = new Terminal({ cols: columns, rows: 30, scrollback: 1000, allowProposedApi: true });
  const broken = new Set<string>();
  const bars: string[] = [];
  const linesOf = () => {
    const { active } = terminal.buffer;
    return Array.from({ length: active.length }, (_, i) => active.getLine(i)!);
  };
  let pending = resize;
  let shown = Promise.resolve();
  child.stdout.on("data", (chunk) => {
    shown = shown.then(async () => {
      await new Promise<void>((resolve) => terminal.write(chunk, resolve));
      const lines = linesOf();
      for (const [i, line] of lines.entries()) {
        if (line.isWrapped) broken.add(lines[i - 1]!.translateToString(true));
      }
      bars.push(lines.map((line) => line.translateToString(true)).findLast((line) => line !== "") ?? "");
      if (pending?.when.test(bars.at(-1)!)) {
        execFileSync("stty", ["-F", readFileSync(device, "utf8").trim(), "cols", String(pending.columns)]);
        terminal.resize(pending.columns, 30);
        pending = undefined;
      }
    });
  });
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  await shown;
  return { lines: linesOf().map((line) => line.translateToString(true)), broken, bars, status };
}

describe.skipIf(reasonAgainstPty)(
  `on a real terminal${reasonAgainstPty ? ` (${reasonAgainstPty})` : ""}`,
  () => {
    it.each([60, 80, 120])(
      "of %d columns a run breaks no line, and always shows the time left",
      async (columns) => {
        const folder = await scratch();
        const args = [...(await longRun(folder)), "--epochs", "4"];
        const { lines, broken, bars, status } = await onTerminal(
          [...args, "--out", join(folder, "r")],
          columns,
        );
        expect(status).toBe(0);
        expect([...broken].filter((line) => !line.includes(folder))).toEqual([]);
        const training = bars.filter((bar) => bar.startsWith("["));
        expect(training.length).toBeGreaterThan(4);
        for (const bar of training) {
          expect(bar).toMatch(/^\[\d\/4\] (lilaw|l2rw) seed \d .*epoch \d\/4 ETA (-|\d+s|\d+m\d\ds)( |$)/);
          expect(bar.length).toBeLessThan(columns);
        }
        // Nothing is left of the bars, and the results are there.
        expect(lines.filter((line) => line.startsWith("["))).toEqual([]);
        expect(lines.join("\n")).toMatch(/test acc\. *│|test acc\. at best/);
      },
    );

    it("that is resized in the middle, the line follows", async () => {
      const folder = await scratch();
      const args = [...(await longRun(folder)), "--out", join(folder, "r")];
      const resize = { when: /^\[2\/4\]/, columns: 60 };
      const { bars, status } = await onTerminal(args, 120, resize);
      expect(status).toBe(0);
      const after = bars.slice(bars.findIndex((bar) => bar.startsWith("[2/4]")) + 2);
      const training = after.filter((bar) => bar.startsWith("["));
      expect(training.length).toBeGreaterThan(4);
      for (const bar of training) expect(bar).toMatch(/^.{0,59}$/);
    });

    it("an error is broken between words", async () => {
      const { lines, broken, status } = await onTerminal(["train", "--dataset", "nmist"], 60);
      expect(status).toBe(2);
      expect([...broken]).toEqual([]);
      expect(lines.join(" ")).toMatch(
        /error: Expected one of .+ for --dataset but received "nmist" \(UNKNOWN_NAME\)/,
      );
    });

    it.each([60, 80])("of %d columns a benchmark breaks no line", async (columns) => {
      const args = ["bench", "--quick", "--filter", "weightedLoss \\[128,10\\] (core|memory)"];
      const { lines, broken, status } = await onTerminal(args, columns);
      expect(status).toBe(0);
      expect([...broken]).toEqual([]);
      expect(lines.join("\n")).toMatch(/│ +│ +µs │/);
    });

    it("of 60 columns a comparison of runs breaks no line", async () => {
      const folder = await scratch();
      const runs = [join(folder, "first"), join(folder, "second")];
      const training = [
        "train",
        ...(await cloudFiles(folder)),
        "--epochs",
        "1",
        "--seeds",
        "1,2",
        ...small.slice(0, 4),
      ];
      expect(await lilaw([...training, "--learning-rate", "0.05", "--out", runs[0]!])).toMatchObject({
        status: 0,
      });
      expect(await lilaw([...training, "--learning-rate", "0.02", "--out", runs[1]!])).toMatchObject({
        status: 0,
      });
      const { lines, broken, status } = await onTerminal(["compare", ...runs], 60);
      expect([status, [...broken]]).toEqual([0, []]);
      expect(lines.join("\n")).toContain("learningRate: 0.05 -> 0.02");
    });

    it.each([60, 80])("of %d columns --help breaks no line", async (columns) => {
      const { broken, status } = await onTerminal(["train", "--help"], columns);
      expect(status).toBe(0);
      expect([...broken]).toEqual([]);
    });
  },
);

describe("UnitLine", () => {
  const unit: Unit = { method: "lilaw-detached", seed: 12345 };
  const units = Array.from({ length: 12 }, (_, i) => ({ ...unit, seed: 12345 + i }));
  let now = 0;
  const line = new UnitLine(unit, 100, new RunForecast({ units, epochs: 100, metrics: [] }), () => now);
  line.step({ epoch: 1, stepsDone: 1, loss: 2, accuracy: 0.25 });
  line.step({ epoch: 1, stepsDone: 100, loss: 1.25, accuracy: 0.5 });
  now = 100_000;
  line.epoch({ ...unit, seconds: 100, alpha: 10, beta: 2, delta: 6 } as EpochMetrics);
  line.step({ epoch: 2, stepsDone: 150, loss: 1.25, accuracy: 0.5 });

  it("shows everything where there is room", () => {
    expect(line.render(200)).toBe(
      "[1/12] lilaw-detached seed 12345 ░░░░░░░░░░░░ epoch 2/100 ETA 1d09h loss 1.250 acc 0.500 2 step/s " +
        "alpha 10.000 beta 2.000 delta 6.000",
    );
  });

  it("leaves out what is less important where there is not, the time left last", () => {
    for (let width = 200; width >= 9; width--) {
      const text = line.render(width);
      expect(lengthOf(text)).toBeLessThanOrEqual(width);
      expect(text).toContain("ETA 1d09h");
    }
    expect(line.render(59)).toBe("[1/12] lilaw-detached seed 12345 epoch 2/100 ETA 1d09h");
  });
});
