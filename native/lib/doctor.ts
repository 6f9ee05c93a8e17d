import { arch, cpus, platform, release } from "node:os";
import type { CudaInfo, NativeBinding } from "./binding.js";
import { type LoadAttempt, libc, load, remedies } from "./load.js";

/** The platform, the addon and the kernels found on this machine, and the reasons why faster ones are missing. */
export interface Diagnosis {
  readonly node: string;
  readonly system: string;
  readonly libc: string | undefined;
  readonly processor: string;
  /** The addon and its source, or null */
  readonly addon: { readonly source: string; readonly path: string; readonly version: string } | null;
  readonly failures: readonly LoadAttempt[];
  /** Instruction set and threads of the CPU kernels, or the reason why they do not run; null without an addon */
  readonly cpu: { readonly isa: string; readonly threads: number } | { readonly reason: string } | null;
  readonly cuda: CudaInfo;
  /** Commands that would help; empty if nothing is missing */
  readonly remedies: readonly string[];
}

export function diagnose(): Diagnosis {
  const found = load();
  const { binding } = found;
  return {
    node: process.version,
    system: `${platform()} ${release()} ${arch()}`,
    libc: libc(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    addon: binding && { source: found.source, path: found.path, version: binding.version },
    failures: found.failures,
    cpu: binding && diagnoseCpu(binding),
    cuda: binding?.cudaInfo() ?? { reason: "there is no addon" },
    remedies: binding ? [] : remedies(),
  };
}

function diagnoseCpu(binding: NativeBinding): NonNullable<Diagnosis["cpu"]> {
  try {
    return { isa: binding.cpuIsa(), threads: binding.threads() };
  } catch (error) {
    // LILAW_CPU names an instruction set that does not run here.
    return { reason: (error as Error).message };
  }
}

function describeCpu(cpu: Diagnosis["cpu"]): string {
  if (!cpu) return "none";
  return "reason" in cpu ? `none: ${cpu.reason}` : `${cpu.isa}, ${cpu.threads} threads`;
}

const cudaVersion = (version: number | undefined) =>
  version ? `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}` : "none";

function describeCuda({ reason, driver, runtime, devices = [] }: CudaInfo): string[] {
  if (devices.length === 0) return [`none: ${reason ?? "no device"}`];
  return [
    `driver ${cudaVersion(driver)}, runtime ${cudaVersion(runtime)}`,
    ...devices.map(
      (device, i) =>
        `${i}: ${device.name}, compute capability ${device.computeCapability}, ` +
        `${device.multiprocessors} multiprocessors, ${(device.memoryBytes / 2 ** 30).toFixed(0)} GiB`,
    ),
  ];
}

/** The diagnosis as lines for people. */
export function describe(diagnosis: Diagnosis): string {
  const { addon, cpu, failures } = diagnosis;
  const sections: [string, string[]][] = [
    ["node", [diagnosis.node]],
    ["system", [[diagnosis.system, diagnosis.libc].filter(Boolean).join(", ")]],
    ["processor", [diagnosis.processor]],
    ["addon", [addon ? `${addon.version}, ${addon.source}, ${addon.path}` : "none"]],
    ["not loaded", failures.map(({ source, path, reason }) => `${source} ${path}: ${reason}`)],
    ["cpu kernels", [describeCpu(cpu)]],
    ["cuda", describeCuda(diagnosis.cuda)],
    ["what helps", [...diagnosis.remedies]],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .flatMap(([title, texts]) =>
      texts
        .flatMap((text) => text.split("\n").flatMap(folded))
        .map((line, i) => `${(i === 0 ? title : "").padEnd(indent)}${line}`),
    )
    .join("\n");
}

const indent = 13;
const width = 120;

/** Wraps a text between words to the width that a title leaves; a longer word, such as a path, stays whole. */
function folded(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= width - indent) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
