/**
 * Makes the bundle: everything that run.sh needs to test and measure on a machine that has an NVIDIA GPU and Python with
 * PyTorch, but no checkout, no Node and no network.
 *
 *     npm run bench -- gpu [--out FOLDER]
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "@lilaw/bench/program";
import { Command } from "commander";
import { makeBundle } from "./bundle.js";

const build = fileURLToPath(new URL("../build/", import.meta.url));

const command = new Command("gpu")
  .option("--out <folder>", "where the bundle goes, a folder and beside it a .tar", join(build, "lilaw-gpu"))
  .exitOverride()
  .configureOutput({ writeErr: () => {} })
  .action(async ({ out }: { out: string }) => {
    const say = (what: string) => process.stderr.write(`making ${what}\n`);
    const bytes = await makeBundle(resolve(out), build, say);
    console.log(
      `${out}.tar: ${(bytes / 1e6).toFixed(1)} MB; unpack it on the other machine and call its run.sh`,
    );
  });

try {
  await command.parseAsync();
} catch (error) {
  fail(error);
}
