import { afterEach, describe, expect, it } from "vitest";
import {
  type AlignmentWeightsInput,
  alignmentWeights,
  backendReport,
  expected,
  LearningToReweight,
  LiLAW,
  LilawError,
  metaGradient,
  type WeightedLossInput,
  type WeightedLossOutputs,
  weightedLoss,
} from "../src/index.js";

const params = { alpha: 10, beta: 2, delta: 6 };
const code = (expected: string) => expect.objectContaining({ name: "LilawError", code: expected });
const backends = backendReport().backend === "reference" ? ["reference"] : ["reference", "auto", "cpu"];

/** Kinds of buffer that the arrays of a call can be views of. */
const kinds = { ArrayBuffer, SharedArrayBuffer } as const;

describe.each(Object.entries(kinds))("outputs in one %s", (_, Memory) => {
  const floats = (memory: ArrayBufferLike, at: number, length: number) =>
    new Float32Array(memory as ArrayBuffer, 4 * at, length);

  /** Each array of two rows begins `step` floats after the one before it: from step 2 on they do not overlap. */
  function call(step: number, gradAt?: number) {
    const memory = new Memory(4 * 80);
    const everything = new Float32Array(memory as ArrayBuffer);
    everything.set([2, 0, -1, 1]); // logits [2, 2]
    new Int32Array(memory as ArrayBuffer, 16, 2).set([0, 1]);
    const place = (i: number) => floats(memory, 6 + i * step, 2);
    const input: WeightedLossInput = {
      logits: floats(memory, 0, 4),
      labels: new Int32Array(memory as ArrayBuffer, 16, 2),
      classes: 2,
      params,
    };
    const out: WeightedLossOutputs = {
      losses: place(0),
      weights: place(1),
      labelProbs: place(2),
      maxProbs: place(3),
      terms: { alpha: place(4), beta: place(5), delta: place(6) },
      gradLogits: floats(memory, gradAt ?? 6 + 7 * step, 4),
    };
    return { everything, input, out };
  }

  it("may lie side by side", () => {
    const { input, out } = call(2);
    const { logits, labels } = input;
    const alone = weightedLoss({ ...input, logits: logits.slice(), labels: labels.slice() });
    weightedLoss(input, out);
    expect(out.losses).toEqual(alone.losses);
    expect(out.gradLogits).toEqual(alone.gradLogits);
  });

  it("may hold the gradients in place of the logits", () => {
    const { input, out } = call(2, 0);
    const alone = weightedLoss({ ...input, logits: input.logits.slice() });
    weightedLoss(input, out);
    expect(out.gradLogits).toEqual(alone.gradLogits);
  });

  it.each(backends)("are refused where they overlap, on %s, and nothing is written", (backend) => {
    for (const { everything, input, out } of [call(1), call(0), call(2, 2), call(2, 3), call(2, 7)]) {
      const before = everything.slice();
      expect(() => weightedLoss({ ...input, backend: backend as "cpu" }, out)).toThrow(
        code("INVALID_ARGUMENT"),
      );
      expect(() => new LiLAW({ backend: backend as "cpu" }).weigh(input, out)).toThrow(
        code("INVALID_ARGUMENT"),
      );
      expect(everything).toEqual(before);
    }
  });
});

describe("an output that is another array of the call", () => {
  const batch = () => ({
    logits: Float32Array.of(2, 0),
    labels: Int32Array.of(0, 1),
    loss: "binary" as const,
  });
  type Arrays = Record<string, Float32Array | Int32Array>;

  it.each([
    ["losses", "weights"],
    ["losses", "sampleWeights"],
    ["losses", "logits"],
    ["maxProbs", "gradLogits"],
    ["gradLogits", "sampleWeights"],
    ["predictions", "labels"],
  ])("%s as %s", (one, other) => {
    const input: Arrays = { ...batch(), sampleWeights: Float32Array.of(1, 1) } as never;
    const out: Arrays = { [one]: input[other] ?? new Float32Array(2) };
    if (!(other in input)) out[other] = out[one]!;
    expect(() => weightedLoss({ ...input, params } as never, out as never)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(`out.`) }),
    );
  });

  it.each(["logits", "labels", "tangents", "weights"])("alignments as %s", (other) => {
    const input = { ...batch(), labels: Float32Array.of(0, 1), tangents: Float32Array.of(1, 2) };
    const weights = new Float32Array(2);
    const alignments = other === "weights" ? weights : input[other as "logits"];
    const acts = [
      () => alignmentWeights(input as AlignmentWeightsInput, { alignments, weights }),
      () => new LearningToReweight({ loss: "binary" }).weigh(input, { alignments, weights }),
    ];
    for (const act of acts) expect(act).toThrow(code("INVALID_ARGUMENT"));
    expect(input.tangents).toEqual(Float32Array.of(1, 2));
  });
});

