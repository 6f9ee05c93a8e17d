/** The change that makes a right call wrong, or odd. */
import type { Random } from "@lilaw/core";
import { type Call, outputsOf, randomCall } from "./call.js";
import type { NumberArray } from "./memory.js";
import { chance, OwnError, pick, strange } from "./values.js";

/** The required end of a twisted call; `"either"` allows the right result and a refusal. */
export interface Twisted {
  readonly expectation: "right" | "refused" | "either";
  /** Its subject, for messages. */
  readonly about?: string;
  /** Runs the call in a changed environment. */
  around?(run: () => unknown): unknown;
}

type Bag = Record<string, unknown>;
type Twist = (call: Call, random: Random) => Twisted | undefined;

const right: Twisted = { expectation: "right" };
const refused: Twisted = { expectation: "refused" };
const either: Twisted = { expectation: "either" };

const arraysOf = (bag: Bag | undefined): [string, NumberArray][] =>
  Object.entries(bag ?? {}).filter((entry): entry is [string, NumberArray] => ArrayBuffer.isView(entry[1]));

/** One of the arrays of a call, and the object that holds it. */
function someArray({ args, out }: Call, random: Random): [Bag, string, NumberArray] | undefined {
  const places = [args, out, out?.terms as Bag | undefined].flatMap((bag) =>
    arraysOf(bag).map(([name, array]): [Bag, string, NumberArray] => [bag!, name, array]),
  );
  return places.length === 0 ? undefined : pick(random, places);
}

type Copy = { from(values: Iterable<number>): NumberArray };
const types: readonly Copy[] = [
  Float32Array,
  Float64Array,
  Int32Array,
  Uint8Array,
  Int8Array,
  Int16Array,
  Uint16Array,
  Uint32Array,
  Uint8ClampedArray,
];

