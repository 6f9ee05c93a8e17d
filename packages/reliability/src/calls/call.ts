/** Random calls of the three operations, in every form that the packages offer. */

import type { Random } from "@lilaw/core";
import * as core from "@lilaw/core";
import * as native from "@lilaw/native";
import { FaultFound } from "../kind.js";
import type { Thrower } from "../refusals.js";
import { type Layout, layouts, Memory, type NumberArray, nativeLayouts } from "./memory.js";
import {
  checkAlignmentWeights,
  checkMetaGradient,
  checkWeightedLoss,
  type Found,
  type Meant,
} from "./truth.js";
import { chance, logitKinds, logits, pick, size } from "./values.js";

export type Operation = "weightedLoss" | "metaGradient" | "alignmentWeights";
export const operations: readonly Operation[] = ["weightedLoss", "metaGradient", "alignmentWeights"];

/** Forms in which an operation can be called. */
export const forms = ["reference", "cpu", "auto", "method", "native"] as const;
export type Form = (typeof forms)[number];

type Bag = Record<string, unknown>;
type AnyOperation = (args: never, out?: never) => unknown;

export interface Call {
  readonly operation: Operation;
  readonly form: Form;
  readonly thrower: Thrower;
  readonly memory: Memory;
  /** The arguments of the operation; twists change them. */
  args: Bag;
  out: Bag | undefined;
  /** The call as it was meant. */
  meant: Meant;
  /** Runs it. */
  run(): unknown;
}

const losses: readonly core.Loss[] = [
  "cross-entropy",
  "binary",
  "multi-label",
  { kind: "focal", gamma: 2 },
  { kind: "focal", gamma: 0.5 },
  { kind: "focal", gamma: 0 },
  { kind: "label-smoothing", smoothing: 0.1 },
  { kind: "generalized-cross-entropy", q: 0.7 },
  { kind: "symmetric-cross-entropy", alpha: 0.1, beta: 1, A: -4 },
  "mean-absolute-error",
  { kind: "regression", range: 3 },
];

export function randomCall(operation: Operation, form: Form, random: Random, rowsAtMost = 12): Call {
  const loss = pick(random, losses);
  const single = loss === "binary" || (typeof loss === "object" && loss.kind === "regression");
  const huge = chance(random, 0.002);
  const rows = size(random, huge ? 3000 : rowsAtMost);
  const classes = single ? 1 : size(random, chance(random, 0.01) ? 700 : 12);
  const isNative = form === "native";
  const wide = (form === "reference" || form === "auto") && chance(random, 0.2);
  const floats = (values: Float32Array) => (wide ? Float64Array.from(values) : values);
  const more = (probability: number, make: () => Float32Array) =>
    chance(random, probability) ? floats(make()) : undefined;
  // Usual factors, or numbers of any size.
  const normals = (length: number) =>
    logits(chance(random, 0.8) ? "usual" : pick(random, logitKinds), length, 1, random);

  const params = { alpha: 15 * random.uniform(), beta: 15 * random.uniform(), delta: 15 * random.uniform() };
  const isWeighted = operation === "weightedLoss";
  const meant: Meant = {
    logits: floats(logits(pick(random, logitKinds), rows, classes, random)),
    labels: labels(loss, rows, classes, isNative, random),
    classes,
    loss,
    params: isWeighted && chance(random, 0.1) ? null : params,
    gradient: isWeighted && chance(random, 0.3) ? "detached" : "full",
    normalize: isWeighted && chance(random, 0.3) ? "batch-mean" : "none",
    sampleWeights: isWeighted ? more(0.3, () => normals(rows)) : undefined,
    coefficients: operation === "metaGradient" ? more(0.3, () => normals(rows)) : undefined,
    tangents: operation === "alignmentWeights" ? floats(normals(rows * classes)) : undefined,
  };

  const memory = new Memory(pick<Layout>(random, isNative ? nativeLayouts : layouts), random);
  const place = <A>(array: A) =>
    array === undefined ? undefined : memory.place(array as unknown as NumberArray);
  const args: Bag = { logits: place(meant.logits), labels: place(meant.labels), classes, loss };
  if (isWeighted || operation === "metaGradient") args.params = meant.params;
  if (isWeighted) Object.assign(args, { gradient: meant.gradient, normalize: meant.normalize });
  for (const name of ["sampleWeights", "coefficients", "tangents"] as const) {
    if (meant[name] !== undefined) args[name] = place(meant[name]);
  }
  const mayAllocate = !isNative && chance(random, 0.2);
  const out =
    mayAllocate || operation === "metaGradient"
      ? undefined
      : outputs(operation, meant, memory, args, wide, random);
  memory.remember();

  const call: Call = {
    ...{ operation, form, memory, args, out, meant },
    thrower: isNative ? "native" : "ours",
    run: () => run(call),
  };
  return call;
}

