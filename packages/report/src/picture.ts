import { expected } from "@lilaw/core";
import { line } from "d3-shape";
import { encode } from "fast-png";

/** An image as the samples of @lilaw/datasets have it. */
export interface Pixels {
  /** `[height, width, channels]`, row-major; black is `range[0]`, white is `range[1]`. */
  readonly values: ArrayLike<number>;
  /** `[height, width]` or `[height, width, channels]` with 1, 3 or 4 channels. */
  readonly shape: readonly number[];
  /** Default [0, 1] */
  readonly range?: readonly [number, number];
  /** Larger images are made smaller; default 128. */
  readonly longestSide?: number;
}

/** Bytes of all pictures of a report that are of one kind: a browser opens such a document. */
const allBytes = 20e6;

/** The longest side of `count` pictures of a report, from 32 to 128 pixels: many are smaller. */
export function pictureSide(count: number, channels: number): number {
  // PNG packs photographs to about two thirds.
  const pixels = allBytes / (0.7 * channels * Math.max(1, count));
  return Math.max(32, Math.min(128, Math.floor(Math.sqrt(pixels))));
}

/**
 * An image as a PNG in a `data:` URI.
 *
 * @throws `INVALID_ARGUMENT` for a shape that is no image's
 */
export function picture({ values, shape, range = [0, 1], longestSide = 128 }: Pixels): string {
  const [height, width, channels = 1] = shape as [number, number, number?];
  if (shape.length < 2 || shape.length > 3 || ![1, 3, 4].includes(channels))
    throw expected("INVALID_ARGUMENT", "[height, width] or [height, width, 1, 3 or 4]", "shape", shape);
  const factor = Math.max(1, Math.ceil(Math.max(height, width) / longestSide));
  const [rows, columns] = [Math.ceil(height / factor), Math.ceil(width / factor)];
  const bytes = new Uint8Array(rows * columns * channels);
  const [black, white] = range;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let count = 0;
        for (let y = row * factor; y < Math.min(height, (row + 1) * factor); y++) {
          for (let x = column * factor; x < Math.min(width, (column + 1) * factor); x++) {
            sum += values[(y * width + x) * channels + channel]!;
            count++;
          }
        }
        const shade = (sum / count - black) / (white - black);
        bytes[(row * columns + column) * channels + channel] = Math.round(
          255 * Math.min(1, Math.max(0, shade)),
        );
      }
    }
  }
  const png = encode({ width: columns, height: rows, data: bytes, channels, depth: 8 });
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}

/** A series of numbers, such as a measured signal, as a line in an SVG `data:` URI. */
export function signalPicture(values: ArrayLike<number>): string {
  const [width, height, margin] = [128, 64, 3];
  const numbers = Array.from(values);
  const finite = numbers.filter(Number.isFinite);
  const least = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const x = (i: number) => margin + (i / Math.max(1, numbers.length - 1)) * (width - 2 * margin);
  const y = (value: number) =>
    height - margin - ((value - least) / (most - least || 1)) * (height - 2 * margin);
  const path =
    line<number>(
      (_, i) => x(i),
      (value) => y(value),
    )
      .defined(Number.isFinite)
      .digits(1)(numbers) ?? "";
  const style =
    "path{fill:none;stroke:#0072b2;stroke-width:1.5}@media(prefers-color-scheme:dark){path{stroke:#56b4e9}}";
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><style>${style}</style><path d="${path}"/></svg>`;
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}`;
}
