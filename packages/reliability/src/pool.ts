/** Runs the cases of a kind in child processes, watches them, and counts how they end. */
import { fork } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Fault, type Finding, groupOf, type Kind } from "./kind.js";
import { type Message, slotFile } from "./protocol.js";

export interface Wanted {
  readonly seed: number;
  /** Number of the first case. */
  readonly from: number;
  /** Number of the one after the last. */
  readonly to: number;
  /** No chunk of cases begins after this time. */
  readonly seconds?: number | undefined;
  /** Processes at a time. Default: as many as there are processors */
  readonly jobs?: number | undefined;
  /** Called with every finding, at once. */
  onFinding?(finding: Finding): void;
  /** Called when a chunk of cases is done. */
  onProgress?(done: number): void;
}

export interface Tally {
  count: number;
  right: number;
  refused: number;
  readonly faults: Record<Fault, number>;
}

export interface Report {
  readonly groups: ReadonlyMap<string, Tally>;
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

const program = fileURLToPath(new URL("child.js", import.meta.url));
const pollMilliseconds = 100;

export async function runCases(kind: Kind, wanted: Wanted): Promise<Report> {
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const groups = new Map<string, Tally>();
  const findings: Finding[] = [];
  let next = wanted.from;
  let done = 0;

  const work = async () => {
    while (next < wanted.to && (wanted.seconds === undefined || elapsed() < wanted.seconds)) {
      const from = next;
      next = Math.min(wanted.to, from + kind.chunk);
      await chunk(from, next);
    }
  };
  /** Runs a chunk. Where a case ends its process, another process continues with the next case. */
  const chunk = async (from: number, to: number) => {
    for (let at = from; at < to; ) {
      const ended = await runChild(kind, wanted.seed, at, to, (message) => {
        if (message === "done") return;
        if ("finding" in message) return note(message.finding);
        for (const outcome of ["right", "refused"] as const) {
          for (const [group, count] of Object.entries(message[outcome])) tallyOf(group)[outcome] += count;
        }
      });
      if (ended !== undefined) note(ended);
      const reached = ended === undefined ? to : ended.index + 1;
      for (let i = at; i < reached; i++) tallyOf(groupOf(kind, i)).count++;
      done += reached - at;
      at = reached;
      wanted.onProgress?.(done);
    }
  };
  const tallyOf = (group: string): Tally => {
    const none = {
      count: 0,
      right: 0,
      refused: 0,
      faults: { crashes: 0, hangs: 0, rawErrors: 0, silentDifferences: 0 },
    };
    const tally = groups.get(group) ?? none;
    groups.set(group, tally);
    return tally;
  };
  const note = (finding: Finding) => {
    findings.push(finding);
    tallyOf(finding.group).faults[finding.fault]++;
    wanted.onFinding?.(finding);
  };

  await Promise.all(Array.from({ length: wanted.jobs ?? availableParallelism() }, work));
  return { groups, findings, seconds: elapsed() };
}

/** Runs one child. @returns the finding that ended it early, with the number of its case */
function runChild(
  kind: Kind,
  seed: number,
  from: number,
  to: number,
  onMessage: (message: Message) => void,
): Promise<Finding | undefined> {
  const folder = mkdtempSync(join(scratch, "lilaw-reliability-"));
  const child = fork(program, [kind.name, ...[seed, from, to].map(String), folder], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "advanced",
  });
  let complaint = "";
  child.stderr!.setEncoding("utf8").on("data", (text) => {
    complaint = (complaint + text).slice(-2000);
  });
  let complete = false;
  child.on("message", (message: Message) => {
    complete ||= message === "done";
    onMessage(message);
  });

  let killed: { fault: Fault; message: string } | undefined;
  const kill = (fault: Fault, message: string) => {
    killed ??= { fault, message };
    child.kill("SIGKILL");
  };
  // Undefined at first: the start of a child does not count for its first case.
  let atCase: number | undefined;
  let since = performance.now();
  let memoryBefore: number | undefined;
  const watch = setInterval(() => {
    const current = readSlot(folder);
    const memory = residentBytes(child.pid!);
    if (current === undefined || memory === undefined) return;
    memoryBefore ??= memory;
    if (memory > memoryBefore + kind.limitBytes)
      kill("crashes", `more than ${kind.limitBytes} bytes of memory`);
    if (current !== atCase) {
      atCase = current;
      since = performance.now();
    } else if (performance.now() - since > 1000 * kind.limitSeconds) {
      kill("hangs", `not done after ${kind.limitSeconds} s`);
    }
  }, pollMilliseconds);

  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearInterval(watch);
      const index = readSlot(folder);
      rmSync(folder, { recursive: true, force: true });
      if (complete) return resolve(undefined);
      if (index === undefined)
        return reject(new Error(`cases of kind ${kind.name} cannot begin: ${complaint}`));
      const { fault, message } = killed ?? {
        fault: "crashes",
        message: `the process ended with ${signal ?? `status ${status}`}`,
      };
      const said = complaint.trim() && `: ${complaint.trim()}`;
      resolve({ group: groupOf(kind, index), seed, index, fault, message: message + said });
    });
  });
}

/** A file system in memory where there is one, since the cases write many files. */
const scratch = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

function readSlot(folder: string): number | undefined {
  try {
    const bytes = readFileSync(slotFile(folder));
    return bytes.length < 8 ? undefined : bytes.readDoubleLE();
  } catch {
    return undefined;
  }
}

/** Resident memory of a process; undefined where the system does not tell. */
function residentBytes(pid: number): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kibibytes === undefined ? 0 : 1024 * Number(kibibytes);
  } catch {
    return process.platform === "linux" ? undefined : 0;
  }
}
