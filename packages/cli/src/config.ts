import { createRequire } from "node:module";
import { expected } from "@lilaw/core";
import type { Reading } from "@lilaw/datasets";
import type { Sources, UsedDecisions } from "./corrections.js";
import { type Data, digestOfAll } from "./data.js";
import type { Topology } from "./models.js";
import { type Origins, originsOf } from "./origins.js";
import { countsOf, type SeedPlan } from "./plan.js";
import { checkSettings, type Settings } from "./settings.js";

/** `config.json`: everything needed to repeat a run, and the facts that follow from its settings. */
export interface RunConfig {
  readonly format: 2;
  readonly created: string;
  readonly versions: Versions;
  readonly backend: Backend;
  readonly settings: Settings;
  readonly data: DataConfig;
  /** The model's layers; each seed initialises them afresh. */
  readonly model: Topology;
}

/** The backend in use, and why those that would be preferred are not. */
export interface Backend {
  readonly backend: string;
  readonly tried: readonly { readonly name: string; readonly reason: string }[];
}

interface Versions {
  readonly lilaw: string;
  readonly node: string;
  readonly tfjs: string;
}

export interface DataConfig {
  readonly name: string;
  readonly classes: number;
  readonly classNames: readonly string[];
  /** Samples of each class in the training split, before it is divided. */
  readonly classCounts: readonly number[];
  readonly shape: readonly number[];
  readonly license: string;
  readonly citation: string;
  readonly sha256: string;
  /** The files that decisions on labels may be about. */
  readonly sources: Sources;
  /** The decisions file by which labels were corrected. */
  readonly decisions?: UsedDecisions;
  /** How the user's own files were understood. */
  readonly reading?: Reading;
  readonly origins: Origins;
  readonly testSize: number;
  /** Runs with the same have the same test samples. */
  readonly testSha256: string;
  readonly seeds: readonly SeedConfig[];
}

export interface SeedConfig {
  readonly seed: number;
  readonly trainSize: number;
  readonly validSize: number;
  readonly cleanSize?: number;
  readonly trainNoiseRate: number;
  readonly validNoiseRate: number;
  readonly diagonallyDominant: boolean;
}

const require = createRequire(import.meta.url);

/** The versions that decide a run's numbers. */
export function versions(): Versions {
  return {
    lilaw: require("../package.json").version,
    node: process.versions.node,
    tfjs: require("@tensorflow/tfjs-core/package.json").version,
  };
}

export function createConfig(
  settings: Settings,
  backend: Backend,
  data: DataConfig,
  model: Topology,
): RunConfig {
  return {
    format: 2,
    created: new Date().toISOString(),
    versions: versions(),
    backend,
    settings,
    data,
    model,
  };
}

/** Describes the samples of a run, for `config.json` and for people. */
export function describeData(settings: Settings, data: Data): DataConfig {
  const { dataset, plans } = data;
  return {
    name: dataset.name,
    classes: dataset.classes,
    classNames: dataset.classNames,
    classCounts: dataset.reading?.classCounts ?? countsOf(dataset.train.labels, dataset.classes),
    shape: dataset.train.shape,
    license: dataset.license,
    citation: dataset.citation,
    sha256: digestOfAll(dataset),
    sources: data.sources,
    ...(data.decisions && { decisions: data.decisions }),
    ...(dataset.reading && { reading: dataset.reading }),
    origins: originsOf(settings, data),
    testSize: dataset.test.count,
    testSha256: data.testSha256,
    seeds: plans.map(seedConfig),
  };
}

/**
 * Checks a stored configuration as if its settings had just been typed.
 *
 * @throws INCOMPATIBLE_STATE, INVALID_ARGUMENT, UNKNOWN_NAME
 */
export function checkConfig(config: RunConfig): void {
  if (config.format !== 2)
    throw expected("INCOMPATIBLE_STATE", "2", "the format of config.json", config.format);
  checkSettings({ ...config.settings });
}

/** @throws INCOMPATIBLE_STATE unless samples and decisions are those that the run began with */
export function checkSameData(config: RunConfig, { sha256: digest, decisions }: DataConfig): void {
  const began = config.data.decisions?.sha256;
  if (decisions?.sha256 !== began) {
    const wanted = `the decisions this run began with (${began ?? "none"})`;
    throw expected("INCOMPATIBLE_STATE", wanted, "--resume", decisions?.sha256 ?? "none");
  }
  if (digest !== config.data.sha256) {
    throw expected(
      "INCOMPATIBLE_STATE",
      `the samples this run began with (${config.data.sha256})`,
      "--resume",
      digest,
    );
  }
}

function seedConfig({ seed, train, valid, clean }: SeedPlan): SeedConfig {
  return {
    seed,
    trainSize: train.rows.length,
    validSize: valid.rows.length,
    ...(clean && { cleanSize: clean.rows.length }),
    trainNoiseRate: train.noiseRate,
    validNoiseRate: valid.noiseRate,
    diagonallyDominant: train.diagonallyDominant,
  };
}
