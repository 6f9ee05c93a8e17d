/**
 * The functions and classes around the operations: each is called with right arguments, then with one of them
 * replaced by a strange value.
 */

import * as core from "@lilaw/core";
import { LearningToReweight, LiLAW, Random } from "@lilaw/core";
import * as datasets from "@lilaw/datasets";
import * as diagnostics from "@lilaw/diagnostics";
import { type Ending, FaultFound } from "../kind.js";
import { checkRefusal } from "../refusals.js";
import { chance, OwnError, pick, size, strange } from "./values.js";

/** A call with right arguments, and the check of its result. */
interface RightCall {
  readonly args: unknown[];
  call(...args: never[]): unknown;
  check(result: never): boolean;
}

interface Subject {
  readonly name: string;
  make(random: Random): RightCall;
}

const subject = (name: string, make: (random: Random) => RightCall): Subject => ({ name, make });

function right<Args extends unknown[] | [], Result>(
  args: Args,
  call: (...args: Args) => Result,
  holds: (result: Result, ...args: Args) => boolean,
): RightCall {
  const pristine = structuredClone(args);
  return { args, call: call as never, check: ((result: Result) => holds(result, ...pristine)) as never };
}

const integers = (random: Random, length: number, below: number) =>
  Int32Array.from({ length }, () => random.int(below));
/** Few different scores, so that there are ties. */
const scores = (random: Random, length: number) =>
  Float64Array.from({ length }, () => (chance(random, 0.3) ? random.int(3) : random.normal()));
