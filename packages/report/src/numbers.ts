/** How numbers are written. */
import { mean, sampleStandardDeviation } from "simple-statistics";

/** Mean ± standard deviation, the mean alone of one value; a dash where a value is not known. */
export function meanWithSpread(values: readonly (number | null)[], digits: number): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0 || known.length < values.length) return "–";
  const center = mean(known).toFixed(digits);
  return known.length === 1 ? center : `${center} ± ${sampleStandardDeviation(known).toFixed(digits)}`;
}

/** Four significant places of a figure. */
export function figureText(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}

export function percentText(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "–";
}

/** `1 234`, with a narrow space that no line breaks at: a sign that is no decimal sign anywhere. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** "1 sample", "2 samples". */
export function counted(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}
