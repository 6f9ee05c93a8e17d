import { cp, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { parseTarGzip } from "nanotar";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicPackages } from "./public-packages.js";
import {
  compile,
  consumersFolder,
  folderName,
  ownDependencies,
  pack,
  packageFolder,
  readJson,
  remove,
  repository,
  run,
  temporaryFolder,
  writeJson,
} from "./workshop.js";

const tarballs = new Map<string, string>();
let store: string;

beforeAll(async () => {
  store = await temporaryFolder();
  for (const { name } of publicPackages) tarballs.set(name, await pack(name, store));
});
afterAll(() => remove(store));

test("every public package of the workspace is tested here", async () => {
  const output = await run(
    join(repository, "node_modules/.bin/pnpm"),
    ["list", "-r", "--depth=-1", "--json"],
    repository,
  );
  const workspace = JSON.parse(output) as { name: string; private?: boolean }[];
  const published = workspace.filter((project) => !project.private).map((project) => project.name);
  expect(publicPackages.map(({ name }) => `@lilaw/${name}`).sort()).toEqual(published.sort());
});

test("npx is never told with the name of a program, which outside of an installation is another package", async () => {
  const listed = await run("git", ["ls-files", "-z", "*.md", "*.ts", "*.mjs"], repository);
  const files = listed.split("\0").filter((file) => file !== "");
  const texts = await Promise.all(files.map((file) => readFile(join(repository, file), "utf8")));
  const programs = publicPackages.flatMap((one) => Object.keys(one.programs ?? {}));
  expect(programs).toContain("lilaw");
  const wrong = new RegExp(`\\bnpx (${programs.join("|")})(?![-\\w])`);
  expect(files.filter((_, i) => wrong.test(texts[i]!))).toEqual([]);
});

for (const promised of publicPackages) {
  const { name, exports, entries = {}, consumers = [], peers = [], checkAllTypes, programs = {} } = promised;
  const specifier = `@lilaw/${name}`;

  describe(specifier, () => {
    const tarball = () => tarballs.get(name)!;

    describe("the tarball", () => {
      test("holds what it needs, no tests, no build state and no path of the machine that built it", async () => {
        const files = await parseTarGzip(await readFile(tarball()));
        const names = files.map((file) => relative("package", file.name));

        expect(names).toEqual(expect.arrayContaining(["package.json", "README.md", "LICENSE"]));
        expect(names.filter((file) => /(^|\/)tests?\/|\.test\.|tsbuildinfo|node_modules/.test(file))).toEqual(
          [],
        );
        const local = [repository, `${homedir()}/`, "file:///"];
        const telltale = files.filter((file) => local.some((path) => file.text.includes(path)));
        expect(telltale.map((file) => file.name)).toEqual([]);
      });

      test("asks for its dependencies by versions that a registry knows", async () => {
        const files = await parseTarGzip(await readFile(tarball()));
        const manifest = files.find((file) => file.name === "package/package.json")!.text;
        expect(manifest).not.toMatch(/"(workspace|file|link|catalog):/);
      });

      test("has entry points that every kind of user can resolve", async () => {
        const bytes = await readFile(tarball());
        const { messages, pkg } = await publint({
          level: "warning",
          pack: { tarball: new Uint8Array(bytes).buffer },
        });
        expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
      });
    });

    describe("installed by npm in an empty project", () => {
      let project: string;

      beforeAll(async () => {
        project = await temporaryFolder();
        await writeJson(join(project, "package.json"), {
          name: "consumer",
          private: true,
          type: "module",
        });
        const named = peers.filter((peer) => peer.startsWith("@lilaw/")).map(folderName);
        const needed = await Promise.all(
          [name, ...named].map(async (one) => [one, ...(await ownDependencies(one))]),
        );
        const own = [...new Set(needed.flat())].map((one) => tarballs.get(one)!);
        const published = peers.filter((peer) => !peer.startsWith("@lilaw/"));
        const options = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"];
        await run("npm", ["install", ...options, ...own, ...published], project);
      });
      afterAll(() => remove(project));

      const main: Record<string, readonly string[]> = exports ? { [specifier]: exports } : {};
      const all = {
        ...main,
        ...Object.fromEntries(Object.entries(entries).map(([k, v]) => [`${specifier}/${k}`, v])),
      };

      test.for(Object.entries(all))("%s gives the same to import and to require", async ([entry, names]) => {
        const asModule = `import * as all from "${entry}"; console.log(JSON.stringify(Object.keys(all)))`;
        const asCommonJs = `console.log(JSON.stringify(Object.keys(require("${entry}"))))`;
        const imported = JSON.parse(await run("node", ["--input-type=module", "-e", asModule], project));
        const required = JSON.parse(await run("node", ["--input-type=commonjs", "-e", asCommonJs], project));

        expect(imported).toEqual(expect.arrayContaining([...names]));
        expect(required.sort()).toEqual(imported.sort());
      });

      const programsOfUsers = exports ? [name, ...consumers] : [];
      test.for(programsOfUsers)(
        "%s.ts works, and is typed, for a strict TypeScript user",
        async (consumer) => {
          await cp(join(consumersFolder, `${consumer}.ts`), join(project, "consumer.ts"));
          await writeFile(
            join(project, "commonjs.cts"),
            `import all = require("${specifier}");\nexport const names: string[] = Object.keys(all);\n`,
          );
          await writeJson(join(project, "tsconfig.json"), {
            compilerOptions: {
              ...{ target: "es2022", lib: ["es2023", "dom"], module: "nodenext", types: [], outDir: "out" },
              ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: !checkAllTypes },
            },
            files: ["consumer.ts", "commonjs.cts"],
          });
          await compile(project);
          expect(await run("node", [join("out", "consumer.js")], project)).toBe("works\n");
        },
      );

      test.for(Object.entries(programs))("the program %s runs", async ([program, word]) => {
        const { version } = await readJson(join(packageFolder(name), "package.json"));
        const installed = join(project, "node_modules", ".bin", program);
        expect(await run(installed, ["--version"], project)).toBe(`${version}\n`);
        expect(await run(installed, ["--help"], project)).toContain(word);
        // By the name of the package, which works where it is not installed too.
        expect(await run("npx", [specifier, "--version"], project)).toBe(`${version}\n`);
      });
    });
  });
}
