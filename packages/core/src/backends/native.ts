/**
 * The kernels of `@lilaw/native` as a backend: float32 on the CPU, with SIMD and threads.
 *
 * The package is optional. It is found at run time, through Node's own `require`, so that browsers and bundlers never
 * see it; and only when a backend is first asked for.
 */
import type * as Native from "@lilaw/native";
import type {
  AlignmentWeightsArgs,
  Backend,
  FloatArray,
  Labels,
  Loss,
  MetaGradientArgs,
  WeightedLossArgs,
  WeightedLossOutputs,
} from "../backend.js";
import { expected } from "../errors.js";

/** A backend, or why there is none and what would give one. */
export type Opening =
  | { readonly backend: Backend; readonly detail: string }
  | { readonly backend: null; readonly reason: string; readonly help: string };

type NativeModule = typeof Native;

let found: NativeModule | string | undefined;

/** `@lilaw/native`, or the reason why it cannot be had. */
function findNative(): NativeModule | string {
  found ??= importNative();
  return found;
}

function importNative(): NativeModule | string {
  const { createRequire } = globalThis.process?.getBuiltinModule?.("node:module") ?? {};
  if (!createRequire) return "native kernels need Node";
  try {
    return createRequire(import.meta.url)("@lilaw/native");
  } catch (error) {
    return `@lilaw/native cannot be loaded (${(error as Error).message.split("\n")[0]})`;
  }
}

/** The backend `"cpu"`. */
export function openCpu(): Opening {
  const native = findNative();
  if (typeof native === "string") return { backend: null, reason: native, help: "npm install @lilaw/native" };
  const { binding, failures } = native.load();
  if (!binding) {
    const tried = failures.map(({ source, path, reason }) => `${source} ${path}: ${reason}`).join("; ");
    return {
      backend: null,
      reason: `its addon was not found (${tried})`,
      help: native.remedies().join(", or "),
    };
  }
  return { backend: cpuBackend(native), detail: `${native.cpuIsa()}, ${native.threads()} threads` };
}

/** The backend `"cuda"`: what @lilaw/native says of the GPU. */
export function openCuda(): Opening {
  const cpu = openCpu();
  if (!cpu.backend) return cpu;
  const { reason = "this version of @lilaw/core has no kernels for it" } = (findNative() as NativeModule)
    .load()
    .binding!.cudaInfo();
  return { backend: null, reason, help: "npx lilaw-native doctor" };
}

/**
 * Registers the operations, on the CPU kernels, as ops of the TensorFlow that this process has loaded (tfjs-node):
 * LilawWeightedLoss, LilawMetaGradient and LilawAlignmentWeights.
 *
 * @returns "" or the reason why they are not there
 */
export function registerTensorFlowOps(): string {
  const native = findNative();
  if (typeof native === "string") return native;
  const { binding } = native.load();
  return binding === null ? "@lilaw/native has no addon here" : binding.registerTensorFlowOps();
}

/** Narrows an array that the kernels take; they have no other precision. */
function float32(name: string, array: FloatArray): Float32Array;
function float32(name: string, array: FloatArray | undefined): Float32Array | undefined;
function float32(name: string, array: FloatArray | undefined): Float32Array | undefined {
  if (array === undefined || array instanceof Float32Array) return array;
  throw expected(
    "INVALID_ARGUMENT",
    'a Float32Array (backend "cpu" computes in float32; "auto" and "reference" take Float64Array too)',
    name,
    array,
  );
}

/** Labels in the type that the kernels take. All labels are small integers, or targets of regression. */
function nativeLabels(labels: Labels, loss: Loss): Native.NativeLabels {
  if (loss === "multi-label") return labels instanceof Uint8Array ? labels : Uint8Array.from(labels);
  if (typeof loss === "object" && loss.kind === "regression") {
    return labels instanceof Float32Array ? labels : Float32Array.from(labels);
  }
  return labels instanceof Int32Array ? labels : Int32Array.from(labels);
}

/** Object literals throughout, as a spread would cost more than a small kernel. */
function cpuBackend(native: NativeModule): Backend {
  return {
    name: "cpu",
    weightedLoss: (args, out) =>
      native.weightedLoss(
        {
          logits: float32("logits", args.logits),
          labels: nativeLabels(args.labels, args.loss),
          classes: args.classes,
          loss: args.loss,
          params: args.params,
          gradient: args.gradient,
          normalize: args.normalize,
          sampleWeights: float32("sampleWeights", args.sampleWeights),
        },
        nativeOutputs(out),
      ),
    metaGradient: (args) =>
      native.metaGradient({
        logits: float32("logits", args.logits),
        labels: nativeLabels(args.labels, args.loss),
        classes: args.classes,
        loss: args.loss,
        params: args.params,
        coefficients: float32("coefficients", args.coefficients),
      }),
    alignmentWeights: (args, out) =>
      native.alignmentWeights(
        {
          logits: float32("logits", args.logits),
          labels: nativeLabels(args.labels, args.loss),
          classes: args.classes,
          loss: args.loss,
          tangents: float32("tangents", args.tangents),
        },
        {
          alignments: float32("out.alignments", out.alignments),
          weights: float32("out.weights", out.weights),
        },
      ),
  };
}

function nativeOutputs(out: WeightedLossOutputs): Native.NativeWeightedLossOutputs {
  const { terms } = out;
  return {
    losses: float32("out.losses", out.losses),
    weights: float32("out.weights", out.weights),
    labelProbs: float32("out.labelProbs", out.labelProbs),
    maxProbs: float32("out.maxProbs", out.maxProbs),
    predictions: out.predictions,
    terms: terms && {
      alpha: float32("out.terms.alpha", terms.alpha),
      beta: float32("out.terms.beta", terms.beta),
      delta: float32("out.terms.delta", terms.delta),
    },
    gradLogits: float32("out.gradLogits", out.gradLogits),
  };
}

/**
 * The backend of `"auto"` where there are native kernels: these for float32, the reference for a call in which any
 * number is a float64. Rounding those would give up what their owner wants.
 */
export function withReferenceForFloat64(native: Backend, reference: Backend): Backend {
  const backendFor = (...arrays: (FloatArray | undefined)[]) =>
    arrays.some((array) => array instanceof Float64Array) ? reference : native;
  return {
    name: native.name,
    weightedLoss: (args, out) =>
      backendFor(...numbersOf(args), args.sampleWeights, ...outputsOf(out)).weightedLoss(args, out),
    metaGradient: (args) => backendFor(...numbersOf(args), args.coefficients).metaGradient(args),
    alignmentWeights: (args, out) =>
      backendFor(...numbersOf(args), args.tangents, out.alignments, out.weights).alignmentWeights(args, out),
  };
}

function numbersOf(
  args: WeightedLossArgs | MetaGradientArgs | AlignmentWeightsArgs,
): (FloatArray | undefined)[] {
  const { logits, labels, loss } = args;
  const isTarget = typeof loss === "object" && loss.kind === "regression";
  return [logits, isTarget && labels instanceof Float64Array ? labels : undefined];
}

function outputsOf(out: WeightedLossOutputs): (FloatArray | undefined)[] {
  const { losses, weights, labelProbs, maxProbs, terms, gradLogits } = out;
  return [losses, weights, labelProbs, maxProbs, terms?.alpha, terms?.beta, terms?.delta, gradLogits];
}
