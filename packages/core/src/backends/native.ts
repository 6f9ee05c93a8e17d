/** The kernels of `@lilaw/native` as a backend: float32 on the CPU, with SIMD and threads. */
import type {
  AlignmentWeightsArgs,
  Backend,
  FloatArray,
  MetaGradientArgs,
  WeightedLossArgs,
  WeightedLossOutputs,
} from "../backend.js";
import { labelTypeOf } from "../losses.js";
import { typeOf } from "../typed-array.js";
import { cudaBackend } from "./cuda.js";
import { findNative } from "./find-native.js";
import { asLilawError } from "./held.js";
import { float32, type NativeModule, nativeLabels, nativeOutputs } from "./native-arrays.js";

/** A backend, or why there is none and what would give one. */
export type Opening =
  | { readonly backend: Backend; readonly detail: string }
  | { readonly backend: null; readonly reason: string; readonly help: string };

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

/** The backend `"cuda"`, where @lilaw/native was built with CUDA and finds a device. */
export function openCuda(): Opening {
  const cpu = openCpu();
  if (!cpu.backend) return cpu;
  const native = findNative() as NativeModule;
  const { reason = "no device", devices = [] } = native.load().binding!.cudaInfo();
  const [device] = devices;
  if (!device) return { backend: null, reason, help: "npx @lilaw/native doctor" };
  return { backend: cudaBackend(native), detail: device.name };
}

/** Errors of the kernels become errors of this package. */
function throwing<R>(run: () => R): R {
  try {
    return run();
  } catch (error) {
    throw asLilawError(error);
  }
}

/** Object literals throughout, as a spread would cost more than a small kernel. */
function cpuBackend(native: NativeModule): Backend {
  return {
    name: "cpu",
    weightedLoss: (args, out) =>
      throwing(() =>
        native.weightedLoss(
          {
            logits: float32("logits", args.logits),
            labels: nativeLabels(args.labels, args.loss),
            classes: args.classes,
            loss: args.loss,
            transition: args.transition?.byLabelFloat32,
            params: args.params,
            gradient: args.gradient,
            normalize: args.normalize,
            sampleWeights: float32("sampleWeights", args.sampleWeights),
          },
          nativeOutputs(out),
        ),
      ),
    metaGradient: (args) =>
      throwing(() =>
        native.metaGradient({
          logits: float32("logits", args.logits),
          labels: nativeLabels(args.labels, args.loss),
          classes: args.classes,
          loss: args.loss,
          transition: args.transition?.byLabelFloat32,
          params: args.params,
          coefficients: float32("coefficients", args.coefficients),
        }),
      ),
    alignmentWeights: (args, out) =>
      throwing(() =>
        native.alignmentWeights(
          {
            logits: float32("logits", args.logits),
            labels: nativeLabels(args.labels, args.loss),
            classes: args.classes,
            loss: args.loss,
            transition: args.transition?.byLabelFloat32,
            tangents: float32("tangents", args.tangents),
          },
          {
            alignments: float32("out.alignments", out.alignments),
            weights: float32("out.weights", out.weights),
          },
        ),
      ),
  };
}

/**
 * The backend of `"auto"` where there are native kernels: these for float32, the reference for a call in which any
 * number is a float64. Rounding those would give up what their owner wants.
 */
export function withReferenceForFloat64(native: Backend, reference: Backend): Backend {
  const backendFor = (...arrays: (FloatArray | undefined)[]) => {
    for (const array of arrays) if (typeOf(array) === "Float64Array") return reference;
    return native;
  };
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
  const isTarget = labelTypeOf(loss) === "target";
  return [logits, isTarget && typeOf(labels) === "Float64Array" ? (labels as Float64Array) : undefined];
}

function outputsOf(out: WeightedLossOutputs): (FloatArray | undefined)[] {
  const { losses, weights, labelProbs, maxProbs, terms, gradLogits } = out;
  return [losses, weights, labelProbs, maxProbs, terms?.alpha, terms?.beta, terms?.delta, gradLogits];
}