describe("arguments are read once, before anything is computed", () => {
  const batch = { logits: Float32Array.of(2, 0, -1, 1), labels: Int32Array.of(0, 1), classes: 2 };
  const other = { alpha: 1, beta: 1, delta: 1 };

  /** An object whose getters call an operation in turn, each at its first reading only. */
  function calling<T extends object>(
    values: T,
    again: () => unknown,
  ): { object: T; reads: Record<string, number> } {
    const reads: Record<string, number> = {};
    const object = {} as T;
    for (const [name, value] of Object.entries(values)) {
      const get = () => {
        reads[name] = (reads[name] ?? 0) + 1;
        again();
        return value;
      };
      Object.defineProperty(object, name, { get, enumerable: true });
    }
    return { object, reads };
  }

  it("getters that call in again change nothing", () => {
    const tangents = Float32Array.of(1, 2, 3, 4);
    const again = () => {
      weightedLoss({ ...batch, params: other, loss: { kind: "focal", gamma: 1 } });
      metaGradient({ ...batch, params: other });
      alignmentWeights({ ...batch, tangents: Float32Array.of(0, 0, 0, Number.NaN) });
    };
    const all = (loss: object, scalars: object) => ({ ...batch, tangents, loss, params: scalars }) as never;
    const focal = { kind: "focal", gamma: 2 } as const;
    const hostile = () => {
      const loss = calling(focal, again);
      const scalars = calling(params, again);
      const input = calling(all(loss.object, scalars.object) as object, again);
      return { input: input.object as never, reads: [loss.reads, scalars.reads, input.reads] };
    };
    for (const operation of [weightedLoss, metaGradient, alignmentWeights] as ((input: never) => unknown)[]) {
      const { input, reads } = hostile();
      expect(operation(input)).toEqual(operation(all(focal, params)));
      expect(reads.flatMap((all) => Object.values(all)).filter((times) => times > 1)).toEqual([]);
    }
  });

  it("outputs too", () => {
    const losses = new Float32Array(2);
    const { object, reads } = calling({ losses }, () => weightedLoss({ ...batch, params: other }));
    const filled = weightedLoss({ ...batch, params }, object);
    expect([...losses]).toEqual([...weightedLoss({ ...batch, params }).losses]);
    expect(filled.objective).toBe(weightedLoss({ ...batch, params }).objective);
    expect(reads).toEqual({ losses: 1 });
  });

  it("options of a class count, its getters included", () => {
    class Focal {
      kind = "focal" as const;
      get gamma() {
        return 2;
      }
    }
    class Options {
      get loss() {
        return new Focal();
      }
      alpha = 7;
    }
    const lilaw = new LiLAW(new Options());
    expect(lilaw.params.alpha).toBe(7);
    expect(lilaw.loss).toEqual({ kind: "focal", gamma: 2 });
  });

  it("options cannot be changed from outside afterwards", () => {
    const loss = { kind: "focal" as const, gamma: 2 };
    const learningRate = { alpha: 1, beta: 1, delta: 1 };
    const lilaw = new LiLAW({ loss, learningRate });
    const before = JSON.stringify(lilaw);
    loss.gamma = -1;
    learningRate.alpha = Number.NaN;
    (lilaw.params as { alpha: number }).alpha = Number.NaN;
    expect(() => {
      (lilaw.toJSON().loss as { gamma: number }).gamma = -1;
    }).toThrow(TypeError);
    expect(JSON.stringify(lilaw)).toBe(before);
  });
});

