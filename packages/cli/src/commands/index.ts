import { addApply } from "./apply.js";
import { addBench } from "./bench.js";
import type { AddCommand } from "./command.js";
import { addCompare } from "./compare.js";
import { addIssues } from "./issues.js";
import { addPredict } from "./predict.js";
import { addReport } from "./report.js";
import { addTrain } from "./train.js";

/** Every command, in the order of `lilaw --help`: that of the work, from data to labels that are corrected. */
export const commands: readonly AddCommand[] = [
  addTrain,
  addIssues,
  addReport,
  addApply,
  addPredict,
  addCompare,
  addBench,
];
