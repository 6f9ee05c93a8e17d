/** Functions of `node:util` that tfjs-node 4.22 calls and newer Node versions (23 and later) no longer have. */
const removed = {
  isArray: Array.isArray,
  isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
};

/** Adds those that a `node:util` lacks, and changes none that it has. */
export function mendUtil(util: Partial<typeof removed>): void {
  for (const [name, implementation] of Object.entries(removed)) {
    if (!(name in util)) Object.assign(util, { [name]: implementation });
  }
}
