/**
 * Compares the operations with a copy of the logits, which is the limit of the hardware: the native kernels on every
 * instruction set that runs here, with one thread and with all, on a GPU with and without transfers, and the float64
 * reference in JavaScript.
 */
import { quick, type Suite, thorough } from "@lilaw/bench";
import {
  operations as allOperations,
  corePlan,
  Forecast,
  kernelCase,
  memoryCopyPlan,
} from "@lilaw/bench/kernels";
import { devicePlan } from "./device.js";
import { nativePlans } from "./native.js";
import { native, shapes } from "./settings.js";

export const operations: Suite = {
  name: "operations",
  question: "How far are the operations from a copy of the logits, on everything that runs them?",
  cases(isQuick) {
    const plans = [
      ...nativePlans(),
      devicePlan,
      corePlan("cuda, with transfers", "cuda", "host arrays"),
      corePlan("reference", "reference", "JavaScript, float64"),
      memoryCopyPlan,
    ];
    const forecast = new Forecast();
    // The reference is not made for speed: half a minute of measuring is enough.
    const effort = isQuick ? quick : { ...thorough, callSecondsLimit: 1 };
    return shapes(isQuick).flatMap((shape) =>
      allOperations.map((operation) =>
        kernelCase({
          operation,
          shape,
          plans,
          baseline: native,
          effort,
          forecast,
        }),
      ),
    );
  },
};
