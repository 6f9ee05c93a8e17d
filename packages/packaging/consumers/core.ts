import { LiLAW, type LiLAWOptions, LilawError, Random } from "@lilaw/core";

const options: LiLAWOptions = { gradient: "full" };
const logits = Float32Array.of(2, 0, 0, 1);
const batch = { logits, labels: Int32Array.of(0, 0), classes: 2 };
const { losses, gradLogits } = new LiLAW(options).weigh(batch);

const sameTypeAsTheLogits: Float32Array = gradLogits;
const rowSum = sameTypeAsTheLogits[0]! + sameTypeAsTheLogits[1]!;
if (Math.abs(losses[0]! - Math.log1p(Math.exp(-2))) > 1e-6) throw new Error(`cross-entropy ${losses[0]}`);
if (Math.abs(rowSum) > 1e-6) throw new Error(`a row of the gradient sums to ${rowSum}`);
const [first, again] = [Random.from(1, "a"), Random.from(1, "a")].map((random) => random.uniform());
if (first !== again) throw new Error(`one seed gave ${first} and ${again}`);

try {
  // @ts-expect-error not a gradient mode, and the types say so
  new LiLAW({ gradient: "none" }).weigh(batch);
  throw new Error("a wrong option passed");
} catch (error) {
  if (!(error instanceof LilawError && error.code === "INVALID_ARGUMENT")) throw error;
}
console.log("works");
