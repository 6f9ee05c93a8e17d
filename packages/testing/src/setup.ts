import fc from "fast-check";

/**
 * Property tests draw the same cases in every run, so that a result can be repeated and a failure is one of this
 * change. `LILAW_TEST_SEED` chooses others: a number, or `random`.
 */
const seed = process.env.LILAW_TEST_SEED ?? "1";
if (seed !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });

// Texts are compared without colours, which CI=true alone would switch on. Programs that a test starts inherit this; they
// would print a warning if the two variables contradicted each other.
process.env.NO_COLOR = "1";
delete process.env.FORCE_COLOR;
