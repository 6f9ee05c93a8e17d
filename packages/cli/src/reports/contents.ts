import type { Dataset, Reading, Samples } from "@lilaw/datasets";
import { picture, type SampleContent, signalPicture } from "@lilaw/report";

/** Shows samples of a dataset; `columns` are the names of their cells. */
export interface Contents {
  readonly columns?: readonly string[];
  contentOf(samples: Samples, index: number): SampleContent;
}

/** Images are shown as pictures, features with names as the cells of a row, other series of numbers as lines. */
export function contentsOf({ train, featureNames, reading }: Dataset): Contents {
  if (isImage(train.shape)) {
    const range = rangeOf(train.features);
    return {
      contentOf: (samples, index) => ({
        picture: picture({ values: featuresOf(samples, index), shape: train.shape, range }),
      }),
    };
  }
  if (featureNames) {
    const columns = columnsOf(featureNames, reading?.features);
    return {
      columns: columns.map(({ name }) => name),
      contentOf: (samples, index) => {
        const features = featuresOf(samples, index);
        return { cells: columns.map((column) => cellOf(column, features)) };
      },
    };
  }
  return { contentOf: (samples, index) => ({ picture: signalPicture(featuresOf(samples, index)) }) };
}

function isImage(shape: readonly number[]): boolean {
  return shape.length === 2 || (shape.length === 3 && [1, 3, 4].includes(shape[2]!));
}

export function featuresOf({ features, shape }: Samples, index: number): Float32Array {
  const width = shape.reduce((a, b) => a * b, 1);
  return features.subarray(index * width, (index + 1) * width);
}

/** Black and white: 0 and 1 as @lilaw/datasets has images, or the ends of what there is. */
function rangeOf(features: Float32Array): [number, number] {
  let [least, most] = [0, 1];
  for (const value of features) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}

/** A column of a table, and its features: one, or one for each category. */
interface Column {
  readonly name: string;
  readonly features: readonly { readonly index: number; readonly category?: string }[];
}

/** Features of categories are called `COLUMN=CATEGORY`; `reading` knows how many a column has. */
function columnsOf(featureNames: readonly string[], reading: Reading["features"]): Column[] {
  const columns = new Map<string, { index: number; category?: string }[]>();
  const owners = reading?.flatMap(({ name, kind, values }) =>
    Array<{ name: string; kind: string }>(values).fill({ name, kind }),
  );
  featureNames.forEach((feature, index) => {
    const at = feature.indexOf("=");
    const owner = owners?.[index] ?? {
      name: at < 0 ? feature : feature.slice(0, at),
      kind: at < 0 ? "numeric" : "categorical",
    };
    const entry =
      owner.kind === "numeric" ? { index } : { index, category: feature.slice(owner.name.length + 1) };
    columns.set(owner.name, [...(columns.get(owner.name) ?? []), entry]);
  });
  return [...columns].map(([name, features]) => ({ name, features }));
}

function cellOf({ features }: Column, values: Float32Array): string {
  const [first] = features;
  if (first!.category === undefined) return String(Number(values[first!.index]!.toPrecision(4)));
  return features.find(({ index }) => values[index]! > 0)?.category ?? "";
}
