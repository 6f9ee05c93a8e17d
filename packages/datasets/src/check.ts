import { expected } from "@lilaw/core";

export function checkLabels(labels: Int32Array, classes: number): void {
  checkInt32(labels, "labels");
  const row = labels.findIndex((label) => label < 0 || label >= classes);
  if (row >= 0) {
    throw expected("LABEL_OUT_OF_RANGE", `a class in [0, ${classes})`, `labels[${row}]`, labels[row]);
  }
}

export function checkInt32(values: Int32Array, name: string): void {
  // A proxy is no view, and `instanceof` throws for a revoked one.
  if (!ArrayBuffer.isView(values) || !(values instanceof Int32Array))
    throw expected("INVALID_ARGUMENT", "an Int32Array", name, values);
}

export function checkCount(value: number, name: string, most = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > most) {
    const range = most < Number.MAX_SAFE_INTEGER ? `an integer in [1, ${most}]` : "an integer of at least 1";
    throw expected("INVALID_ARGUMENT", range, name, value);
  }
}

/** A class in messages: its index, and its name where that is known. */
export function classTitle(label: number, classNames: readonly string[] | undefined): string {
  const name = classNames?.[label];
  return typeof name === "string" ? `class ${label} (${name})` : `class ${label}`;
}
