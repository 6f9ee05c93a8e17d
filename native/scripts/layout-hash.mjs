/** Writes the fingerprint of the built addon's layout into lib/layout-hash.ts. Run it after a change of that layout. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const { layoutHash } = createRequire(import.meta.url)("../build/Release/lilaw.node");
const file = fileURLToPath(new URL("../lib/layout-hash.ts", import.meta.url));
const text = readFileSync(file, "utf8");
writeFileSync(file, text.replace(/layoutHash = ".*"/, `layoutHash = "${layoutHash}"`));
console.log(`layout hash ${layoutHash}`);
