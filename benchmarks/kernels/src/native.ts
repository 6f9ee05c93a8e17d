/** The native kernels as variants: each instruction set, one thread or all, device memory. */
import { availableParallelism } from "node:os";
import { corePlan, type KernelPlan } from "@lilaw/bench/kernels";
import { load, setCpuIsa, setThreads } from "@lilaw/native";
import { native } from "./settings.js";

const { binding } = load();
/** The number of threads that the native kernels use by default; without the addon, the number of processors */
export const allThreads = binding?.threads() ?? availableParallelism();
export const best = binding?.cpuIsa() ?? "no addon";

/** The native kernels on every instruction set that runs here, the best first, with all threads and with one. */
export function nativePlans(): KernelPlan[] {
  if (binding === null) return [nativePlan()];
  const worse = ["avx512", "avx2", "sse2", "neon", "baseline"].filter((isa) => isa !== best && runs(isa));
  const counts = allThreads > 1 ? [allThreads, 1] : [1];
  return [best, ...worse].flatMap((isa) => counts.map((count) => nativePlan(isa, count)));
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
export function nativePlan(isa = best, count = allThreads): KernelPlan {
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
