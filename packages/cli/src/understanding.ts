import { basename } from "node:path";
import type { Reading, SplitName } from "@lilaw/datasets";
import wrapAnsi from "wrap-ansi";
import type { DataConfig } from "./config.js";
import type { Data } from "./data.js";
import { inFlags } from "./flags.js";
import { needsClean } from "./methods.js";
import { injectsNoise, type Settings } from "./settings.js";

/** Where the parts, the wrong labels and the right ones come from, in words. */
export interface Origins {
  readonly valid: string;
  readonly test: string;
  /** Absent where none is injected. */
  readonly noise?: string;
  /** Which labels are known to be right. */
  readonly trueLabels: string;
  /** Of the samples whose labels a method trusts; absent where there are none. */
  readonly clean?: string;
}

const width = 60;
const indent = 14;
/** Characters of a list: two lines. */
const listLength = 2 * (width - indent);
const nameLength = 30;

export function originsOf(settings: Settings, { dataset, plans, heldOut }: Data): Origins {
  const { files } = settings;
  const source = basename(files?.train ?? dataset.name);
  const own = (part: "valid" | "test") => (files?.[part] ? basename(files[part]) : `of ${source} itself`);
  const [validHeldOut, testHeldOut] = [heldOut.includes("valid"), heldOut.includes("test")];
  return {
    valid: (validHeldOut ? "held out of the training samples" : own("valid")) + validLabels(settings),
    test: testHeldOut ? `held out of ${source}, whose labels may be wrong too` : own("test"),
    ...(injectsNoise(settings) && { noise: noiseText(settings, plans[0]!.train.note) }),
    trueLabels: trueLabels(settings, source, dataset.clean !== undefined),
    ...cleanOrigin(settings, source, dataset.clean !== undefined),
  };
}

/**
 * How the samples were understood, for people to check before they trust a result: lines of at most 60 columns, less than
 * a screen of them.
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
    ["noise", origins.noise],
    ["true labels", origins.trueLabels],
  ];
  return ["data understood as", ...entries.flatMap(([label, text]) => (text ? entry(label, text) : []))].join(
    "\n",
  );
}

function validLabels(settings: Settings): string {
  return settings.validLabels === "clean" && !injectsNoise(settings) ? ", labels said to be right" : "";
}

function noiseText({ noise, validLabels }: Settings, note: string | undefined): string {
  const parts = validLabels === "clean" ? "training labels" : "training and validation labels";
  return `${noise}, injected into the ${parts}${note === undefined ? "" : `; ${note}`}`;
}

function trueLabels(settings: Settings, source: string, cleanFile: boolean): string {
  const own = settings.files !== undefined;
  if (injectsNoise(settings)) {
    return own
      ? `those of ${source} before the noise, believed to be right`
      : "those published, before the noise";
  }
  if (!own) return "those published";
  const known = [
    ...(cleanFile ? ["the clean samples"] : []),
    ...(settings.validLabels === "clean" ? ["the validation samples"] : []),
  ];
  return known.length > 0 ? `unknown but for ${known.join(" and ")}` : "unknown: any label may be wrong";
}

function cleanOrigin(settings: Settings, source: string, cleanFile: boolean): Pick<Origins, "clean"> {
  const file = basename(settings.files?.clean ?? source);
  if (settings.methods.some(needsClean)) {
    return { clean: `as many of every class, of ${cleanFile ? file : validationSamples(settings)}` };
  }
  return cleanFile ? { clean: `${file} is not used, no method here needs it` } : {};
}

function validationSamples(settings: Settings): string {
  if (injectsNoise(settings)) return "the validation samples, labels before the noise";
  return `the validation samples, labels ${settings.files ? "said to be right" : "as published"}`;
}

function samplesText({ name, reading, shape }: DataConfig): string {
  const values = shape.length === 1 ? `${shape[0]} values each` : `[${shape.join(", ")}] each`;
  if (!reading) return `${shown(name)}, ${values}`;
  return [
    `${shown(name)} (${reading.format.toUpperCase()}), ${reading.rows.train!.read} rows`,
    ...rowsTexts(reading, "train"),
    values,
    ...(reading.layout ? [`images with ${reading.layout.replace("-", " ")} in the file`] : []),
  ].join(", ");
}

/** The fate of rows with missing cells in the file of a split, where it has one of its own. */
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

function samples(count: number): string {
  return `${count} ${count === 1 ? "sample" : "samples"}`;
}

/** How many there are, and as many of them as have room. */
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

/** A name from a file: short, and without what could move the cursor. */
function shown(name: string): string {
  const letters = [...name.replaceAll(/\p{C}/gu, "�")];
  return letters.length > nameLength ? `${letters.slice(0, nameLength - 1).join("")}…` : letters.join("");
}

function entry(label: string, text: string): string[] {
  const lines = wrapAnsi(text, width - indent, { hard: true }).split("\n");
  return lines.map((line, i) => `  ${(i === 0 ? label : "").padEnd(indent - 2)}${line}`);
}
