import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump } from "npyjs";
import { onTestFinished } from "vitest";

/** A temporary folder, which is removed after the test. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lilaw-files-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** Writes one file into a folder of its own. */
export async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(await scratch(), name);
  await writeFile(path, content);
  return path;
}

/** CSV of `count` rows, each the cells that `row` gives. */
export function csv(header: string, count: number, row: (i: number) => string): string {
  return `${header}\n${Array.from({ length: count }, (_, i) => `${row(i)}\n`).join("")}`;
}

/** An NPY array of text of `length` characters. */
export function textArray(texts: readonly string[], length: number): Uint8Array {
  const header = `{'descr': '<U${length}', 'fortran_order': False, 'shape': (${texts.length},), }\n`;
  const codes = new Uint32Array(texts.length * length);
  texts.forEach((text, i) => {
    codes.set(
      [...text].map((character) => character.codePointAt(0)!),
      i * length,
    );
  });
  const start = [0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8];
  return Buffer.concat([Buffer.from(start), Buffer.from(header), Buffer.from(codes.buffer)]);
}

export function npyOf(...args: Parameters<typeof dump>): Uint8Array {
  return new Uint8Array(dump(...args));
}
