import fc from "fast-check";

export interface RandomBatch {
  logits: Float64Array;
  labels: Int32Array;
  classes: number;
}

/** Batches of 1 to 6 rows and 1 to 8 classes, with logits in [-scale, scale] and ties now and then. */
export function batches({ scale = 10, minClasses = 1 } = {}): fc.Arbitrary<RandomBatch> {
  const logit = fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: -scale, max: scale, noNaN: true }) },
    { weight: 1, arbitrary: fc.constant(0) },
  );
  return fc
    .record({ count: fc.integer({ min: 1, max: 6 }), classes: fc.integer({ min: minClasses, max: 8 }) })
    .chain(({ count, classes }) =>
      fc.record({
        logits: fc
          .array(logit, { minLength: count * classes, maxLength: count * classes })
          .map((values) => Float64Array.from(values)),
        labels: fc
          .array(fc.integer({ min: 0, max: classes - 1 }), { minLength: count, maxLength: count })
          .map((values) => Int32Array.from(values)),
        classes: fc.constant(classes),
      }),
    );
}

/** Scalars alpha, beta and delta in a wide range around their defaults. */
export const params = fc.record({
  alpha: fc.double({ min: 0.5, max: 15, noNaN: true }),
  beta: fc.double({ min: 0.5, max: 15, noNaN: true }),
  delta: fc.double({ min: 0.5, max: 15, noNaN: true }),
});
