/** The kinds of cases, and how a case ends. */

/** As it should: carried out with the right result, or refused with one clear error and nothing changed. */
export type Outcome = "right" | "refused";

/** In every other way. */
export type Fault = "crashes" | "hangs" | "rawErrors" | "silentDifferences";
export const faults: readonly Fault[] = ["crashes", "hangs", "rawErrors", "silentDifferences"];

export interface Finding {
  readonly group: string;
  readonly seed: number;
  /** The number of the case: with the seed it is all that repeating it needs */
  readonly index: number;
  readonly fault: Fault;
  readonly message: string;
}

/** Thrown by a case that did not end as it should. */
export class FaultFound extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, message: string) {
    super(message);
    this.fault = fault;
  }
}

export const kindNames = ["calls", "files", "kills"] as const;
/** `faulty` is there for the tests. */
export type KindName = (typeof kindNames)[number] | "faulty";

/** Runs case `index` of a seed. @throws FaultFound */
export type RunCase<Group extends string = string> = (
  group: Group,
  seed: number,
  index: number,
) => Promise<Outcome> | Outcome;

export interface Kind<Group extends string = string> {
  readonly name: KindName;
  /** Case i belongs to group i of this list, over and over. */
  readonly wheel: readonly Group[];
  /** Whether a count of cases is meant for each group. */
  readonly countsEachGroup: boolean;
  /** A case that takes longer hangs. */
  readonly limitSeconds: number;
  /** The memory that cases may take, beyond that of the process before them, in bytes. */
  readonly limitBytes: number;
  /** Cases that one process runs before a fresh one takes over. */
  readonly chunk: number;
  /** Loads what the cases need. `folder` is empty, and this process's own. */
  open(folder: string): Promise<RunCase<Group>>;
}

export const groupOf = (kind: Kind, index: number): string => kind.wheel[index % kind.wheel.length]!;
