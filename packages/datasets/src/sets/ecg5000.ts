import { fromUrls } from "../sources/source.js";
import type { Samples } from "../types.js";
import type { Definition } from "./definition.js";

const length = 140;

/**
 * 500 + 4,500 heartbeats of one patient with heart failure: `[140]`, each about mean 0 and deviation 1. Both files
 * are sorted by class, and the two rarest classes have 19 and 2 training samples.
 */
export const ecg5000: Definition = {
  name: "ecg5000",
  files: [
    {
      name: "ECG5000_TRAIN.txt",
      size: 1_128_500,
      sha256: "0d96aff193311a6dc6111bf0dbd2f7d2313987fbf7a1da4a383d92563876057b",
    },
    {
      name: "ECG5000_TEST.txt",
      size: 10_156_500,
      sha256: "baf4ad57d28daa5e79050edd4185968181762bc83d45a757753015b4ba8ab295",
    },
  ],
  systemFolders: [],
  // Not exercised against the site itself so far, only against a local server with an archive of this layout.
  sources: [
    fromUrls("timeseriesclassification.com", [
      // Not measured. It has the same numbers in three text formats: four times the unpacked files is a safe bound.
      { url: "https://timeseriesclassification.com/aeon-toolkit/ECG5000.zip", maxBytes: 45_140_000 },
    ]),
  ],
  license: "free with citation",
  citation:
    "Y. Chen, Y. Hao, T. Rakthanmanon, J. Zakaria, B. Hu, E. Keogh: A general framework for never-ending learning from time series streams. Data Mining and Knowledge Discovery 29, 2015; H. A. Dau et al.: The UCR time series archive. IEEE/CAA Journal of Automatica Sinica 6, 2019",
  parse: (bytes) => ({
    classNames: [
      "normal",
      "R-on-T premature ventricular contraction",
      "premature ventricular contraction",
      "supraventricular premature or ectopic beat",
      "unclassified beat",
    ],
    train: parseSeries(new TextDecoder().decode(bytes("ECG5000_TRAIN.txt"))),
    test: parseSeries(new TextDecoder().decode(bytes("ECG5000_TEST.txt"))),
    encoding: { kind: "array", shape: [length], divisor: 1 },
  }),
};

/**
 * A line holds a label, from 1, and 140 values, separated by blanks. The bytes are pinned by a checksum, so no
 * further checks are needed.
 */
function parseSeries(text: string): Samples {
  const lines = text.trimEnd().split("\n");
  const features = new Float32Array(lines.length * length);
  const labels = new Int32Array(lines.length);
  lines.forEach((line, row) => {
    const [label, ...values] = line.trim().split(/\s+/).map(Number);
    labels[row] = label! - 1;
    features.set(values, row * length);
  });
  return { features, labels, count: lines.length, shape: [length] };
}
