/** Runs of `lilaw train` that are ended at random moments, in every way, and finished with `--resume`. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "@lilaw/core";
import { chance, pick } from "../calls/values.js";
import { type Ending, FaultFound, type Kind } from "../kind.js";
import { contentsOf, type Disturbance, type Ended, lilaw, writeClouds } from "./run.js";

const ways = ["SIGKILL", "SIGTERM", "SIGHUP", "closed pipe", "full disk"] as const;
export type KillsGroup = (typeof ways)[number];

/** A separate file system, which only root can create on Linux. */
const canFillDisk = process.platform === "linux" && process.getuid?.() === 0;
export const whyNoFullDisk = canFillDisk
  ? undefined
  : "full disk: needs a file system of its own, so root on Linux";

/**
 * The ways in which `lilaw` may end, from its README. A signal before its handler is installed ends it like any other
 * process.
 */
const endings: Readonly<Record<KillsGroup, readonly (number | NodeJS.Signals)[]>> = {
  SIGKILL: ["SIGKILL"],
  SIGTERM: [130, 143, "SIGTERM"],
  SIGHUP: [129, 130, "SIGHUP"],
  "closed pipe": [130, 141],
  "full disk": [2],
};

/** A little more than the bytes that a whole run needs on the disk. */
const wholeDisk = 512 * 1024;

interface Undisturbed {
  readonly args: readonly string[];
  readonly milliseconds: number;
  readonly contents: ReadonlyMap<string, string>;
}

export const kills: Kind<KillsGroup> = {
  name: "kills",
  wheel: canFillDisk ? ways : ways.filter((way) => way !== "full disk"),
  countsEachGroup: false,
  limitSeconds: 600,
  limitBytes: 2 ** 30,
  chunk: 25,
  async open(folder) {
    const data = join(folder, "clouds.csv");
    await writeClouds(data);
    const runs = new Map<string, Undisturbed>();
    const runOn = async (backend: string) => {
      const run = runs.get(backend) ?? (await undisturbed(backend, data, join(folder, backend)));
      runs.set(backend, run);
      return run;
    };
    return async (way, seed, index): Promise<Ending> => {
      const random = Random.from(seed, "kill", index);
      const run = await runOn(pick(random, ["cpu", "wasm"]));
      const own = join(folder, String(index));
      await mkdir(own);
      if (way === "full disk") mountDisk(own, 4096 * (1 + random.int(wholeDisk / 4096)));
      try {
        await killAndResume(way, run, join(own, "run"), random);
      } finally {
        if (way === "full disk") execFileSync("umount", ["-l", own]);
        await rm(own, { recursive: true, force: true });
      }
      return "right";
    };
  },
};

async function undisturbed(backend: string, data: string, out: string): Promise<Undisturbed> {
  const args = ["train", "--train", data, "--noise", "symmetric:0.3", "--methods", "lilaw,l2rw"];
  args.push("--model", "linear", "--epochs", "5", "--batch-size", "64", "--backend", backend);
  const start = performance.now();
  const { status, stderr } = await lilaw([...args, "--out", out]);
  if (status !== 0) throw new Error(`the undisturbed run ended with ${status}: ${stderr}`);
  return { args, milliseconds: performance.now() - start, contents: await contentsOf(out) };
}

async function killAndResume(way: KillsGroup, run: Undisturbed, out: string, random: Random): Promise<void> {
  const disturbed = await lilaw([...run.args, "--out", out], disturbanceOf(way, run, out, random));
  checkEnding(way, disturbed);
  if (way === "full disk") mountDisk(join(out, ".."), 16 * wholeDisk, "remount,");
  // Resumes several times, and may kill each of them.
  for (let round = 0; ; round++) {
    const begun = existsSync(join(out, "config.json"));
    const args = begun ? ["train", "--resume", out] : [...run.args, "--out", out];
    const again = round < 3 && chance(random, 0.3) ? disturbanceOf("SIGKILL", run, out, random) : undefined;
    const ended = await lilaw(args, again);
    if (ended.status === 0) break;
    if (again && ended.signal === "SIGKILL") continue;
    throw new FaultFound(
      "silentDifferences",
      `${begun ? "--resume" : "starting anew"} ended with ${describe(ended)}`,
    );
  }
  checkSame(await contentsOf(out), run.contents);
}

/** In half of the cases at any time of the run, otherwise while it writes. */
function disturbanceOf(
  way: KillsGroup,
  run: Undisturbed,
  out: string,
  random: Random,
): Disturbance | undefined {
  if (way === "full disk") return undefined;
  const whole = chance(random, 0.4);
  return {
    milliseconds: whole ? 1.05 * run.milliseconds * random.uniform() : 400 * random.uniform() ** 2,
    ...(!whole && { folder: chance(random, 0.3) ? out : join(out, "config.json") }),
    act(child) {
      if (way !== "closed pipe") child.kill(way);
      else for (const pipe of [child.stdout, child.stderr]) pipe!.destroy();
    },
  };
}

function checkEnding(way: KillsGroup, ended: Ended): void {
  const how = ended.signal ?? ended.status!;
  const isRaw = /\n\s+at \S.*:\d+:\d+|unexpected error|node:internal/.test(ended.stderr);
  if (isRaw) throw new FaultFound("rawErrors", describe(ended));
  // Status 0 is right too: the run may finish before it is told to stop, or while it stops.
  if (how === 0 || endings[way].includes(how)) return;
  throw new FaultFound("rawErrors", `an ending that is not documented: ${describe(ended)}`);
}

function checkSame(found: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): void {
  const names = [...found.keys()].join();
  if (names !== [...wanted.keys()].join())
    throw new FaultFound("silentDifferences", `the folder holds ${names}`);
  for (const [name, content] of wanted) {
    const [lines, others] = [content.split("\n"), found.get(name)!.split("\n")];
    const line = lines.findIndex((text, i) => text !== others[i]);
    if (line < 0 && lines.length === others.length) continue;
    const which = `line ${line + 1} of ${name} is ${others[line]} and not ${lines[line]}`;
    throw new FaultFound("silentDifferences", which);
  }
}

const describe = ({ status, signal, stderr }: Ended) =>
  `${signal ?? `status ${status}`}: ${stderr.slice(-600)}`;

function mountDisk(folder: string, bytes: number, how = ""): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `${how}size=${bytes}`, "lilaw-reliability", folder]);
}
