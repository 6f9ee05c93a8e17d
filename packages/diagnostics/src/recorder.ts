import { checks, expected, LilawError, stateBytes } from "@lilaw/core";
import { indicesOf, numbersOf, sameLength } from "./arguments.js";
import type { RunRecord, SampleRecord, WeightTerms } from "./records.js";
import { RunTotals } from "./run-totals.js";

/** The values of one training step for each sample of its batch; all arrays have the length of `rows`. */
export interface SampleBatch {
  /** An integer. */
  readonly epoch: number;
  /** Rows of the training set, each in [0, count). */
  readonly rows: ArrayLike<number>;
  readonly losses: ArrayLike<number>;
  /** Probability of the given label, u. */
  readonly labelProbs: ArrayLike<number>;
  /** Largest class probability, v. */
  readonly maxProbs: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
  /** Predicted classes, integers of at least 0. */
  readonly predictions: ArrayLike<number>;
  /**
   * Probability of the given label minus the largest of another class (`labelMargins` of @lilaw/core). Like the terms, present
   * in all batches of an epoch or in none.
   */
  readonly margins?: ArrayLike<number> | undefined;
  /** The most probable class beside the given label, -1 without any; with `margins` only. */
  readonly rivals?: ArrayLike<number> | undefined;
  readonly terms?: WeightTerms<ArrayLike<number>> | undefined;
}

const perSample = ["losses", "labelProbs", "maxProbs", "weights", "predictions"] as const;
const termNames = ["alpha", "beta", "delta"] as const;

/** Rows are numbered with 32 bits. */
const mostRows = 2 ** 31 - 1;

const stateFormat: stateBytes.StateFormat = {
  name: "lilaw-sample-recorder",
  version: 1,
  described: "a state of a SampleRecorder",
};

/** The members of a state beside its arrays; `latest` tells of the record of the latest epoch. */
interface StateHeader {
  readonly count: number;
  readonly latest: ({ readonly epoch: number } & Optional) | null;
}

/** The optional values that a record has. */
interface Optional {
  readonly margins: boolean;
  readonly rivals: boolean;
  readonly terms: boolean;
}

/** The epochs of a recorder. */
interface Seen {
  /** All but the latest */
  readonly before: RunTotals;
  /** The latest */
  readonly record: SampleRecord;
}

/**
 * Gathers batches into the record of the latest epoch and into that of the whole run, in memory for a constant number of values
 * a row.
 *
 * @example
 * const recorder = new SampleRecorder(trainingRows);
 * await fit(model, x, y, { weighting: lilaw(), record: (batch) => recorder.add(batch) });
 * const { issues } = labelIssues({ record: recorder.record, run: recorder.run, labels });
 */
export class SampleRecorder {
  readonly #count: number;
  #seen: Seen | undefined;

  /** @param count training rows, an integer from 1 to 2^31 - 1 */
  constructor(count: number) {
    if (!Number.isInteger(count) || count < 1 || count > mostRows) {
      throw expected("INVALID_ARGUMENT", `an integer from 1 to ${mostRows}`, "count", count);
    }
    this.#count = count;
  }

