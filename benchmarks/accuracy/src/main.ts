/** What the methods do to accuracy on wrong labels: `npm run bench -- accuracy` (docs/benchmarking.md). */
import "./label-noise.js";
