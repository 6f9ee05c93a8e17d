import { expected } from "@lilaw/core";
import type { Samples } from "../types.js";

/** A dense row-major array as IDX and NPY files hold it, the first axis being the samples. */
export interface NdArray {
  /** Where it comes from, for messages. */
  name: string;
  data: ArrayLike<number | bigint | boolean>;
  shape: readonly number[];
  /** Whether the values are unsigned bytes: those of images are brightness from 0 to 255. */
  bytes: boolean;
}

/** More than any real set; a label above is a damaged file, and would make a model too big to allocate. */
const maxClasses = 65_536;

/**
 * Samples of a feature array and a label array.
 *
 * A feature array of three or more axes holds images (or volumes): a last axis of 1, 3 or 4 values is the
 * channels, else one channel is appended; bytes are scaled to [0, 1]. Two axes are plain feature vectors, as they
 * are.
 */
export function samplesFromArrays(features: NdArray, labels: NdArray): Samples {
  const count = features.shape[0] ?? 0;
  const parsedLabels = labelsFromArray(labels);
  if (parsedLabels.length !== count) {
    throw expected("LENGTH_MISMATCH", `${count} labels (one a sample)`, labels.name, parsedLabels.length);
  }
  return {
    features: featuresFromArray(features),
    labels: parsedLabels,
    count,
    shape: sampleShape(features),
  };
}

/** The number of classes that training labels tell: the highest one, plus one. */
export function classesOf(labels: Int32Array): number {
  return labels.reduce((highest, label) => Math.max(highest, label), 0) + 1;
}

function sampleShape({ name, shape }: NdArray): readonly number[] {
  const [, ...sample] = shape;
  if (sample.length === 0 || sample.includes(0)) {
    throw expected("INVALID_ARGUMENT", "an array [samples, ...shape]", name, `shape [${shape.join(", ")}]`);
  }
  const hasChannels = sample.length === 1 || (sample.length > 2 && [1, 3, 4].includes(sample.at(-1)!));
  return hasChannels ? sample : [...sample, 1];
}

function featuresFromArray({ name, data, shape, bytes }: NdArray): Float32Array {
  const scale = bytes && shape.length > 2 ? 255 : 1;
  const width = shape.slice(1).reduce((a, b) => a * b, 1);
  const features = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]) / scale;
    features[i] = value;
    if (!Number.isFinite(features[i])) {
      const where = `row ${Math.floor(i / width)}, column ${i % width} of ${name}`;
      throw expected("NON_FINITE", "a finite float32 number", where, value);
    }
  }
  return features;
}

/** Class indices of shape [n], or [n, 1] as MedMNIST stores them. */
function labelsFromArray({ name, data, shape }: NdArray): Int32Array {
  if (shape.length < 1 || shape.slice(1).some((size) => size !== 1)) {
    throw expected("INVALID_ARGUMENT", "one label a sample", name, `shape [${shape.join(", ")}]`);
  }
  return Int32Array.from({ length: data.length }, (_, row) => {
    const label = Number(data[row]);
    if (!Number.isInteger(label) || label < 0 || label >= maxClasses) {
      throw expected("LABEL_OUT_OF_RANGE", `a class in [0, ${maxClasses})`, `row ${row} of ${name}`, label);
    }
    return label;
  });
}
