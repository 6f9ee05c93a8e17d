import { accuracy, auroc } from "@lilaw/diagnostics";

const area: number = auroc(Float64Array.of(0.1, 0.4, 0.35, 0.8), Uint8Array.of(0, 0, 1, 1));
if (area !== 0.75) throw new Error(`AUROC ${area}`);
const right: number = accuracy(Int32Array.of(0, 1, 2, 2), Int32Array.of(0, 1, 1, 2));
if (right !== 0.75) throw new Error(`accuracy ${right}`);

// @ts-expect-error the scores are not text, and the types say so
export const wrong = () => auroc("0.1", Uint8Array.of(0));
console.log("works");
