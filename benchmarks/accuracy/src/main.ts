/**
 * Measures the accuracy of the methods on wrong labels: `npm run bench -- accuracy` (docs/benchmarking.md). How well scores find
 * these labels is measured by `suspects.ts`.
 */
import "./label-noise.js";