const near = (a: number, b: number) => Object.is(a, b) || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** By its definition: the chance that a positive scores above a negative. */
function pairwise(values: ArrayLike<number>, flags: ArrayLike<number>): number {
  let [wins, pairs] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    for (let k = 0; k < values.length; k++) {
      if (!flags[i] || flags[k]) continue;
      pairs++;
      wins += values[i]! > values[k]! ? 1 : values[i] === values[k] ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

const batch = (random: Random, epoch: number, count: number, hasTerms: boolean) => {
  const rows = Random.from(random.int(1000)).permutation(count).slice(0, size(random, count));
  const values = () => Float32Array.from(rows, () => random.uniform());
  const terms = hasTerms ? { alpha: values(), beta: values(), delta: values() } : undefined;
  const predictions = integers(random, rows.length, 3);
  return {
    epoch,
    rows,
    losses: values(),
    labelProbs: values(),
    maxProbs: values(),
    weights: values(),
    predictions,
    terms,
  };
};

const samples = (random: Random, classes: number) => {
  const count = 10 * classes + random.int(30);
  const width = size(random, 4);
  return {
    features: Float32Array.from({ length: count * width }, () => random.normal()),
    labels: Random.from(random.int(99)).shuffle(Int32Array.from({ length: count }, (_, i) => i % classes)),
    count,
    shape: [width],
  };
};

const noises = ["none", "symmetric", "uniform", "pair-flip", "adjacent", "asymmetric", "background"] as const;

const subjects: readonly Subject[] = [
  subject("accuracy", (random) => {
    const length = random.int(20);
    return right(
      [integers(random, length, 3), integers(random, length, 3)],
      diagnostics.accuracy,
      (result, a, b) => near(result, range(length).filter((i) => a[i] === b[i]).length / length),
    );
  }),
  subject("auroc", (random) => {
    const length = random.int(20);
    return right(
      [scores(random, length), integers(random, length, 2)],
      diagnostics.auroc,
      (result, values, flags) => near(result, pairwise(values, flags)),
    );
  }),
  subject("auprc", (random) => {
    const length = random.int(20);
    return right(
      [scores(random, length), integers(random, length, 2)],
      diagnostics.auprc,
      (result, values, flags) => {
        const hits = range(length).filter((i) => flags[i]);
        const precision = (i: number) => {
          const above = range(length).filter((k) => values[k]! >= values[i]!);
          return above.filter((k) => flags[k]).length / above.length;
        };
        return near(result, hits.reduce((sum, i) => sum + precision(i), 0) / hits.length);
      },
    );
  }),
  subject("precisionAtK", (random) => {
    const length = size(random, 20);
    const k = 1 + random.int(length);
    return right(
      [Float64Array.from({ length }, (_, i) => (i * 7919) % 101), integers(random, length, 2), k],
      diagnostics.precisionAtK,
      (result, values, flags) => {
        const best = range(length)
          .sort((a, b) => values[b]! - values[a]!)
          .slice(0, k);
        return near(result, best.filter((i) => flags[i]).length / k);
      },
    );
  }),
  subject("multiclassAuroc", (random) => {
    const [length, classes] = [random.int(15), size(random, 5)];
    return right(
      [scores(random, length * classes), integers(random, length, classes), classes],
      diagnostics.multiclassAuroc,
      (result, values, labels) => {
        const areas = range(classes).flatMap((c) => {
          const flags = Array.from(labels, (label) => Number(label === c));
          if (!flags.includes(0) || !flags.includes(1)) return [];
          return pairwise(
            range(length).map((i) => values[i * classes + c]!),
            flags,
          );
        });
        return near(result, areas.reduce((a, b) => a + b, 0) / areas.length);
      },
    );
  }),
  subject("softmax", (random) => {
    const [rows, classes] = [random.int(6), size(random, 6)];
    return right(
      [Float32Array.from({ length: rows * classes }, () => 50 * random.normal()), classes],
      diagnostics.softmax,
      (result, logits) =>
        range(rows).every((i) => {
          const row = logits.slice(i * classes, (i + 1) * classes);
          const top = Math.max(...row);
          const sum = row.reduce((total, z) => total + Math.exp(z - top), 0);
          return range(classes).every((k) => near(result[i * classes + k]!, Math.exp(row[k]! - top) / sum));
        }),
    );
  }),
  subject("predictedClasses", (random) => {
    const [rows, classes] = [random.int(6), size(random, 6)];
    return right([scores(random, rows * classes), classes], diagnostics.predictedClasses, (result, values) =>
      range(rows).every((i) => {
        const row = values.slice(i * classes, (i + 1) * classes);
        return result[i] === row.indexOf(Math.max(...row));
      }),
    );
  }),
  subject("effectiveSampleSize", (random) =>
    right(
      [Float32Array.from({ length: random.int(20) }, () => random.exponential())],
      diagnostics.effectiveSampleSize,
      (result, weights) => {
        const [sum, squares] = weights.reduce(([a, b], w) => [a! + w, b! + w * w], [0, 0]) as [
          number,
          number,
        ];
        return near(result, squares === 0 ? 0 : sum ** 2 / squares);
      },
    ),
  ),
  subject("SampleRecorder, labelIssues", (random) => {
    const count = size(random, 20);
    const hasTerms = chance(random, 0.5);
    const batches = range(1 + random.int(3)).map((epoch) => batch(random, epoch >> 1, count, hasTerms));
    return right(
      [
        count,
        batches,
        integers(random, count, 3),
        pick(random, ["loss", "self-confidence", "margin", "weight"] as const),
      ],
      (rows, seen, labels, score) => {
        const recorder = new diagnostics.SampleRecorder(rows);
        for (const one of seen) recorder.add(one);
        return diagnostics.labelIssues({ record: recorder.record, labels, score });
      },
      ({ issues }) => issues.every((issue, i) => i === 0 || issues[i - 1]!.score >= issue.score),
    );
  }),
  subject("injectNoise", (random) => {
    const classes = 2 + random.int(4);
    const noise = {
      kind: pick(random, noises),
      rate: pick(random, [0, 1, random.uniform()]),
    } as datasets.Noise;
    return right(
      [integers(random, random.int(40), classes), classes, noise, random.int(9)],
      datasets.injectNoise,
      ({ labels, flags, rate }, given) =>
        labels.every(
          (label, i) => label >= 0 && label < classes && flags[i] === Number(label !== given[i]),
        ) && near(rate, given.length === 0 ? 0 : flags.reduce((a, b) => a + b, 0) / given.length),
    );
  }),
  subject("parseNoise", (random) => {
    const kind = pick(random, noises);
    return right(
      [kind === "none" ? kind : `${kind}:0.5`],
      datasets.parseNoise,
      (noise) => noise.kind === kind,
    );
  }),
  subject("splitSamples", (random) => {
    const data = samples(random, 2 + random.int(3));
    return right(
      [
        data,
        { fraction: 0.3 + 0.4 * random.uniform(), stratified: chance(random, 0.5), seed: random.int(99) },
      ],
      datasets.splitSamples,
      ({ kept, heldOut }) => [...kept, ...heldOut].sort((a, b) => a - b).join() === range(data.count).join(),
    );
  }),
  subject("takeSamples", (random) => {
    const data = samples(random, 2);
    return right(
      [data, integers(random, random.int(9), data.count)],
      datasets.takeSamples,
      (result, _, rows) =>
        result.count === rows.length && rows.every((row, i) => result.labels[i] === data.labels[row]),
    );
  }),
  subject("balancedRows", (random) => {
    const data = samples(random, 3);
    return right(
      [data.labels, 3, 1 + random.int(2), random.int(99)],
      datasets.balancedRows,
      (rows, labels, _, each) =>
        range(3).every((c) => rows.filter((row) => labels[row] === c).length === each),
    );
  }),
  subject("batches", (random) => {
    const count = size(random, 50);
    return right(
      [count, size(random, 60), random.int(99), random.int(9)],
      (...args: Parameters<typeof datasets.batches>) => [...datasets.batches(...args)],
      (all) =>
        all
          .flatMap((rows) => [...rows])
          .sort((a, b) => a - b)
          .join() === range(count).join(),
    );
  }),
  subject("Random", (random) =>
    right(
      [random.int(1e6), pick(random, ["shuffle", "x"]), size(random, 40)],
      (seed, name, n) => {
        const stream = Random.from(seed, name);
        const again = Random.fromState(stream.state);
        return [stream, again].map((one) => [
          one.int(n),
          one.uniform(),
          one.normal(),
          ...one.permutation(n),
          ...one.shuffle([1, 2, 3]),
        ]);
      },
      ([a, b]) => a!.join() === b!.join(),
    ),
  ),
  subject("Random.fromState", (random) =>
    right(
      [Random.from(random.int(99)).state],
      (state) => Random.fromState(state).state,
      (result, state) => result.join() === state.join(),
    ),
  ),
  subject("LiLAW", (random) =>
    right(
      [
        {
          alpha: random.uniform(),
          learningRate: { alpha: 0.1, beta: 0, delta: 1 },
          clamp: chance(random, 0.5),
        },
        {
          alpha: random.normal(),
          beta: random.normal(),
          delta: random.normal(),
          objective: 1,
          nonFiniteRows: 0,
        },
      ],
      (options, gradient) => {
        const method = new LiLAW(options);
        method.applyMetaGradient(gradient);
        return [method.toJSON(), LiLAW.fromJSON(JSON.parse(JSON.stringify(method))).toJSON()];
      },
      ([a, b]) => JSON.stringify(a) === JSON.stringify(b),
    ),
  ),
  subject("LiLAW.fromJSON", () =>
    right(
      [new LiLAW().toJSON()],
      (state) => LiLAW.fromJSON(state).toJSON(),
      (result, state) => JSON.stringify(result) === JSON.stringify(state),
    ),
  ),
  subject("LearningToReweight", () =>
    right(
      [{ loss: "cross-entropy" as const, backend: "auto" as const }, new LearningToReweight().toJSON()],
      (options, state) => [
        new LearningToReweight(options).toJSON(),
        LearningToReweight.fromJSON(state).toJSON(),
      ],
      ([a, b]) => JSON.stringify(a) === JSON.stringify(b),
    ),
  ),
  subject("getBackend", (random) =>
    right(
      [pick(random, ["auto", "cpu", "reference"] as const)],
      (name) => core.getBackend(name).name,
      (name) => ["cpu", "cuda", "reference"].includes(name),
    ),
  ),
];

export function functionCase(seed: number, index: number): Ending {
  const random = Random.from(seed, "function", index);
  const { name, make } = pick(random, subjects);
  const { args, call, check } = make(random);
  const isStrange = chance(random, 0.6);
  const given = isStrange ? (withStrange(args, random) as unknown[]) : args;
  let result: unknown;
  try {
    result = call(...(given as never[]));
  } catch (error) {
    if (error instanceof OwnError) return "refused";
    try {
      checkRefusal(error);
    } catch (fault) {
      throw fault instanceof FaultFound ? new FaultFound(fault.fault, `${name}: ${fault.message}`) : fault;
    }
    if (isStrange) return "refused";
    throw new FaultFound(
      "silentDifferences",
      `${name}: right arguments were refused: ${(error as Error).message}`,
    );
  }
  // A strange value may happen to be valid; then the right result is not known here.
  if (isStrange || check(result as never)) return "right";
  throw new FaultFound("silentDifferences", `${name}: a wrong result`);
}

/** A copy in which one thing, at any depth, is replaced by another. */
function withStrange(value: unknown, random: Random): unknown {
  const isTyped = ArrayBuffer.isView(value);
  const keys = typeof value === "object" && value !== null && !isTyped ? Object.keys(value) : [];
  if (keys.length === 0 || (!Array.isArray(value) && chance(random, 0.15))) {
    return isTyped && chance(random, 0.5) ? otherArray(value as Int32Array, random) : pick(random, strange);
  }
  const key = pick(random, keys);
  const changed = withStrange((value as Record<string, unknown>)[key], random);
  return Array.isArray(value) ? value.with(Number(key), changed) : { ...(value as object), [key]: changed };
}

/** The same array with one wrong number, or with another length. */
function otherArray(array: Int32Array, random: Random): unknown {
  const kind = random.int(4);
  if (kind === 0) return array.subarray(1);
  if (kind === 1) return Array.from(array, String);
  const copy: number[] = Array.from(array);
  copy[random.int(copy.length + 1)] = pick(random, [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e9, 0.5, -0]);
  return kind === 2 ? copy : (array.constructor as Int32ArrayConstructor).from(copy);
}