export const twists = {
  none: () => right,

  length(call, random) {
    const place = someArray(call, random);
    if (place === undefined) return undefined;
    const [bag, name, array] = place;
    const length = pick(random, [0, array.length - 1, array.length + 1, 2 * array.length + 1]);
    bag[name] = call.memory.place(new (array.constructor as Float32ArrayConstructor)(length));
    call.memory.remember();
    // Another number of logits does not fit the labels, unless everything still agrees.
    return refused;
  },

  type(call, random) {
    const place = someArray(call, random);
    if (place === undefined) return undefined;
    const [bag, name, array] = place;
    const wrong: unknown = chance(random, 0.3)
      ? pick(random, [
          Array.from(array),
          array.buffer,
          new DataView(array.buffer),
          { ...array },
          new Proxy(array, {}),
        ])
      : pick(random, types).from(array);
    bag[name] = wrong;
    const same =
      ArrayBuffer.isView(wrong) && array.every((value, i) => Object.is((wrong as NumberArray)[i], value));
    // Other values make another call, which may be right.
    return same ? either : { expectation: "either", around: (run) => unjudged(run) };
  },

  /** An input whose own properties are not those of its memory. */
  pretence(call, random) {
    const [name, array] = pick(random, arraysOf(call.args));
    // Another object on the same memory, as this harness asks its own arrays.
    const view = new (array.constructor as Float32ArrayConstructor)(
      array.buffer as ArrayBuffer,
      array.byteOffset,
      array.length,
    );
    call.args[name] = Object.defineProperties(view, {
      length: { value: pick(random, [0, array.length - 1, array.length + 1, 1e9, Number.NaN, "x"]) },
      buffer: { value: new ArrayBuffer(8) },
      byteOffset: { value: random.int(1000) },
      byteLength: { value: random.int(1000) },
      constructor: { value: pick(random, [...types, Array]) },
      [Symbol.iterator]: { value: () => [0].values() },
    });
    return right;
  },

  /** A transition matrix, for which this harness has no truth: only errors and what is written are judged. */
  transition(call, random) {
    const { classes, loss } = call.meant;
    if (classes > 100) return undefined;
    const noise = random.uniform();
    const values = Float32Array.from({ length: classes * classes }, (_, i) =>
      i % (classes + 1) === 0 ? 1 - noise + noise / classes : noise / classes,
    );
    call.args.transition = call.memory.place(values as unknown as NumberArray);
    call.memory.remember();
    return hasTransition(loss) ? { expectation: "right", around: (run) => unjudged(run) } : refused;
  },

  thing(call, random) {
    const bags = [call.args, call.out, call.args.params, call.args.loss, call.out?.terms];
    const which = random.int(7);
    const value = pick(random, strange);
    if (which === 5) call.args = value as Bag;
    else if (which === 6 && call.out !== undefined) call.out = value as Bag;
    else {
      const bag = bags[which] as Bag | undefined;
      if (typeof bag !== "object" || bag === null) return undefined;
      const copy: Bag = { ...bag };
      copy[
        pick(random, [
          ...Object.keys(bag),
          ...Object.keys(bag),
          "loss",
          "sampleWeights",
          "params",
          "classes",
          "transition",
        ])
      ] = value;
      if (which === 0) call.args = copy;
      else if (which === 1) call.out = copy;
      else if (which === 2) call.args = { ...call.args, params: copy };
      else if (which === 3) call.args = { ...call.args, loss: copy };
      else call.out = { ...call.out, terms: copy };
    }
    // A value may happen to be valid. Then the right result is not known here, and only errors are judged.
    return { expectation: "either", around: (run) => unjudged(run) };
  },

  label(call, random) {
    const { loss } = call.meant;
    const labels = call.args.labels as NumberArray;
    const isRegression = typeof loss === "object" && loss.kind === "regression";
    const limit = loss === "binary" || loss === "multi-label" ? 2 : call.meant.classes;
    const isFloat = labels instanceof Float32Array || labels instanceof Float64Array;
    const infinite = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const wrong = isRegression
      ? infinite
      : isFloat
        ? [...infinite, 0.5, -1, limit]
        : [-1, limit, limit + 7, 2 ** 31 - 1];
    const value = pick(random, wrong);
    const at = random.int(labels.length);
    labels[at] = value;
    call.memory.remember();
    const kept = labels[at]!;
    const isWrong = isRegression
      ? !Number.isFinite(kept)
      : !(Number.isInteger(kept) && kept >= 0 && kept < limit);
    return isWrong ? refused : undefined;
  },

  overlap(call, random) {
    const outputs = outputsOf(call);
    const place = someArray({ ...call, args: {} }, random);
    if (place === undefined) return undefined;
    const [bag, name, array] = place;
    const others = [
      ...outputs.filter((out) => out !== array),
      ...arraysOf(call.args).map(([, input]) => input),
    ];
    if (others.length === 0) return undefined;
    const other = pick(random, others);
    const type = array.constructor as Float32ArrayConstructor;
    const size = type.BYTES_PER_ELEMENT;
    const first = Math.ceil(Math.max(0, other.byteOffset - array.byteLength + size) / size);
    const last = Math.floor(
      Math.min(other.byteOffset + other.byteLength - 1, other.buffer.byteLength - array.byteLength) / size,
    );
    if (last < first) return undefined;
    const offset = size * (first + random.int(last - first + 1));
    bag[name] = new type(other.buffer as ArrayBuffer, offset, array.length);
    const { logits } = call.args as { logits: NumberArray };
    const written = outputsOf(call);
    // Only exactly the same logits may be overwritten in place.
    const inPlace = written.filter((out) => !apart(out, logits));
    const same = inPlace.every((out) => out === call.out?.gradLogits && sameArray(out, logits));
    const rest = [
      ...written.filter((out) => !inPlace.includes(out)),
      ...arraysOf(call.args).map(([, input]) => input),
    ];
    const clear = written.every((out) =>
      [...rest, ...inPlace].every(
        (array) => array === out || (inPlace.includes(out) && array === logits) || apart(out, array),
      ),
    );
    return same && clear && inPlace.length <= 1 ? either : refused;
  },

  frozen(call, random) {
    if (call.out === undefined) call.args = Object.freeze(call.args);
    else if (chance(random, 0.5)) call.out = Object.freeze(call.out);
    else call.args = Object.freeze({ ...call.args });
    return either;
  },

  proxy(call) {
    call.args = new Proxy(call.args, {});
    if (call.out) call.out = new Proxy(call.out, {});
    return either;
  },

  /** A getter of one argument calls an operation of its own, on other arrays. */
  callsAgain(call, random) {
    const inner = randomCall(call.operation, call.form, random, 5);
    const again = () => {
      try {
        inner.run();
      } catch {
        // Whether the inner call is refused does not matter; the outer call is tested.
      }
    };
    call.args = withGetter(call.args, random, again);
    return right;
  },

  /** A getter of one argument detaches the memory of another. */
  takesAway(call, random) {
    const place = someArray(call, random);
    if (place === undefined) return undefined;
    const { buffer } = place[2];
    const shrink = chance(random, 0.5);
    call.args = withGetter(call.args, random, () => {
      if (buffer instanceof SharedArrayBuffer) return;
      const { resizable, resize } = buffer as ArrayBuffer & {
        resizable?: boolean;
        resize?(size: number): void;
      };
      if (resizable && shrink) resize!.call(buffer, Math.floor(buffer.byteLength / 3));
      else structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
    });
    return { expectation: "either", around: (run) => unjudged(run) };
  },

  detached(call, random) {
    const place = someArray(call, random);
    if (place === undefined || place[2].buffer instanceof SharedArrayBuffer) return undefined;
    structuredClone(place[2].buffer, { transfer: [place[2].buffer as ArrayBuffer] });
    return refused;
  },

  throws(call, random) {
    call.args = withGetter(call.args, random, () => {
      throw new OwnError("a getter");
    });
    return { expectation: "either" };
  },

  /** A name on the prototype of all objects is no argument. */
  pollution(call, random) {
    const rows = call.meant.logits.length / call.meant.classes;
    const names = [
      "sampleWeights",
      "coefficients",
      "losses",
      "weights",
      "alignments",
      "predictions",
      "gradLogits",
      "terms",
      "normalize",
      "gradient",
      "loss",
      "backend",
      "warmup",
      "gamma",
      "range",
    ];
    const name = pick(
      random,
      names.filter((known) => !(known in call.args) && !(call.out && known in call.out)),
    );
    const value = pick(random, [
      new Float32Array(rows).fill(3),
      3,
      "batch-mean",
      "detached",
      "reference",
      true,
      {},
    ]);
    return {
      expectation: "either",
      about: name,
      around(run) {
        Object.defineProperty(Object.prototype, name, {
          value,
          configurable: true,
          writable: true,
          // A property with the attributes that an assignment gives.
          enumerable: true,
        });
        try {
          return run();
        } finally {
          delete (Object.prototype as Bag)[name];
        }
      },
    };
  },
} satisfies Record<string, Twist>;