describe("what is put on Object.prototype is no argument", () => {
  const shared = Object.prototype as Record<string, unknown>;
  const names = [
    "sampleWeights",
    "loss",
    "normalize",
    "losses",
    "gradLogits",
    "coefficients",
    "kind",
    "clamp",
  ];
  afterEach(() => {
    for (const name of names) delete shared[name];
  });

  it("in no operation and no method", () => {
    const batch = { logits: Float32Array.of(2, 0, -1, 1), labels: Int32Array.of(0, 1), classes: 2 };
    const tangents = Float32Array.of(1, 2, 3, 4);
    const run = () => {
      const lilaw = new LiLAW();
      return JSON.stringify([
        weightedLoss({ ...batch, params }),
        weightedLoss(
          { ...batch, params, loss: { kind: "focal", gamma: 1 } },
          { weights: new Float32Array(2) },
        ),
        metaGradient({ ...batch, params }),
        alignmentWeights({ ...batch, tangents }),
        lilaw.weigh(batch),
        lilaw.metaStep(batch),
        lilaw.toJSON(),
      ]);
    };
    const before = run();
    const values = [
      Float32Array.of(0, 0),
      "binary",
      "batch-mean",
      5,
      5,
      Float32Array.of(0, 0),
      "regression",
      3,
    ];
    names.forEach((name, i) => {
      shared[name] = values[i];
    });
    expect(run()).toBe(before);
  });
});

describe("arguments that only look like what they should be", () => {
  const batch = { logits: Float32Array.of(2, 0), labels: Int32Array.of(0), classes: 2, params };
  const looksLike = Object.create(Float32Array.prototype) as Float32Array;
  it.each<[string, () => unknown]>([
    ["nothing", () => weightedLoss(undefined as never)],
    ["a number", () => metaGradient(1 as never)],
    ["null", () => new LiLAW().weigh(null as never)],
    ["null options", () => new LiLAW(null as never)],
    ["null options of the other method", () => new LearningToReweight(null as never)],
    ["no gradient", () => new LiLAW().applyMetaGradient(undefined as never)],
    [
      "a gradient of texts",
      () => new LiLAW().applyMetaGradient({ alpha: "1", beta: 0, delta: 0, objective: 0 } as never),
    ],
    [
      "a gradient without objective",
      () => new LiLAW().applyMetaGradient({ alpha: 1, beta: 0, delta: 0 } as never),
    ],
    ["a revoked proxy of a batch", () => new LearningToReweight().weigh(revoked() as never)],
    ["a prototype", () => weightedLoss({ ...batch, logits: looksLike })],
    ["a proxy", () => weightedLoss({ ...batch, logits: new Proxy(batch.logits, {}) })],
    ["a revoked proxy", () => weightedLoss({ ...batch, logits: revoked() as Float32Array })],
    ["a DataView", () => weightedLoss(batch, { losses: new DataView(new ArrayBuffer(4)) as never })],
    ["other integers", () => weightedLoss(batch, { predictions: new Uint32Array(1) as never })],
    ["a number for out", () => weightedLoss(batch, 3 as never)],
    ["a part of the terms", () => weightedLoss(batch, { terms: { alpha: new Float32Array(1) } as never })],
    ["a symbol for classes", () => weightedLoss({ ...batch, classes: Symbol("two") as never })],
    ["a big integer for classes", () => weightedLoss({ ...batch, classes: 2n as never })],
    ["a big integer for alpha", () => weightedLoss({ ...batch, params: { ...params, alpha: 1n as never } })],
  ])("%s", (_, act) => {
    expect(act).toThrow(code("INVALID_ARGUMENT"));
  });

  it("a frozen out, before anything is written", () => {
    const losses = Float32Array.of(7);
    expect(() => weightedLoss(batch, Object.freeze({ losses }))).toThrow(code("INVALID_ARGUMENT"));
    expect(losses[0]).toBe(7);
    const sealed = Object.seal({ losses, objective: 0, gradParams: params, nonFiniteRows: 0 });
    expect(weightedLoss(batch, sealed).objective).toBeGreaterThan(0);
  });
});

