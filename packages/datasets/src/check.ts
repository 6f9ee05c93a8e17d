import { expected } from "@lilaw/core";

export function checkClasses(classes: number): void {
  if (!Number.isSafeInteger(classes) || classes < 1) {
    throw expected("INVALID_ARGUMENT", "an integer of at least 1", "classes", classes);
  }
}

export function checkLabels(labels: Int32Array, classes: number): void {
  const row = labels.findIndex((label) => label < 0 || label >= classes);
  if (row >= 0) {
    throw expected("LABEL_OUT_OF_RANGE", `a class in [0, ${classes})`, `labels[${row}]`, labels[row]);
  }
}

export function checkCount(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw expected("INVALID_ARGUMENT", "an integer of at least 1", name, value);
  }
}
