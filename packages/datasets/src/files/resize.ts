import type { Image } from "./image.js";

/** The pixels that one pixel of the result is made of, along an axis. */
interface Taps {
  start: number;
  weights: Float64Array;
}

/**
 * Resizes an image. Every pixel is the weighted mean of those around its place: of the two next to it where the image
 * grows, of all that it covers where it shrinks, so that no detail flickers.
 */
export function resize(image: Image, height: number, width: number): Image {
  if (image.height === height && image.width === width) return image;
  const { channels } = image;
  const [columns, rows] = [tapsOf(image.width, width), tapsOf(image.height, height)];
  const narrow = new Float32Array(image.height * width * channels);
  for (let y = 0, out = 0; y < image.height; y++) {
    for (const taps of columns) {
      const first = (y * image.width + taps.start) * channels;
      for (let c = 0; c < channels; c++)
        narrow[out++] = mean(image.values, first + c, channels, taps.weights);
    }
  }
  const values = new Float32Array(height * width * channels);
  const line = width * channels;
  for (let y = 0, out = 0; y < height; y++) {
    const { start, weights } = rows[y]!;
    for (let x = 0; x < line; x++) values[out++] = mean(narrow, start * line + x, line, weights);
  }
  return { height, width, channels, values };
}

function mean(values: Float32Array, first: number, step: number, weights: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i]! * values[first + i * step]!;
  return sum;
}

/** A triangle around the place of each pixel, as wide as the pixels of the smaller image. */
function tapsOf(from: number, to: number): Taps[] {
  const scale = from / to;
  const radius = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale - 0.5;
    const start = Math.max(0, Math.ceil(center - radius));
    const end = Math.min(from - 1, Math.floor(center + radius));
    const weights = Float64Array.from({ length: end - start + 1 }, (_, j) =>
      Math.max(0, 1 - Math.abs(start + j - center) / radius),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { start, weights: weights.map((weight) => weight / sum) };
  });
}
