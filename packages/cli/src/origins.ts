import { basename } from "node:path";
import type { Data } from "./data.js";
import { needsClean } from "./methods.js";
import { injectsNoise, type Settings } from "./settings.js";

/** Where the parts of the data, the wrong labels and the right labels come from, in words. */
export interface Origins {
  readonly valid: string;
  readonly test: string;
  /** The noise; absent where none is injected. */
  readonly noise?: string;
  /** Which labels are known to be right. */
  readonly trueLabels: string;
  /** The source of the samples whose labels a method trusts; absent where there are none. */
  readonly clean?: string;
}

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
  return known.length > 0 ? `unknown except for ${known.join(" and ")}` : "unknown: any label may be wrong";
}

function cleanOrigin(settings: Settings, source: string, cleanFile: boolean): Pick<Origins, "clean"> {
  const file = basename(settings.files?.clean ?? source);
  if (settings.methods.some(needsClean)) {
    return { clean: `equally many of every class, of ${cleanFile ? file : validationSamples(settings)}` };
  }
  return cleanFile ? { clean: `${file} is not used, no method here needs it` } : {};
}

function validationSamples(settings: Settings): string {
  if (injectsNoise(settings)) return "the validation samples, labels before the noise";
  return `the validation samples, labels ${settings.files ? "said to be right" : "as published"}`;
}
