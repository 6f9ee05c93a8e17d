/** Measures the accuracy of the methods on wrong labels: `npm run bench -- accuracy` (docs/benchmarking.md). */
import "./label-noise.js";
