import { expected } from "@lilaw/core";
import { parse } from "npyjs";
import type { SplitName } from "../types.js";
import type { NdArray } from "./arrays.js";
import { parsing } from "./read.js";
import { unzip } from "./zip.js";

/** Names of the features and labels of each split: MedMNIST's, and those of Keras' own files. */
const splitArrays: Record<SplitName, readonly (readonly [string, string])[]> = {
  train: [
    ["train_images", "train_labels"],
    ["x_train", "y_train"],
  ],
  valid: [
    ["val_images", "val_labels"],
    ["x_val", "y_val"],
  ],
  test: [
    ["test_images", "test_labels"],
    ["x_test", "y_test"],
  ],
  clean: [
    ["clean_images", "clean_labels"],
    ["x_clean", "y_clean"],
  ],
};

const plainArrays = ["images", "labels"] as const;

/** The arrays of an NPZ file by name. @throws `CORRUPT_FILE` */
export async function parseNpz(
  path: string,
  bytes: Uint8Array,
  maxBytes?: number,
): Promise<Map<string, NdArray>> {
  const members = await parsing(path, () => unzip(path, bytes, (name) => name.endsWith(".npy"), maxBytes));
  const arrays = new Map<string, NdArray>();
  for (const [member, content] of members) {
    const name = member.slice(0, -".npy".length);
    arrays.set(name, await parsing(`${name} of ${path}`, () => parseNpy(`${name} of ${path}`, content)));
  }
  return arrays;
}

/** The features and labels of one split; `plain` also accepts arrays named just `images` and `labels`. */
export function splitOfNpz(
  path: string,
  arrays: ReadonlyMap<string, NdArray>,
  split: SplitName,
  plain: boolean,
): { features: NdArray; labels: NdArray } | undefined {
  for (const [featuresName, labelsName] of plain
    ? [...splitArrays[split], plainArrays]
    : splitArrays[split]) {
    const features = arrays.get(featuresName);
    if (features === undefined) continue;
    const labels = arrays.get(labelsName);
    if (labels === undefined) {
      throw expected("CORRUPT_FILE", `the array ${labelsName}`, path, [...arrays.keys()].join(", "));
    }
    return { features, labels };
  }
  return undefined;
}

function parseNpy(name: string, bytes: Uint8Array): NdArray {
  // A copy: the parser reads from the start of the buffer, and needs its elements aligned.
  const { data, shape, dtype, fortranOrder } = parse(Uint8Array.from(bytes).buffer);
  const length = shape.reduce((a, b) => a * b, 1);
  if (fortranOrder && shape.length > 1) {
    throw expected("CORRUPT_FILE", "C order (numpy.ascontiguousarray)", name, "Fortran order");
  }
  if (/^[Uc]/.test(dtype)) throw expected("CORRUPT_FILE", "real numbers", name, dtype);
  // The parser's types leave out the plain arrays of booleans it returns.
  const values = data as unknown as NdArray["data"];
  if (values.length !== length) {
    throw expected("CORRUPT_FILE", `${length} elements of shape [${shape.join(", ")}]`, name, values.length);
  }
  return { name, data: values, shape, bytes: dtype === "u1" };
}