export type TwistName = keyof typeof twists;

function apart(a: NumberArray, b: NumberArray): boolean {
  return (
    a.buffer !== b.buffer ||
    a.byteOffset + a.byteLength <= b.byteOffset ||
    b.byteOffset + b.byteLength <= a.byteOffset
  );
}

function sameArray(a: NumberArray, b: NumberArray): boolean {
  return (
    a.constructor === b.constructor &&
    a.byteOffset === b.byteOffset &&
    a.length === b.length &&
    a.buffer === b.buffer
  );
}

/** A copy in which reading one property, at any depth, runs `hook` first. */
function withGetter(args: Bag, random: Random, hook: () => void): Bag {
  const nested = Object.keys(args).filter((name) => {
    const value = args[name];
    return typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
  });
  if (nested.length > 0 && chance(random, 0.5)) {
    const name = pick(random, nested);
    return { ...args, [name]: withGetter(args[name] as Bag, random, hook) };
  }
  const name = pick(random, Object.keys(args));
  const value = args[name];
  return Object.defineProperty({ ...args }, name, {
    enumerable: true,
    get() {
      hook();
      return value;
    },
  });
}

/** Whether a loss is a function of the label probability, which a transition matrix changes. */
const hasTransition = (loss: Call["meant"]["loss"]): boolean =>
  typeof loss === "string"
    ? loss !== "binary" && loss !== "multi-label"
    : loss.kind !== "regression" && loss.kind !== "label-smoothing";

/** Marks a result that cannot be judged. */
export const unknown = Symbol("unknown");

function unjudged(run: () => unknown): unknown {
  const result = run();
  return result instanceof Promise ? result.then(() => unknown) : unknown;
}
