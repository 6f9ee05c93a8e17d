/**
 * Writes the tables of the README of @lilaw/native from the results beside this folder, between its markers.
 *
 *     pnpm --filter @lilaw/benchmark-kernels tables
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";

type Row = Record<string, string>;

const readme = fileURLToPath(new URL("../../../native/README.md", import.meta.url));

function read(name: string): Row[] {
  return parse(readFileSync(new URL(`../results/${name}.csv`, import.meta.url)), { columns: true });
}

/** To so many digits, without an exponent. */
const digits = (x: number, count: number) => Number(x.toPrecision(count)).toLocaleString("en");

const microseconds = (row: Row) => Number(row.microseconds_p20);

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** One shape a line: microseconds of the first contender, and how many times as long the others take. */
function ratios(rows: Row[], first: string, others: string[], unit: string): string {
  const shapes = [...new Set(rows.map((row) => row.shape!))];
  const time = (shape: string, contender: string) =>
    microseconds(rows.find((row) => row.shape === shape && row.contender === contender)!);
  return table(
    ["shape", `${first} (${unit})`, ...others],
    shapes.map((shape) => [
      shape,
      digits(time(shape, first), 3),
      ...others.map((other) => `${digits(time(shape, other) / time(shape, first), 2)}×`),
    ]),
  );
}

const origin = ({ machine, date, isa, threads, load_before, torch, node }: Row) =>
  `${machine}, ${isa}, ${threads} thread${threads === "1" ? "" : "s"}, ${torch ? `PyTorch ${torch}` : `Node ${node}`}, ` +
  `${date}; load of the machine before: ${load_before}`;

function pytorch(threads: number): string {
  const rows = read(`pytorch-${threads}-threads`);
  const others = ["eager", "torch.compile", "plain cross-entropy", "memcpy"];
  return `${ratios(rows, "native", others, "µs")}\n\n(${origin(rows[0]!)})`;
}

function javascript(): string {
  const rows = read("javascript");
  const others = ["@lilaw/native", "@lilaw/core, cpu", "@lilaw/core, reference"];
  return `${ratios(rows, "addon", others, "µs")}\n\n(${origin(rows[0]!)})`;
}

function replace(text: string, name: string, content: string): string {
  const marked = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
  if (!marked.test(text)) throw new Error(`Expected the marker ${name} in ${readme} but found none`);
  return text.replace(marked, (_, start, end) => `${start}\n${content}\n\n${end}`);
}

let text = readFileSync(readme, "utf8");
text = replace(text, "pytorch-1-threads", pytorch(1));
text = replace(text, "pytorch-2-threads", pytorch(2));
text = replace(text, "javascript", javascript());
writeFileSync(`${readme}.part`, text);
renameSync(`${readme}.part`, readme);
