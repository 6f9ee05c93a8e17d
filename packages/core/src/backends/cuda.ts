/**
 * The kernels of `@lilaw/native` on a GPU as a backend over arrays of the host: upload, run, download. For data that
 * stays on the device there are operations on `DeviceBuffer`.
 */

import type * as Native from "@lilaw/native";
import type { Backend, Batch, LilawParams } from "../backend.js";
import { expected } from "../errors.js";
import { lengthOf, typeOf } from "../typed-array.js";
import { asLilawError, Held } from "./held.js";
import { float32, type NativeModule, nativeLabels, nativeOutputs } from "./native-arrays.js";

/** Device memory of one call. */
class Visit extends Held {
  readonly #downloads: (() => void)[] = [];

  /** Uploads an input; undefined remains undefined. */
  floats(array: Float32Array): Native.DeviceBuffer<"float32">;
  floats(array: Float32Array | undefined): Native.DeviceBuffer<"float32"> | undefined;
  floats(array: Float32Array | undefined): Native.DeviceBuffer<"float32"> | undefined {
    return array && this.allocate("float32", lengthOf(array)).upload(array);
  }

  batch({ logits, labels, classes, loss, transition }: Batch): Native.DeviceBatch {
    return {
      logits: this.floats(float32("logits", logits)),
      labels: this.#labels(nativeLabels(labels, loss)),
      classes,
      loss,
      transition: this.floats(transition?.byLabelFloat32),
    };
  }

  params({ alpha, beta, delta }: LilawParams): Native.DeviceBuffer<"float64"> {
    return this.allocate("float64", 3).upload(Float64Array.of(alpha, beta, delta));
  }

  /** Memory for an output, which `finish` downloads. */
  output(array: Float32Array | undefined): Native.DeviceBuffer<"float32"> | undefined {
    return array && this.#output("float32", array);
  }

  integers(array: Int32Array | undefined): Native.DeviceBuffer<"int32"> | undefined {
    return array && this.#output("int32", array);
  }

  /** Downloads the scalars of the operation, and its outputs if every label is valid. */
  finish<Scalars extends { invalidLabels: number }>(
    result: Native.DeviceResult<Scalars>,
    classes: number,
  ): Omit<Scalars, "invalidLabels"> {
    const { invalidLabels, ...scalars } = result.download();
    if (invalidLabels > 0) {
      const received = `${invalidLabels} rows with others`;
      throw expected(
        "LABEL_OUT_OF_RANGE",
        `classes below ${classes}, or finite targets,`,
        "labels",
        received,
      );
    }
    for (const download of this.#downloads) download();
    return scalars;
  }

  #labels(labels: Native.NativeLabels): Native.DeviceBatch["labels"] {
    if (typeOf(labels) === "Float32Array") return this.floats(labels as Float32Array);
    const count = lengthOf(labels);
    if (typeOf(labels) === "Uint8Array") return this.allocate("uint8", count).upload(labels as Uint8Array);
    return this.allocate("int32", count).upload(labels as Int32Array);
  }

  #output<D extends "float32" | "int32">(dtype: D, array: Native.HostArrays[D]): Native.DeviceBuffer<D> {
    const buffer = this.allocate(dtype, lengthOf(array));
    this.#downloads.push(() => buffer.download(array));
    return buffer;
  }
}

/** Runs an operation, and frees its device memory. */
function visiting<R>(native: NativeModule, run: (device: Visit) => R): R {
  const device = new Visit(native);
  try {
    return run(device);
  } catch (error) {
    throw asLilawError(error);
  } finally {
    device.dispose();
  }
}

/** The backend `"cuda"`: computes on the device, with arguments and results in arrays of the host. */
export function cudaBackend(native: NativeModule): Backend {
  const { DeviceResult } = native;
  return {
    name: "cuda",

    weightedLoss: (args, out) =>
      visiting(native, (device) => {
        const batch = device.batch(args);
        const sampleWeights = device.floats(float32("sampleWeights", args.sampleWeights));
        const { terms, ...arrays } = nativeOutputs(out);
        const result = device.hold(DeviceResult.ofWeightedLoss());
        native.weightedLossCuda(
          {
            ...batch,
            params: args.params && device.params(args.params),
            gradient: args.gradient,
            normalize: args.normalize,
            sampleWeights,
          },
          {
            result,
            losses: device.output(arrays.losses),
            weights: device.output(arrays.weights),
            labelProbs: device.output(arrays.labelProbs),
            maxProbs: device.output(arrays.maxProbs),
            predictions: device.integers(arrays.predictions),
            terms: terms && {
              alpha: device.output(terms.alpha)!,
              beta: device.output(terms.beta)!,
              delta: device.output(terms.delta)!,
            },
            gradLogits: device.output(arrays.gradLogits),
          },
        );
        return device.finish(result, args.classes);
      }),

    metaGradient: (args) =>
      visiting(native, (device) => {
        const batch = device.batch(args);
        const coefficients = device.floats(float32("coefficients", args.coefficients));
        const result = device.hold(DeviceResult.ofMetaGradient());
        native.metaGradientCuda({ ...batch, params: device.params(args.params), coefficients }, result);
        const { alpha, beta, delta, objective, nonFiniteRows } = device.finish(result, args.classes);
        return { alpha, beta, delta, objective, nonFiniteRows };
      }),

    alignmentWeights: (args, out) =>
      visiting(native, (device) => {
        const batch = device.batch(args);
        const tangents = device.floats(float32("tangents", args.tangents));
        const alignments = float32("out.alignments", out.alignments);
        const weights = float32("out.weights", out.weights);
        const result = device.hold(DeviceResult.ofAlignmentWeights());
        native.alignmentWeightsCuda(
          { ...batch, tangents },
          { result, alignments: device.output(alignments), weights: device.output(weights) },
        );
        return device.finish(result, args.classes);
      }),
  };
}
