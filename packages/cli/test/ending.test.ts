/** How the command ends when what surrounds it fails: signals, pipes, disks. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished, type TestContext } from "vitest";
import { contentsOf, type Ended, lilaw, longRun, main, scratch } from "./support.js";

/** Files of the training data, and what a run that nothing disturbed made of them. */
let data: string;
let whole: Awaited<ReturnType<typeof contentsOf>>;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "lilaw-cli-"));
  expect(await lilaw([...(await longRun(data)), "--out", join(data, "whole")])).toMatchObject({ status: 0 });
  whole = await contentsOf(join(data, "whole"));
  return () => rm(data, { recursive: true, force: true });
});

const command = async (out: string) => [...(await longRun(data)), "--out", out];

async function expectResumable(folder: string): Promise<void> {
  expect(await lilaw(["train", "--resume", folder])).toMatchObject({ status: 0 });
  expect(await contentsOf(folder)).toEqual(whole);
}

const partsIn = async (folder: string) =>
  (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".part"));

describe("a signal", () => {
  it("SIGHUP stops a run as SIGTERM does", async () => {
    const out = join(await scratch(), "run");
    const when = { signal: "SIGHUP", when: /l2rw, seed 1, epoch 2/ } as const;
    expect(await lilaw(await command(out), when)).toMatchObject({ status: 130, signal: null });
    await expectResumable(out);
  });
});

describe("the command that finishes a stopped run", () => {
  it.each([
    ["lilaw", ""],
    ["npx @lilaw/cli", "npm/11.0.0 node/v20.19.0 linux x64"],
  ])("is %s where the package manager is %j", async (lilawHere, agent) => {
    const out = join(await scratch(), "my runs", "it's one");
    const stopped = await lilaw(
      await command(out),
      { signal: "SIGTERM", when: "folder" },
      { npm_config_user_agent: agent },
    );
    const quoted = `'${out.replace("'", "'\\''")}'`;
    expect(stopped.stderr.trimEnd().split("\n").at(-1)).toBe(`  ${lilawHere} train --resume ${quoted}`);
    expect(execFileSync("sh", ["-c", `echo ${quoted}`], { encoding: "utf8" })).toBe(`${out}\n`);
  });
});

