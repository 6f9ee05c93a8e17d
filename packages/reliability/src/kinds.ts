import type { Kind, KindName } from "./kind.js";

/** Loads a kind of cases. Each is loaded only when it is asked for, because its packages take time and memory. */
export async function kindOf(name: KindName): Promise<Kind> {
  const loaders: Record<KindName, () => Promise<unknown>> = {
    calls: async () => (await import("./calls/index.js")).calls,
    files: async () => (await import("./files/index.js")).files,
    kills: async () => (await import("./kills/index.js")).kills,
    faulty: async () => (await import("./faulty.js")).faulty,
  };
  return (await loaders[name]()) as Kind;
}
