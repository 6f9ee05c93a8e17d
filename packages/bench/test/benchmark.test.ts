import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const toy = fileURLToPath(new URL("fixtures/toy.mjs", import.meta.url));
const dist = fileURLToPath(new URL("../dist", import.meta.url));

let folder: string;
let csv: string;

beforeAll(() => {
  folder = join(mkdtempSync(join(dist, "test-")), "results");
  csv = join(folder, "clocks.csv");
  mkdirSync(folder);
});
afterAll(() => rmSync(join(folder, ".."), { recursive: true }));

/** What happens to a program when its standard error first shows a text. */
interface Disturbance {
  readonly at: string;
  readonly by: "SIGINT" | "closed output";
}

/** Runs the toy as a user would. */
function run(slower: number, args: string[] = [], disturbance?: Disturbance) {
  const child = spawn(process.execPath, [toy, `${pathToFileURL(folder)}/`, String(slower), ...args], {
    env: { ...process.env, PAUSE: disturbance ? "100" : "0" },
  });
  const ended = { status: null as number | null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => {
    ended.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    ended.stderr += text;
    if (!disturbance || !text.includes(disturbance.at)) return;
    if (disturbance.by === "SIGINT") child.kill("SIGINT");
    else child.stderr.destroy();
  });
  return new Promise<typeof ended>((resolve) => {
    child.on("close", (status) => resolve({ ...ended, status }));
  });
}

const committed = (): Record<string, string>[] => parse(readFileSync(csv, "utf8"), { columns: true });

describe("a benchmark program", () => {
  it("leaves no file when it is stopped", async () => {
    const ended = await run(2, [], { at: "clocks tick 3000", by: "SIGINT" });
    expect(ended).toMatchObject({ status: 130, stderr: expect.stringContaining("stopped") });
    expect(existsSync(csv)).toBe(false);
  });

  it("ends with status 141 when nobody reads its output any more", async () => {
    const ended = await run(2, [], { at: "clocks tick 1000", by: "closed output" });
    expect(ended.status).toBe(141);
    expect(existsSync(csv)).toBe(false);
  });

  it("keeps no results that are not complete", async () => {
    for (const args of [["--quick"], ["--filter", "3000 rival"]]) {
      expect(await run(2, args)).toMatchObject({ status: 0, stdout: expect.stringContaining("tick") });
      expect(existsSync(csv)).toBe(false);
    }
  });

  it("keeps complete results, with the variants that were skipped and the reasons", async () => {
    expect(await run(4)).toMatchObject({ status: 0 });
    const rows = committed();
    expect(rows.map(({ steps, variant }) => [steps, variant])).toEqual(
      ["1000", "3000"].flatMap((steps) => ["clock", "rival", "elsewhere"].map((name) => [steps, name])),
    );
    const [clock, rival, skipped] = rows;
    expect(clock).toMatchObject({ better: "lower", ratioP50: "1", rounds: "7", bytes: "8000" });
    expect(rival).toMatchObject({ baseline: "clock", better: "higher", skipped: "", ratioP20: "4" });
    expect(skipped).toMatchObject({ skipped: "not on this machine", ratioP50: "", microsecondsP50: "" });
    expect(clock!.commit).toMatch(/^[0-9a-f]{7,}\+?$/);
  });

  it("prints one JSON document", async () => {
    const { stdout } = await run(4, ["--json", "--filter", "3000 rival"]);
    const { benchmark, suites } = JSON.parse(stdout);
    expect(benchmark).toBe("toy");
    expect(suites[0].rows).toMatchObject([{ variant: "clock" }, { variant: "rival", steps: 3000 }]);
  });

  it("fails a check only where a committed ratio of this machine got worse", async () => {
    const before = readFileSync(csv, "utf8");
    const worse = await run(1, ["--check"]);
    expect(worse).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("tick 1000 rival against clock"),
    });
    expect(await run(16, ["--check"])).toMatchObject({ status: 0 });
    expect(readFileSync(csv, "utf8")).toBe(before);

    const { machine } = committed()[0]!;
    writeFileSync(csv, before.replaceAll(machine!, "another machine"));
    const elsewhere = await run(1, ["--check"]);
    expect(elsewhere).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("nothing can be compared"),
    });
  });

  it.each([
    [["--filter", "("], "INVALID_ARGUMENT"],
    [["--filter", "no such thing"], "UNKNOWN_NAME"],
    [["holes"], "UNKNOWN_NAME"],
    [["--quickly"], "INVALID_ARGUMENT"],
  ])("answers %s with one clear error", async (args, code) => {
    const { status, stderr } = await run(2, args);
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^error: Expected .+ for .+ but received .+ \\(${code}\\)\\n$`));
  });
});
