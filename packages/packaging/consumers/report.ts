import { picture, type ReportData, renderReport } from "@lilaw/report";

const data: ReportData = {
  runs: [
    { name: "run", dataset: "digits", remarks: [], results: [], epochs: [], configuration: { epochs: 1 } },
  ],
  review: {
    title: "run",
    file: { source: { name: "digits", sha256: "0" }, run: null, classNames: ["a", "b"] },
    key: "lilaw-1",
    score: "loss",
    ranked: 1,
    suspects: [
      {
        ...{ split: "train", row: 0, label: 0, suggestedLabel: 1, score: 1 },
        picture: picture({ values: [0, 1], shape: [1, 2] }),
      },
    ],
    remarks: [],
  },
};
const page: string = renderReport(data);
if (!page.includes("data:image/png") || !page.includes("default-src")) throw new Error(page);

// @ts-expect-error a report has runs, and the types say so
export const wrong = () => renderReport({});
console.log("works");
