/** Everything that the training of a unit goes on from, as one file. */
import { expected, stateBytes } from "@lilaw/core";
import { SampleRecorder } from "@lilaw/diagnostics";
import { readTrainingState } from "@lilaw/tfjs";

/** The weights of a model as one of its epochs left them. */
export interface EpochWeights {
  /** From 1. */
  readonly epoch: number;
  readonly validAccuracy: number;
  readonly bytes: Uint8Array;
}

/** The state of a unit during training, besides model, optimizer and weighting. */
export interface Gathered {
  readonly train: SampleRecorder;
  readonly valid: SampleRecorder;
  /** Of the epoch with the highest accuracy on the validation labels, the earliest on ties. */
  readonly best: EpochWeights;
}

/** A unit after an epoch. */
export interface Checkpoint extends Gathered {
  /** The state that `fit` resumes from. */
  readonly training: Uint8Array;
}

interface Header {
  /** Bytes of each part. */
  readonly lengths: readonly number[];
  readonly best: Omit<EpochWeights, "bytes">;
}

const format: stateBytes.StateFormat = { name: "lilaw-checkpoint", version: 1, described: "a checkpoint" };

export function packCheckpoint({ training, train, valid, best }: Checkpoint): Uint8Array {
  const { bytes, ...ofBest } = best;
  const parts = [training, train.state(), valid.state(), bytes];
  const header: Header = { lengths: parts.map(({ length }) => length), best: ofBest };
  return stateBytes.pack(format, header, parts);
}

/** @throws CORRUPT_FILE; INCOMPATIBLE_STATE for an undamaged checkpoint of another version */
export function unpackCheckpoint(given: Uint8Array): Checkpoint {
  const { training, train, valid, best } = partsOf(given);
  return { training, train: SampleRecorder.from(train), valid: SampleRecorder.from(valid), best };
}

/** Checks a checkpoint, and throws what {@link unpackCheckpoint} throws, without taking its parts into memory as objects. */
export function checkCheckpoint(given: Uint8Array): void {
  readTrainingState(partsOf(given).training);
}

function partsOf(given: Uint8Array) {
  // The state of a training alone, as versions before had it.
  const before = new TextEncoder().encode("lilaw-training-state");
  if (stateBytes.startsWith(given, before)) throw stateBytes.otherVersion(format, 0, "checkpoint");
  const { header, body } = stateBytes.unpack(format, given, "checkpoint");
  const { lengths, best } = header as Header;
  let end = 0;
  const parts = lengths.map((length) => {
    end += length;
    return new Uint8Array(body, end - length, length);
  });
  const [training, train, valid, bytes] = parts;
  if (!training || !train || !valid || !bytes || end !== body.byteLength) {
    throw expected("CORRUPT_FILE", "four parts", "checkpoint", lengths);
  }
  return { training, train, valid, best: { ...best, bytes } };
}
