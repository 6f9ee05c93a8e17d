import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The path of a Chromium on PATH, or undefined. */
export function findChromium(): string | undefined {
  return ["chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}