  /**
   * A recorder that goes on from a {@link state}, bit for bit.
   *
   * @throws INVALID_ARGUMENT, CORRUPT_FILE, INCOMPATIBLE_STATE (bytes of another version), OUT_OF_MEMORY
   */
  static from(state: Uint8Array): SampleRecorder {
    const { header, body } = stateBytes.unpack(stateFormat, state, "state");
    const { count, latest } = header as StateHeader;
    const recorder = new SampleRecorder(count);
    if (latest === null) return recorder;
    recorder.#seen = { before: noEpochs(count), record: emptyRecord(latest.epoch, latest, count) };
    let position = 0;
    for (const { buffer, byteLength } of arraysOf(recorder.#seen)) {
      new Uint8Array(buffer).set(new Uint8Array(body, position, byteLength));
      position += byteLength;
    }
    return recorder;
  }

  /**
   * Copies a batch into the record. The first batch of another epoch starts a new record; a row seen twice in one
   * epoch keeps its last values.
   *
   * @throws LENGTH_MISMATCH, INVALID_ARGUMENT (a row outside the training set, values that are no numbers, margins or terms
   *   in some batches of an epoch only), OUT_OF_MEMORY; nothing has changed then
   */
  add(batch: SampleBatch): void {
    const { epoch, rows, values, margins, rivals, terms } = this.#checked(batch);
    if (this.#seen?.record.epoch === epoch) {
      checkAsBefore("margins", this.#seen.record.margins, margins);
      checkAsBefore("rivals", this.#seen.record.rivals, rivals);
      checkAsBefore("terms", this.#seen.record.terms, terms);
    } else {
      const record = emptyRecord(epoch, presentIn({ margins, rivals, terms }), this.#count);
      const before = this.#seen?.before ?? noEpochs(this.#count);
      if (this.#seen !== undefined) before.add(this.#seen.record);
      this.#seen = { before, record };
    }
    const { record } = this.#seen;
    for (const name of perSample) scatter(record[name], rows, values[name]);
    if (record.margins && margins) scatter(record.margins, rows, margins);
    if (record.rivals && rivals) scatter(record.rivals, rows, rivals);
    for (const name of termNames) if (record.terms && terms) scatter(record.terms[name], rows, terms[name]);
  }

  /** The record of the latest epoch. It is the recorder's own memory: later batches of that epoch change it. */
  get record(): SampleRecord {
    return this.#visited.record;
  }

  /** The record of all epochs up to now, the latest included: a copy, made when it is read. */
  get run(): RunRecord {
    const { before, record } = this.#visited;
    const totals = before.copy();
    totals.add(record);
    return totals.record();
  }

  /**
   * Everything the recorder holds, as bytes with a checksum, about 130 for each row: for checkpoints, from which
   * {@link SampleRecorder.from} goes on. The same batches give the same bytes.
   */
  state(): Uint8Array {
    const header: StateHeader = {
      count: this.#count,
      latest: this.#seen ? { epoch: this.#seen.record.epoch, ...presentIn(this.#seen.record) } : null,
    };
    return stateBytes.pack(stateFormat, header, this.#seen ? arraysOf(this.#seen) : []);
  }

  get #visited(): Seen {
    if (!this.#seen) throw expected("INVALID_ARGUMENT", "at least one batch", "the record", "none");
    return this.#seen;
  }

  #checked(batch: SampleBatch) {
    checks.checkObject("batch", batch);
    const { epoch, margins, rivals, terms } = batch;
    if (!Number.isSafeInteger(epoch)) throw expected("INVALID_ARGUMENT", "an integer", "batch.epoch", epoch);
    if (terms !== undefined) checks.checkObject("batch.terms", terms);
    const rows = indicesOf(batch.rows, "rows", this.#count - 1);
    const values = valuesOf(batch, perSample, "", rows);
    indicesOf(values.predictions, "predictions", mostRows);
    if (rivals !== undefined && margins === undefined)
      throw expected("INVALID_ARGUMENT", "margins with the rivals", "batch.margins", margins);
    return {
      epoch,
      rows,
      values,
      margins: margins && valuesOf({ margins }, ["margins"], "", rows).margins,
      rivals: rivals && valuesOf({ rivals }, ["rivals"], "", rows).rivals,
      terms: terms && valuesOf(terms, termNames, "terms.", rows),
    };
  }
}

/** Refuses optional values that only some batches of an epoch have. */
function checkAsBefore(name: string, before: unknown, given: unknown): void {
  if ((before === undefined) === (given === undefined)) return;
  const others = before ? name : `no ${name}`;
  throw expected("INVALID_ARGUMENT", `${others} as in the epoch's other batches`, `batch.${name}`, given);
}

function valuesOf<N extends string>(
  source: Readonly<Record<N, ArrayLike<number>>>,
  names: readonly N[],
  prefix: string,
  rows: ArrayLike<number>,
): Record<N, ArrayLike<number>> {
  const entries = names.map((name) => {
    const values = numbersOf(source[name], `${prefix}${name}`);
    sameLength(values, `${prefix}${name}`, rows, "rows");
    return [name, values] as const;
  });
  return Object.fromEntries(entries) as Record<N, ArrayLike<number>>;
}

function emptyRecord(epoch: number, has: Optional, count: number): SampleRecord {
  const unseen = () => new Float32Array(count).fill(Number.NaN);
  return allocated(count, () => ({
    epoch,
    losses: unseen(),
    labelProbs: unseen(),
    maxProbs: unseen(),
    weights: unseen(),
    predictions: new Int32Array(count).fill(-1),
    ...(has.margins && { margins: unseen() }),
    ...(has.rivals && { rivals: new Int32Array(count).fill(-1) }),
    ...(has.terms && { terms: { alpha: unseen(), beta: unseen(), delta: unseen() } }),
  }));
}

const noEpochs = (count: number) => allocated(count, () => new RunTotals(count));

const presentIn = ({ margins, rivals, terms }: Partial<Record<keyof Optional, unknown>>): Optional => ({
  margins: margins !== undefined,
  rivals: rivals !== undefined,
  terms: terms !== undefined,
});

/** All arrays, each with a buffer of its own, in the order in which they are saved. */
function arraysOf({ before, record }: Seen): ArrayBufferView[] {
  const { margins, rivals, terms } = record;
  return [
    ...before.arrays,
    ...perSample.map((name) => record[name]),
    ...(margins ? [margins] : []),
    ...(rivals ? [rivals] : []),
    ...(terms ? termNames.map((name) => terms[name]) : []),
  ];
}

/** @throws OUT_OF_MEMORY */
function allocated<T>(count: number, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const message = `Expected memory for a record of ${count} rows but received none`;
    throw new LilawError("OUT_OF_MEMORY", message, { cause });
  }
}

function scatter(target: Float32Array | Int32Array, rows: ArrayLike<number>, given: ArrayLike<number>): void {
  // `values` may be part of the record itself, which would change while it is copied.
  const shared = ArrayBuffer.isView(given) && given.buffer === target.buffer;
  const values = shared ? Float64Array.from(given) : given;
  for (let i = 0; i < rows.length; i++) target[rows[i]!] = values[i]!;
}
