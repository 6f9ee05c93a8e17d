import type { Reading, SplitName } from "@lilaw/datasets";
import wrapAnsi from "wrap-ansi";
import type { DataConfig } from "./config.js";
import { inFlags } from "./flags.js";

const width = 60;
const indent = 14;
/** Characters that a list may have: two lines. */
const listLength = 2 * (width - indent);
const nameLength = 30;
/** Names of formats that are not their extensions in capitals. */
const formatNames = new Map<Reading["format"], string>([
  ["images", "a folder of images"],
  ["parquet", "Parquet"],
]);

/**
 * Describes how the samples were understood, for people to check before they trust a result, in few lines of at most 60
 * columns.
 */
export function renderUnderstanding(data: DataConfig): string {
  const { reading, origins, classNames, classCounts } = data;
  const { trainSize, validSize, cleanSize } = data.seeds[0]!;
  const classes = classNames.map((name, label) => `${shown(name)} ${classCounts[label]}`);
  const entries: [label: string, text: string | undefined][] = [
    ["samples", samplesText(data)],
    ["label", reading && `${shown(reading.label.name)} (${inFlags(reading.label.reason)})`],
    ["classes", counted(classes)],
    ["numeric", featuresText(data, "numeric")],
    ["categorical", featuresText(data, "categorical")],
    ["left out", reading?.dropped?.length ? counted(reading.dropped.map(shown)) : undefined],
    ["training", samples(trainSize)],
    ["validation", [samples(validSize), origins.valid, ...rowsTexts(reading, "valid")].join(", ")],
    ["test", [samples(data.testSize), origins.test, ...rowsTexts(reading, "test")].join(", ")],
    [
      "clean",
      cleanSize === undefined
        ? origins.clean
        : [samples(cleanSize), origins.clean, ...rowsTexts(reading, "clean")].join(", "),
    ],
    ["corrections", correctionsText(data)],
    ["noise", origins.noise],
    ["true labels", origins.trueLabels],
  ];
  return ["data understood as", ...entries.flatMap(([label, text]) => (text ? entry(label, text) : []))].join(
    "\n",
  );
}

function samplesText({ name, reading, shape }: DataConfig): string {
  const values = shape.length === 1 ? `${shape[0]} values each` : `[${shape.join(", ")}] each`;
  if (!reading) return `${shown(name)}, ${values}`;
  return [
    `${shown(name)} (${formatNames.get(reading.format) ?? reading.format.toUpperCase()}), ${reading.rows.train!.read} rows`,
    ...rowsTexts(reading, "train"),
    values,
    ...(reading.layout ? [`images with ${reading.layout.replace("-", " ")} in the file`] : []),
  ].join(", ");
}

/** The numbers of rows with missing cells that were dropped and filled in the file of a split, if it has its own. */
function rowsTexts(reading: Reading | undefined, split: SplitName): string[] {
  const { dropped = 0, filled = 0 } = reading?.rows[split] ?? {};
  return [
    ...(dropped > 0 ? [`${dropped} dropped for missing cells`] : []),
    ...(filled > 0 ? [`${filled} with missing cells filled`] : []),
  ];
}

function featuresText({ reading }: DataConfig, kind: "numeric" | "categorical"): string | undefined {
  const features = reading?.features?.filter((feature) => feature.kind === kind);
  if (!features?.length) return undefined;
  const texts = features.map(({ name, values }) =>
    kind === "numeric" ? shown(name) : `${shown(name)} ${values}`,
  );
  return counted(texts);
}

function correctionsText({ decisions }: DataConfig): string | undefined {
  if (decisions === undefined) return undefined;
  const { name, relabelled, excluded } = decisions;
  const labels = `${relabelled} ${relabelled === 1 ? "label" : "labels"} changed`;
  return `${shown(name)}, ${labels}, ${samples(excluded)} left out`;
}

function samples(count: number): string {
  return `${count} ${count === 1 ? "sample" : "samples"}`;
}

/** The number of texts, and the first of them as far as there is room. */
function counted(texts: readonly string[]): string {
  let room = listLength;
  const fits = (text: string) => {
    room -= text.length + 2;
    return room > 0;
  };
  const overflow = texts.findIndex((text) => !fits(text));
  const listed = overflow < 0 ? texts : [...texts.slice(0, overflow), `and ${texts.length - overflow} more`];
  return `${texts.length}: ${listed.join(", ")}`;
}

/** A name from a file, shortened and without control characters. */
function shown(name: string): string {
  const letters = [...name.replaceAll(/\p{C}/gu, "�")];
  return letters.length > nameLength ? `${letters.slice(0, nameLength - 1).join("")}…` : letters.join("");
}

function entry(label: string, text: string): string[] {
  const lines = wrapAnsi(text, width - indent, { hard: true }).split("\n");
  return lines.map((line, i) => `  ${(i === 0 ? label : "").padEnd(indent - 2)}${line}`);
}
