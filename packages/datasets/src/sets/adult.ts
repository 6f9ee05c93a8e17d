import { type Column, TableFit } from "../files/table.js";
import { fromUrls } from "../sources/source.js";
import type { Groups, Samples } from "../types.js";
import type { Definition } from "./definition.js";

const numericColumns = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"];

const columnNames = [
  "age",
  "workclass",
  "fnlwgt",
  "education",
  "education-num",
  "marital-status",
  "occupation",
  "relationship",
  "race",
  "sex",
  "capital-gain",
  "capital-loss",
  "hours-per-week",
  "native-country",
  "income",
];

const columns = columnNames.map((name): Column => {
  if (name === "income") return { name, kind: "categorical", categories: ["<=50K", ">50K"] };
  return { name, kind: numericColumns.includes(name) ? "numeric" : "categorical" };
});

/** Lowest age of each band. */
const ageBands: readonly (readonly [number, string])[] = [
  [65, "65+"],
  [55, "55-64"],
  [45, "45-54"],
  [35, "35-44"],
  [25, "25-34"],
  [0, "<=24"],
];

/**
 * 32,561 + 16,281 people of the 1994 US census: does a person earn more than 50,000 dollars a year?
 *
 * The 14 attributes become `[108]`, in the order of the file (`featureNames` names each): the six numeric ones
 * shifted and scaled to mean 0 and standard deviation 1 over the training rows, the eight others one-hot over
 * the training categories in sorted order, `?` (unknown) being a category of its own. Groups: sex, race and ageBand.
 */
export const adult: Definition = {
  name: "adult",
  files: [
    {
      name: "adult.data",
      size: 3_974_305,
      sha256: "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
    },
    {
      name: "adult.test",
      size: 2_003_153,
      sha256: "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
    },
  ],
  systemFolders: [],
  // Not exercised against the site itself so far, only against a local server with the same layouts.
  sources: [
    fromUrls("UCI repository, archive", [
      // Not measured. Besides the two files it holds only descriptions, so it is smaller than the two files unpacked.
      { url: "https://archive.ics.uci.edu/static/public/2/adult.zip", maxBytes: 5_977_458 },
    ]),
    fromUrls("UCI repository, files", [
      {
        url: "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/adult.data",
        maxBytes: 3_974_305,
      },
      {
        url: "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/adult.test",
        maxBytes: 2_003_153,
      },
    ]),
  ],
  license: "CC BY 4.0",
  citation: "B. Becker, R. Kohavi: Adult. UCI Machine Learning Repository, 1996. doi:10.24432/C5XW20",
  parse(bytes) {
    const [train, test] = ["adult.data", "adult.test"].map((name) => parseRows(bytes(name))) as [Rows, Rows];
    const fit = new TableFit({ name: "adult.data", columns }, { labelColumn: "income", standardize: true });
    train.forEach((cells, row) => {
      fit.add(cells, row + 1);
    });
    const { encoder } = fit.finish();
    const samplesOf = (rows: Rows): Samples => {
      const labels = Int32Array.from(rows, (cells) => encoder.classNames.indexOf(cells.at(-1)!));
      const writer = encoder.samples({ name: "adult", columns }, { count: labels.length });
      rows.forEach((cells, row) => {
        writer.add(cells, row + 1);
      });
      const { features, count, shape } = writer.finish();
      return { features, labels, count, shape };
    };
    return {
      classNames: encoder.classNames,
      featureNames: encoder.featureNames,
      encoding: encoder.encoding,
      train: samplesOf(train),
      test: samplesOf(test),
      groups: { train: groupsOf(train), test: groupsOf(test) },
    };
  },
};

type Rows = readonly (readonly string[])[];

/**
 * Cells are separated by commas and never quoted. The bytes are pinned by a checksum, so no further checks are
 * needed.
 */
function parseRows(bytes: Uint8Array): Rows {
  const lines = new TextDecoder().decode(bytes).split("\n");
  return (
    lines
      .filter((line) => line.trim() !== "" && !line.startsWith("|"))
      // The test file ends its labels with a full stop.
      .map((line) => line.split(",").map((cell) => cell.trim().replace(/\.$/, "")))
  );
}

function groupsOf(rows: Rows): Groups {
  const column = (name: string) => rows.map((row) => row[columnNames.indexOf(name)]!);
  return {
    sex: column("sex"),
    race: column("race"),
    ageBand: column("age").map((age) => ageBands.find(([lowest]) => Number(age) >= lowest)![1]),
  };
}