describe("an output that nobody reads any more", () => {
  /** Runs the command in a shell, as `$LILAW`; how each program of the last pipe ended. */
  async function inShell(script: string): Promise<Ended & { statuses: string }> {
    const lilaw = `'${process.execPath}' '${main}'`;
    const child = spawn(
      "bash",
      ["-c", `lilaw() { ${lilaw} "$@"; }; ${script}; echo "\${PIPESTATUS[*]}" >&2`],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const ended: Ended = { status: null, signal: null, stdout: "", stderr: "" };
    child.stdout.on("data", (text) => {
      ended.stdout += text;
    });
    child.stderr.on("data", (text) => {
      ended.stderr += text;
    });
    ended.status = await new Promise((resolve) => child.on("close", resolve));
    return { ...ended, statuses: ended.stderr.trimEnd().split("\n").at(-1)! };
  }

  const words = (args: readonly string[]) => args.map((word) => `'${word}'`).join(" ");

  it("stops the run, quietly, with the status of SIGPIPE", async () => {
    const out = join(await scratch(), "run");
    const ended = await inShell(`lilaw ${words(await command(out))} 2>&1 | sed '/epoch 2/q'`);
    expect(ended).toMatchObject({ statuses: "141 0", stderr: "141 0\n" });
    expect(ended.stdout).toMatch(/, epoch 2\/12: .+\n$/);
    expect(existsSync(join(out, "summary.json"))).toBe(false);
    await expectResumable(out);
  });

  it("stops it too where only the progress is not read", async () => {
    const out = join(await scratch(), "run");
    const ended = await inShell(`lilaw ${words(await command(out))} 2> >(sed '/epoch 2/q' > /dev/null)`);
    expect(ended).toMatchObject({ statuses: "141", stdout: "" });
    await expectResumable(out);
  });

  it("begins nothing where it goes away at once", async () => {
    const out = join(await scratch(), "run");
    const ended = await inShell(`lilaw ${words(await command(out))} 2>&1 | head -n 1`);
    expect(ended).toMatchObject({ statuses: "141 0", stdout: "backend cpu\n" });
    expect(existsSync(out)).toBe(false);
  });

  it("loses no results of a run that is finished", async () => {
    const ended = await inShell(`lilaw train --resume '${join(data, "whole")}' --quiet --json | true`);
    expect(ended).toMatchObject({ statuses: "141 0", stderr: "141 0\n" });
    expect(await contentsOf(join(data, "whole"))).toEqual(whole);
  });

  it("is no error of --help", async () => {
    const ended = await inShell("lilaw train --help | true");
    expect(ended.stderr).toMatch(/^(141|0) 0\n$/);
  });

  it.skipIf(!existsSync("/dev/full"))("is an error where the disk behind it is full", async () => {
    const child = spawn(process.execPath, [main, "train", "--resume", join(data, "whole"), "--quiet"], {
      stdio: ["ignore", openSync("/dev/full", "w"), "pipe"],
    });
    let stderr = "";
    child.stderr!.on("data", (text) => {
      stderr += text;
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect(stderr).toMatch(/^error: Expected an output that can be written .+ENOSPC.+ \(NOT_WRITABLE\)\n$/);
    expect(status).toBe(2);
  });
});

describe("a run folder", () => {
  const refused = (reason: string) => ({
    status: 2,
    stdout: "",
    stderr: expect.stringMatching(
      new RegExp(`^error: Expected a folder that can be written .+${reason}.+ \\(NOT_WRITABLE\\)$`, "m"),
    ),
  });

  it("that is deleted is told, and does not come back", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    // Out of the way first: what is deleted piece by piece can get new files meanwhile.
    const gone = () => {
      renameSync(out, `${out}-gone`);
      rmSync(`${out}-gone`, { recursive: true });
    };
    const ended = await lilaw(await command(out), { when: /l2rw, seed 1, epoch 2/, signal: gone });
    expect(ended).toMatchObject(refused("ENOENT"));
    expect(ended.stderr).not.toContain("--resume");
    expect(await readdir(folder)).toEqual([]);
  });

  it("that lost its config.json is told, and gets nothing more", async () => {
    const out = join(await scratch(), "run");
    let before: Promise<unknown> | undefined;
    const lose = () => {
      rmSync(join(out, "config.json"));
      before = snapshot(out);
    };
    const ended = await lilaw(await command(out), { when: /l2rw, seed 1, epoch 2/, signal: lose });
    expect(ended).toMatchObject(refused("ENOENT"));
    expect(await snapshot(out)).toEqual(await before);
  });

  it("that is moved can be resumed where it is", async () => {
    const out = join(await scratch(), "run");
    const move = () => renameSync(out, `${out}-moved`);
    const ended = await lilaw(await command(out), { when: /l2rw, seed 1, epoch 2/, signal: move });
    expect(ended).toMatchObject(refused("ENOENT"));
    await expectResumable(`${out}-moved`);
  });

  it("that is a file is refused", async () => {
    const out = join(await scratch(), "run");
    writeFileSync(out, "");
    expect(await lilaw(await command(out))).toMatchObject({ status: 2 });
  });

  describe("on a disk of its own", () => {
    /** Mounts a small disk in memory; its folder. */
    async function disk(skip: TestContext["skip"]): Promise<string> {
      const folder = join(await scratch(), "disk");
      await mkdir(folder);
      const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], {
        encoding: "utf8",
      });
      const reason = mount.stderr?.split("\n")[0] || mount.error?.message;
      skip(mount.status !== 0, `no disk can be mounted here: ${reason}`);
      onTestFinished(() => void execFileSync("umount", ["-l", folder]));
      return folder;
    }

    /** Writes a file until nothing more fits. */
    function fill(file: string): void {
      const block = new Uint8Array(1024);
      try {
        for (;;) writeFileSync(file, block, { flag: "a" });
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
      }
    }

    for (const moment of ["lilaw, seed 1, epoch 1/", "l2rw, seed 2, epoch 11/"]) {
      it(`that is full after ${moment}12 keeps its last epoch, and goes on when there is room`, async ({
        skip,
      }) => {
        const folder = await disk(skip);
        const [out, filler] = [join(folder, "run"), join(folder, "filler")];
        const ended = await lilaw(await command(out), {
          when: new RegExp(moment),
          signal: () => fill(filler),
        });
        expect(ended).toMatchObject(refused("ENOSPC"));
        expect(ended.stderr).toMatch(new RegExp(`train --resume ${out}\n$`));
        expect(await partsIn(out)).toEqual([]);
        // Still full: nothing gets worse.
        const before = await snapshot(out);
        expect(await lilaw(["train", "--resume", out])).toMatchObject({ status: 2 });
        expect(await snapshot(out)).toEqual(before);
        await rm(filler);
        await expectResumable(out);
      });
    }

    it("that is full from the beginning leaves nothing", async ({ skip }) => {
      const folder = await disk(skip);
      fill(join(folder, "filler"));
      expect(await lilaw(await command(join(folder, "deep", "run")))).toMatchObject(refused("ENOSPC"));
      expect(await readdir(folder)).toEqual(["filler"]);
    });

    it("that becomes read-only is told, and goes on when it can be written", async ({ skip }) => {
      const folder = await disk(skip);
      const out = join(folder, "run");
      // A disk in use cannot be made read-only; another view of it, laid over it, can.
      const signal = () => {
        execFileSync("mount", ["--bind", folder, folder]);
        execFileSync("mount", ["-o", "remount,ro,bind", folder, folder]);
      };
      const ended = await lilaw(await command(out), { when: /l2rw, seed 1, epoch 2/, signal });
      expect(ended).toMatchObject(refused("EROFS"));
      expect(await lilaw(["train", "--resume", out])).toMatchObject(refused("EROFS"));
      execFileSync("umount", ["-l", folder]);
      await expectResumable(out);
    });
  });
});

/** All files of a folder with their content. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) =>
    one.isFile(),
  );
  const contents = files.map(async ({ parentPath, name }) => {
    const file = join(parentPath, name);
    return [file, await readFile(file, "base64")] as const;
  });
  return Object.fromEntries(await Promise.all(contents));
}
