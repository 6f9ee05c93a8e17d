/** The native kernels as contenders: each instruction set, one thread or all, device memory. */
import { corePlan, type Plan } from "@lilaw/cli/bench";
import { cpuIsa, setCpuIsa, setThreads, threads } from "@lilaw/native";
import { native } from "./settings.js";

export const allThreads = threads();
export const best = cpuIsa();

/** Instruction sets that run here, the best first. */
export function instructionSets(): string[] {
  const worse = ["avx512", "avx2", "sse2", "neon", "baseline"].filter((isa) => isa !== best && runs(isa));
  return [best, ...worse];
}

function runs(isa: string): boolean {
  try {
    setCpuIsa(isa);
    return true;
  } catch {
    return false;
  } finally {
    setCpuIsa();
  }
}

/** The native kernels through @lilaw/core. */
export function nativePlan(isa = best, count = allThreads): Plan {
  const where = `${isa}, ${threadCount(count)}`;
  const isDefault = isa === best && count === allThreads;
  return corePlan(isDefault ? native : `${native} ${where}`, "cpu", where, {
    apply() {
      setCpuIsa(isa);
      setThreads(count);
    },
    restore() {
      setCpuIsa();
      setThreads(0);
    },
  });
}

export function threadCount(count: number): string {
  return `${count} thread${count === 1 ? "" : "s"}`;
}
