/** Settings that the suites of this package share. */
import { type Operation, operations, type Shape } from "@lilaw/bench/kernels";

/** From a few cache lines to more than any cache holds. */
const allShapes: readonly Shape[] = [
  [32, 2],
  [128, 10],
  [128, 100],
  [1024, 100],
  [4096, 1000],
  [512, 32000],
  [65536, 1000],
  [512, 131072],
];
const quickShapes: readonly Shape[] = [
  [128, 10],
  [4096, 1000],
];
/** The shapes at which every operation is measured by itself. At other shapes only the whole step is measured. */
const detailed = new Set(["128,10", "128,100", "4096,1000"]);

export function shapes(isQuick: boolean): readonly Shape[] {
  return isQuick ? quickShapes : allShapes;
}

/** The operations to measure at a shape. */
export function operationsAt(shape: Shape, isQuick: boolean): readonly Operation[] {
  return !isQuick && detailed.has(String(shape)) ? operations : ["lilawStep"];
}

/** Native kernels on the best instruction set with all threads: what `"auto"` takes. */
export const native = "native";
