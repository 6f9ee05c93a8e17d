import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { LabelFilter } from "../src/index.js";

const bytesOf = (name: string): Buffer => {
  const bytes = readFileSync(new URL(`data/${name}`, import.meta.url));
  return name.endsWith(".gz") ? gunzipSync(bytes) : bytes;
};

const jsonOf = <T>(name: string): T => JSON.parse(bytesOf(name).toString());

/** The elements of a version 1 NPY file. */
const elementsOf = (name: string): ArrayBuffer => {
  const bytes = bytesOf(name);
  return Uint8Array.from(bytes.subarray(10 + bytes.readUInt16LE(8))).buffer;
};

/** The results of cleanlab 2.9.0. */
export type Reference = Record<LabelFilter, number[]> & {
  confident_joint: number[][];
  py: number[];
  noise_matrix: number[][];
  inverse_noise_matrix: number[][];
  thresholds: number[];
  score_self_confidence: number[];
  score_normalized_margin: number[];
  score_confidence_weighted_entropy: number[];
  num: number;
};

interface Verdict {
  id: number | string;
  mturk: { given: number };
}

/** A test set of the collection; see data/README.md. */
export function labelErrors(name: "mnist" | "imdb") {
  const files = name === "imdb" ? jsonOf<string[]>("imdb-files.json.gz") : undefined;
  return {
    labels: new Uint16Array(elementsOf(`${name}-labels.npy`)),
    predProbs: new Float64Array(elementsOf(`${name}-pred-probs.npy.gz`)),
    classes: name === "mnist" ? 10 : 2,
    reference: jsonOf<Reference>(`${name}-cleanlab-2.9.0.json`),
    /** The flagged rows; wrong where fewer than three people chose the given label */
    verdicts: jsonOf<Verdict[]>(`${name}-verdicts.json.gz`).map(({ id, mturk }) => ({
      row: files ? files.indexOf(`${id}.txt`.replace("test/", "")) : (id as number),
      wrong: mturk.given < 3,
    })),
  };
}
