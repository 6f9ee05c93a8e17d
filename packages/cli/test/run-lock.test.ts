import { spawnSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RunLock } from "../src/run-lock.js";
import { scratch } from "./support.js";

/** Takes the lock in a process that no file permission is waived for, and tells how that went. */
function takeAsUser(folder: string): string {
  const url = new URL("../dist/run-lock.js", import.meta.url).href;
  const program = `
    import { RunLock } from ${JSON.stringify(url)};
    if (process.getuid() === 0) process.seteuid(65534);
    const taken = new RunLock().take(${JSON.stringify(folder)});
    console.log(await taken.then(() => "taken", (error) => error.code + " " + error.message));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
  });
  return stdout + stderr;
}

describe("RunLock", () => {
  it.skipIf(process.platform === "win32")("refuses a folder whose config.json is read-only", async () => {
    const folder = await scratch();
    await chmod(folder, 0o755);
    const config = join(folder, "config.json");
    await writeFile(config, "{}", { mode: 0o444 });
    expect(takeAsUser(folder)).toMatch(/^NOT_WRITABLE Expected a folder that can be written .+config\.json/);
    await chmod(config, 0o666);
    expect(takeAsUser(folder)).toBe("taken\n");
  });

  it("leaves it to the reader of the folder to refuse one without such a file", async () => {
    const folder = await scratch();
    const lock = new RunLock();
    await lock.take(folder);
    await lock.take(join(folder, "nowhere"));
    await mkdir(join(folder, "config.json"));
    await lock.take(folder);
    await lock.release();
  });
});
