import { parse } from "csv-parse/sync";
import { decodeText } from "../files/read.js";
import { type Column, fitEncoder, type Table } from "../files/table.js";
import { fromUrls } from "../sources/source.js";
import type { Groups } from "../types.js";
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
      // Not measured. Beside the two files it has descriptions only, so it is smaller than they are unpacked.
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
    const train = parseTable("adult.data", bytes("adult.data"));
    const test = parseTable("adult.test", bytes("adult.test"));
    const encoder = fitEncoder(train, { labelColumn: "income", standardize: true });
    return {
      classNames: encoder.classNames,
      featureNames: encoder.featureNames,
      train: encoder.encode(train),
      test: encoder.encode(test),
      groups: { train: groupsOf(train), test: groupsOf(test) },
    };
  },
};

function parseTable(name: string, bytes: Uint8Array): Table {
  const rows = parse(decodeText(name, bytes), { comment: "|", skip_empty_lines: true, trim: true });
  // The test file ends its labels with a full stop.
  for (const row of rows) row[14] = row[14]!.replace(/\.$/, "");
  const columns = columnNames.map((column): Column => {
    if (column === "income") return { name: column, kind: "categorical", categories: ["<=50K", ">50K"] };
    return { name: column, kind: numericColumns.includes(column) ? "numeric" : "categorical" };
  });
  return { name, columns, rows };
}

function groupsOf({ rows }: Table): Groups {
  const column = (name: string) => rows.map((row) => row[columnNames.indexOf(name)]!);
  return {
    sex: column("sex"),
    race: column("race"),
    ageBand: column("age").map((age) => ageBands.find(([lowest]) => Number(age) >= lowest)![1]),
  };
}
