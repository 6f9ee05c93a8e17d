// The built files, since the child processes run them.
import { type KindName, kindOf, runCases } from "@lilaw/reliability";
import { describe, expect, it } from "vitest";

describe.each([
  { name: "calls", cases: 4000 },
  { name: "files", cases: 2300 },
  { name: "kills", cases: 5 },
] as const)("$name", ({ name, cases }) => {
  it(`${cases} cases end as they should`, async () => {
    const kind = await kindOf(name);
    const { groups, findings } = await runCases(kind, { seed: 1, from: 0, to: cases, jobs: 2 });
    expect(findings).toEqual([]);
    const count = [...groups.values()].reduce((sum, group) => sum + group.count, 0);
    expect(count).toBe(cases);
    // Some cases are refused and some carried out, which shows that both are tried.
    expect(Math.max(...[...groups.values()].map((group) => group.right))).toBeGreaterThan(0);
    if (name !== "kills") {
      expect(Math.max(...[...groups.values()].map((group) => group.refused))).toBeGreaterThan(0);
    }
  });
});

describe("the watch", () => {
  it("finds every wrong way to end, and goes on behind it", async () => {
    const kind = await kindOf("faulty" satisfies KindName);
    const { groups, findings } = await runCases(kind, { seed: 1, from: 0, to: 20, jobs: 1 });
    const found = findings.map(({ group, fault }) => `${group}: ${fault}`).sort();
    const each = [
      ...[
        "aborts: crashes",
        "differs: silentDifferences",
        "exits: crashes",
        "hangs: hangs",
        "hoards: crashes",
      ],
      ...["never settles: hangs", "throws later: rawErrors", "throws: rawErrors"],
    ];
    expect(found).toEqual(each.flatMap((one) => [one, one]));
    expect([...groups.values()].reduce((sum, { count }) => sum + count, 0)).toBe(20);
  });

  it("gives the same cases for the same seed, in any number of processes", async () => {
    const kind = await kindOf("files");
    const run = async (jobs: number) => {
      const { groups } = await runCases({ ...kind, chunk: 170 }, { seed: 3, from: 0, to: 340, jobs });
      // Files of runs contain times.
      const timeless = ["npz", "npy", "csv", "tsv", "arff", "idx", "gz", "tgz", "zip"];
      return timeless.map((group) => ({ group, ...groups.get(group) }));
    };
    expect(await run(1)).toEqual(await run(2));
  });
});