describe("expected() describes anything", () => {
  const circular: Record<string, unknown> = { a: 1n };
  circular.itself = circular;
  const throws = () => {
    throw new Error("no");
  };
  it.each<[string, unknown, string]>([
    ["a big integer", 12n, "12n"],
    ["one in an object", { a: 12n }, '{"a":"12n"}'],
    ["a circular object", circular, "an object that cannot be read"],
    [
      "a getter that throws",
      Object.defineProperty({}, "x", { get: throws, enumerable: true }),
      "an object that cannot be read",
    ],
    [
      "a class whose name throws",
      Object.defineProperty({}, "constructor", { get: throws }),
      "an object that cannot be read",
    ],
    ["a class without a name", { constructor: { name: Symbol("x") } }, '{"constructor":{}}'],
    ["toJSON that throws", { toJSON: throws }, "an object that cannot be read"],
    [
      "a proxy that throws",
      new Proxy({}, { get: throws, getPrototypeOf: throws }),
      "an object that cannot be read",
    ],
    ["a revoked proxy", revoked(), "an object that cannot be read"],
    ["a revoked function", revoked(() => 1), "a function"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["an object without a class", Object.create(null), "{}"],
    ["a typed array in an object", { a: new Float32Array(1e6) }, '{"a":"Float32Array of length 1000000"}'],
    ["a DataView", new DataView(new ArrayBuffer(3)), "DataView of length 3"],
    ["a long text", "x".repeat(1e6), `"${"x".repeat(299)}… (1000000 characters)`],
    ["null", null, "null"],
    ["nothing", undefined, "undefined"],
  ])("%s", (_, value, description) => {
    const error = expected("INVALID_ARGUMENT", "something else", "it", value);
    expect(error).toBeInstanceOf(LilawError);
    expect(error.message).toBe(`Expected something else for it but received ${description}`);
  });
});

function revoked(target: object = new Float32Array(2)): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

describe("memory that a getter of the outputs takes away", () => {
  const lose = (array: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>) =>
    structuredClone(array, { transfer: [array.buffer] });
  it.each(backends)("is missed before anything is computed, on %s", (backend) => {
    const make = () => ({ logits: Float32Array.of(2, 0), labels: Uint8Array.of(1), classes: 2, params });
    for (const name of ["labels", "logits"] as const) {
      const batch = { ...make(), backend: backend as never };
      const losses = new Float32Array(1);
      const out = {
        get losses() {
          lose(batch[name]);
          return losses;
        },
      };
      expect(() => weightedLoss(batch, out)).toThrow(code("LENGTH_MISMATCH"));
      const weights = new Float32Array(1);
      const alignment = { ...make(), tangents: new Float32Array(2), backend: backend as never };
      const others = {
        get weights() {
          lose(alignment[name]);
          return weights;
        },
      };
      expect(() => alignmentWeights(alignment, others)).toThrow(code("LENGTH_MISMATCH"));
      const meta = make();
      const scalars = {
        ...params,
        get alpha() {
          lose(meta[name]);
          return 1;
        },
      };
      expect(() => metaGradient({ ...meta, params: scalars, backend: backend as never })).toThrow(
        code("LENGTH_MISMATCH"),
      );
    }
  });
});

describe("arrays that tell wrong things of themselves", () => {
  /** An array whose own properties contradict its memory. */
  const lying = <A extends Float32Array | Float64Array | Int32Array | Uint8Array>(array: A): A =>
    Object.defineProperties(array, {
      length: { value: 1000 },
      buffer: { value: new ArrayBuffer(8) },
      byteOffset: { value: 999 },
      constructor: { value: Float64Array },
      set: { value: () => {} },
      fill: { value: () => {} },
      [Symbol.iterator]: {
        value: function* () {
          yield 0;
        },
      },
    });
  const plain = () => ({
    logits: Float32Array.of(1, 2, 3, Number.NaN, 2, 1),
    labels: Float64Array.of(0, 1),
    classes: 3,
    params,
  });
  const hostile = () => ({ ...plain(), logits: lying(plain().logits), labels: lying(plain().labels) });
  const tangents = Float32Array.of(1, 2, 3, 4, 5, 6);

  it.each(backends)("are what their memory is, on %s", (name) => {
    const backend = name as never;
    expect(weightedLoss({ ...hostile(), backend })).toEqual(weightedLoss({ ...plain(), backend }));
    expect(metaGradient({ ...hostile(), backend })).toEqual(metaGradient({ ...plain(), backend }));
    expect(alignmentWeights({ ...hostile(), tangents: lying(tangents.slice()), backend })).toEqual(
      alignmentWeights({ ...plain(), tangents, backend }),
    );
    const out = () => ({ gradLogits: new Float32Array(6), weights: new Float32Array(2) });
    const [right, found] = [out(), out()];
    weightedLoss({ ...plain(), backend }, right);
    weightedLoss({ ...hostile(), backend }, { ...found, gradLogits: lying(found.gradLogits) });
    expect(Array.from({ length: 6 }, (_, i) => found.gradLogits[i])).toEqual([...right.gradLogits]);
    const alignments = lying(new Float32Array(2));
    alignmentWeights({ ...plain(), tangents, backend }, { alignments });
    expect(alignments[0]).toBe(alignmentWeights({ ...plain(), tangents, backend }).alignments[0]);
  });

  it.each(backends)("share the memory that they are in, on %s", (backend) => {
    const { logits, ...batch } = plain();
    const losses = lying(new Float32Array(logits.buffer, 4, 2));
    expect(() => weightedLoss({ ...batch, logits, backend: backend as never }, { losses })).toThrow(
      code("INVALID_ARGUMENT"),
    );
  });
});

describe("errors of the native kernels", () => {
  it.skipIf(backends.length === 1)("are LilawErrors with their code", () => {
    // Finite as a float64, and not as the float32 that the kernels take.
    const targets = { logits: Float32Array.of(1), labels: Float64Array.of(1e300), params };
    const loss = { kind: "regression", range: 1 } as const;
    const act = () => weightedLoss({ ...targets, loss, backend: "cpu" });
    expect(act).toThrow(LilawError);
    expect(act).toThrow(/finite target/);
  });
});

describe("a tangent that makes an alignment larger than float32 holds", () => {
  const input = {
    logits: Float32Array.of(-5, 5, -5, 5, 0, 0),
    tangents: Float32Array.of(-3.4e38, 3.4e38, -3.4e38, 3.4e38, -1, 1),
    labels: Int32Array.of(0, 0, 0),
    classes: 2,
    loss: { kind: "focal", gamma: 2 },
    backend: "reference",
  } as const;

  it("is infinite there, and gives the weight that it has", () => {
    const { alignments, weights, nonFiniteRows } = alignmentWeights(input);
    expect(nonFiniteRows).toBe(0);
    expect([...alignments].slice(0, 2)).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect([...weights]).toEqual([0.5, 0.5, expect.closeTo(0, 30)]);
    const alone = { weights: new Float32Array(3) };
    expect(alignmentWeights(input, alone).weights).toEqual(weights);
    const exact = { alignments: new Float64Array(3) };
    expect(alignmentWeights(input, exact).alignments[0]).toBeGreaterThan(6e38);
  });
});

it.each(backends)("a sample weight that is not finite shows in every sum, on %s", (backend) => {
  const batch = { logits: Float32Array.of(1, 2), labels: Int32Array.of(0), classes: 2, params: null };
  const sampleWeights = Float32Array.of(Number.NaN);
  const { objective, gradParams } = weightedLoss({ ...batch, sampleWeights, backend: backend as never });
  expect([objective, ...Object.values(gradParams)]).toEqual([NaN, NaN, NaN, NaN]);
});

it.each(backends)("terms on Object.prototype are nobody's, on %s", (backend) => {
  const batch = { logits: Float32Array.of(1, 2), labels: Int32Array.of(0), classes: 2, params };
  const shared = Object.prototype as { terms?: object };
  shared.terms = {};
  try {
    expect(weightedLoss({ ...batch, backend: backend as never }).objective).toBeGreaterThan(0);
  } finally {
    delete shared.terms;
  }
});

it("a state that cannot be read is refused as one that does not fit", () => {
  expect(() => LiLAW.fromJSON(revoked() as never)).toThrow(code("INCOMPATIBLE_STATE"));
});

it("a message has an end, however long the texts in it are", () => {
  const { message } = new LilawError("CORRUPT_FILE", "x".repeat(1e5));
  expect(message.length).toBeLessThan(3100);
  expect(message).toMatch(/… \(100000 characters\)$/);
});
