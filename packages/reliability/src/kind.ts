/** The kinds of cases, and how a case ends. */

/** The right ends: carried out with the right result, or refused with one clear error and without any change. */
export type Ending = "right" | "refused";

/** The wrong ends. */
export type Fault = "crashes" | "hangs" | "rawErrors" | "silentDifferences";
export const faults: readonly Fault[] = ["crashes", "hangs", "rawErrors", "silentDifferences"];

export interface Finding {
  readonly group: string;
  readonly seed: number;
  /** The number of the case; it can be repeated from this number and the seed */
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
/** `faulty` is for the tests. */
export type KindName = (typeof kindNames)[number] | "faulty";

/** Runs case `index` of a seed. @throws FaultFound */
export type RunCase<Group extends string = string> = (
  group: Group,
  seed: number,
  index: number,
) => Promise<Ending> | Ending;

export interface Kind<Group extends string = string> {
  readonly name: KindName;
  /** Case i belongs to group i of this list, over and over. */
  readonly wheel: readonly Group[];
  /** Whether a given count of cases applies to each group. */
  readonly countsEachGroup: boolean;
  /** A case that takes longer counts as hanging. */
  readonly limitSeconds: number;
  /** The bytes that cases may use beyond the memory of the process before them. */
  readonly limitBytes: number;
  /** The number of cases that one process runs before a new one continues. */
  readonly chunk: number;
  /** Loads the packages of the cases. `folder` is empty and used by this process alone. */
  open(folder: string): Promise<RunCase<Group>>;
}

export const groupOf = (kind: Kind, index: number): string => kind.wheel[index % kind.wheel.length]!;
