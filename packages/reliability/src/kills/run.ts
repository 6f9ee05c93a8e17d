/** `lilaw train` as a process of its own, and what its run folder holds in the end. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "@lilaw/core";
import { FaultFound } from "../kind.js";

const main = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** The end of a process: `act` after `milliseconds`, counted from its start or from its first file in `folder`. */
export interface Disturbance {
  readonly milliseconds: number;
  readonly folder?: string;
  act(child: ReturnType<typeof spawn>): void;
}

/** Far longer than any run here takes. */
const limitSeconds = 60;

export function lilaw(args: readonly string[], disturbance?: Disturbance): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stdout.resume();
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const timers: NodeJS.Timeout[] = [];
  if (disturbance) {
    const { milliseconds, folder, act } = disturbance;
    const arm = () => timers.push(setTimeout(() => act(child), milliseconds));
    if (folder === undefined) arm();
    else {
      const watch = setInterval(() => {
        if (!existsSync(folder)) return;
        clearInterval(watch);
        arm();
      }, 1);
      timers.push(watch);
    }
  }
  let hangs = false;
  timers.push(
    setTimeout(() => {
      hangs = true;
      child.kill("SIGKILL");
    }, 1000 * limitSeconds),
  );
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    // Not "close", which waits for pipes that the disturbance may have closed.
    child.on("exit", (status, signal) => {
      for (const timer of timers) clearTimeout(timer);
      if (hangs)
        return reject(
          new FaultFound("hangs", `lilaw ${args.slice(0, 3).join(" ")} ran for ${limitSeconds} s: ${stderr}`),
        );
      setImmediate(() => resolve({ status, signal, stderr }));
    });
  });
}

/** Three clouds of points, as a table. */
export async function writeClouds(path: string): Promise<void> {
  const random = Random.from(1, "clouds");
  const lines = Array.from({ length: 240 }, (_, i) => {
    const [x, y] = [(i % 3) - 1, i % 2].map((center) => (center + 0.7 * random.normal()).toFixed(4));
    return `${x},${y},c${i % 3}`;
  });
  await writeFile(path, ["x,y,label", ...lines, ""].join("\n"));
}

/**
 * The content that must not depend on how a run was disturbed: names of all files, tables, and everything else but
 * the times.
 */
export async function contentsOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).map((entry) => {
    return [join(entry.parentPath, entry.name), entry.isFile()] as const;
  });
  const contents = new Map<string, string>();
  for (const [path, isFile] of names.sort()) {
    const name = path.slice(folder.length + 1);
    contents.set(name, isFile && name !== "config.json" ? timeless(name, await readFile(path, "utf8")) : "");
  }
  return contents;
}

function timeless(name: string, text: string): string {
  if (!/\.jsonl?$/.test(name)) return text;
  const documents = name.endsWith(".jsonl") ? text.split("\n").filter((line) => line !== "") : [text];
  // Checksums of documents cover times, and that of config.json, by which a run is named, covers when it began.
  const times = ["seconds", "stepsPerSecond", "sha256", "run"];
  const without = (key: string, value: unknown) => (times.includes(key) ? undefined : value);
  return documents.map((document) => JSON.stringify(JSON.parse(document), without)).join("\n");
}
