/**
 * The largest |actual - expected| / max(1, |expected|) over two arrays; infinite where the lengths or the kind of
 * number (finite, infinite, NaN) differ. Compare with a tolerance: `expect(deviation(a, b)).toBeLessThan(1e-10)`.
 */
export function deviation(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Object.is(a, e)) continue;
    const difference = Math.abs(a - e) / Math.max(1, Math.abs(e));
    worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
  }
  return worst;
}