function labels(loss: core.Loss, rows: number, classes: number, exact: boolean, random: Random): core.Labels {
  const name = typeof loss === "string" ? loss : loss.kind;
  if (name === "regression") {
    const targets = Float32Array.from({ length: rows }, () => 3 * random.normal());
    return !exact && chance(random, 0.2) ? Float64Array.from(targets) : targets;
  }
  const limit = name === "binary" || name === "multi-label" ? 2 : classes;
  const values = Array.from({ length: name === "multi-label" ? rows * classes : rows }, () =>
    random.int(limit),
  );
  if (exact) return name === "multi-label" ? Uint8Array.from(values) : Int32Array.from(values);
  const types =
    limit > 256
      ? [Int32Array, Float32Array]
      : [Int32Array, Int32Array, Uint8Array, Float32Array, Float64Array];
  return pick(random, types).from(values);
}

/** Some or all of the outputs, filled with a number that is never a result. */
function outputs(
  operation: Operation,
  meant: Meant,
  memory: Memory,
  args: Bag,
  wide: boolean,
  random: Random,
): Bag {
  const rows = meant.logits.length / meant.classes;
  const floats = (length: number) =>
    memory.place(
      (wide && chance(random, 0.8) ? new Float64Array(length) : new Float32Array(length)).fill(-99),
    );
  const out: Bag = {};
  const wanted = random.uniform();
  const add = (name: string, make: () => unknown) => {
    if (chance(random, Math.max(0.1, wanted))) out[name] = make();
  };
  if (operation === "alignmentWeights") {
    for (const name of ["alignments", "weights"]) add(name, () => floats(rows));
    return out;
  }
  for (const name of ["losses", "weights", "labelProbs", "maxProbs"]) add(name, () => floats(rows));
  add("predictions", () => memory.place(new Int32Array(rows).fill(-99)));
  if (meant.params) add("terms", () => ({ alpha: floats(rows), beta: floats(rows), delta: floats(rows) }));
  add("gradLogits", () => (chance(random, 0.2) ? args.logits : floats(meant.logits.length)));
  return out;
}

/** All arrays that a call may write. */
export function outputsOf(call: Call): NumberArray[] {
  const { terms, ...others } = (call.out ?? {}) as { terms?: Bag };
  return [...Object.values(others), ...Object.values(terms ?? {})].filter((value): value is NumberArray =>
    ArrayBuffer.isView(value),
  );
}

const { weightedLoss, metaGradient, alignmentWeights } = core;
const inCore = { weightedLoss, metaGradient, alignmentWeights };
const inNative = {
  weightedLoss: native.weightedLoss,
  metaGradient: native.metaGradient,
  alignmentWeights: native.alignmentWeights,
};

function run({ operation, form, args, out, meant }: Call): unknown {
  if (form === "native") return (inNative[operation] as AnyOperation)(args as never, out as never);
  if (form === "method") return runMethod(operation, args, out, meant);
  const withBackend = addTo(args, { backend: form });
  return (inCore[operation] as AnyOperation)(withBackend as never, out as never);
}

/** Adds properties to any object, without reading its getters. A revoked proxy is returned unchanged. */
function addTo(args: Bag, more: Bag): Bag {
  if (typeof args !== "object" || args === null) return args;
  try {
    if (Object.hasOwn(args, "backend")) return args;
    return Object.defineProperties(Object.create(Object.getPrototypeOf(args)), {
      ...Object.getOwnPropertyDescriptors(args),
      ...Object.getOwnPropertyDescriptors(more),
    });
  } catch {
    return args;
  }
}

function runMethod(operation: Operation, args: Bag, out: Bag | undefined, meant: Meant): unknown {
  const { loss, gradient, normalize } = meant;
  if (operation === "alignmentWeights") {
    const method = new core.LearningToReweight({ loss });
    return out === undefined ? method.weigh(args as never) : method.weigh(args as never, out);
  }
  const method = new core.LiLAW({ loss, gradient, normalize, ...meant.params, learningRate: 0.1 });
  if (operation === "metaGradient") {
    const before = JSON.stringify(method);
    try {
      return method.metaStep(args as never);
    } catch (error) {
      if (JSON.stringify(method) === before) throw error;
      throw new FaultFound("silentDifferences", "a refused metaStep moved the scalars");
    }
  }
  const batch = addTo(args, { warmup: meant.params === null });
  return out === undefined ? method.weigh(batch as never) : method.weigh(batch as never, out);
}

/** The results of a call: its outputs and scalars in one object. */
export function foundBy(call: Call, result: unknown): Found {
  return { ...call.out, ...(result as object) };
}

/** @throws FaultFound unless the results are right */
export function checkRight(call: Call, found: Found): void {
  const isNative = call.form !== "reference";
  if (call.operation === "weightedLoss") checkWeightedLoss(call.meant, found, isNative);
  else if (call.operation === "metaGradient") checkMetaGradient(call.meant, found, isNative);
  else checkAlignmentWeights(call.meant, found, isNative);
}
