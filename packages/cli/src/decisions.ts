/** Decisions on labels: made by people, on the page of a report or by hand; read by `apply` and `train --decisions`. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type ErrorCode, expected, LilawError } from "@lilaw/core";
import * as v from "valibot";

const sha256Text = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits"));

/** The files of a split, as `data.sources` of `config.json` records them. */
const source = v.object({ name: v.string(), sha256: sha256Text });

const decision = v.object({
  /** The split that the run gave the sample to. */
  split: v.picklist(["train", "valid"]),
  /** Row of the sample in its source, from 0, as in `samples.csv`. */
  row: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** Name of the class that the source gives the sample. */
  old: v.string(),
  /** Name of the class that it gets, null for `keep` and `exclude`. */
  new: v.nullable(v.string()),
  /** `relabel` changes the label, `exclude` leaves the sample out, `keep` records that somebody looked at it. */
  action: v.picklist(["relabel", "keep", "exclude"]),
  /** Name of the person, or `suggested` for a suggestion that was accepted without a look. */
  by: v.string(),
});

/**
 * A decisions file:
 *
 * ```json
 * {
 *   "format": 1,
 *   "kind": "lilaw-decisions",
 *   "source": { "name": "animals.csv", "sha256": "…" },
 *   "run": "…",
 *   "classNames": ["cat", "dog"],
 *   "decisions": [{ "split": "train", "row": 17, "old": "cat", "new": "dog", "action": "relabel", "by": "Ada" }]
 * }
 * ```
 */
export const decisionsFile = v.object({
  format: v.literal(1),
  kind: v.literal("lilaw-decisions"),
  /** The source of the training samples: `data.sources.train` of `config.json`. */
  source,
  /** `data.sources.valid` of `config.json`, where the validation samples have files of their own. */
  valid: v.exactOptional(source),
  /** Name of the label column or array: `data.reading.label.name` of `config.json`. Absent: as `train` finds it. */
  label: v.exactOptional(v.string()),
  /** Checksum of the `config.json` of the run (its member `sha256`), null where there was no run. */
  run: v.nullable(sha256Text),
  classNames: v.array(v.string()),
  decisions: v.array(decision),
});

export type Decision = v.InferOutput<typeof decision>;
export type Decisions = v.InferOutput<typeof decisionsFile>;

/**
 * Reads a decisions file.
 *
 * @returns its content, and the SHA-256 of its bytes
 * @throws SOURCE_UNAVAILABLE, CORRUPT_FILE (another kind of file), UNKNOWN_NAME (a class that is not among `classNames`),
 *   INVALID_ARGUMENT (a new label where the action changes none, none where it does), naming the decision
 */
export async function readDecisions(path: string): Promise<{ decisions: Decisions; sha256: string }> {
  const bytes = await readFile(path).catch((error) => {
    const received = error.code === "ENOENT" ? "no such file" : error.message;
    throw expected("SOURCE_UNAVAILABLE", "a readable file", path, received);
  });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { decisions: parseDecisions(bytes.toString(), path), sha256 };
}

/** Reads the text of a decisions file; `name` is for errors. */
export function parseDecisions(text: string, name: string): Decisions {
  const { output, issues, success } = v.safeParse(decisionsFile, parseJson(text, name));
  if (!success) {
    const [issue] = issues;
    const at = v.getDotPath(issue);
    throw new LilawError(
      "CORRUPT_FILE",
      `Expected ${issue.expected ?? issue.message} for ${at === null ? name : `${at} of ${name}`} but received ${issue.received}`,
    );
  }
  checkDecisions(output, name);
  return output;
}

/** The decisions on the samples of one source. */
export class Corrections {
  readonly #name: string;
  readonly #byRow: ReadonlyMap<number, Decision>;

  /**
   * @param name of the source, for errors
   * @param decisions those on its rows; a row may be there for both splits, as seeds divide the rows differently
   * @throws INVALID_ARGUMENT for different decisions about one row
   */
  constructor(name: string, decisions: readonly Decision[]) {
    this.#name = name;
    const byRow = new Map<number, Decision>();
    for (const decision of decisions) {
      const other = byRow.get(decision.row);
      if (other && outcomeOf(other) !== outcomeOf(decision)) {
        const place = `row ${decision.row} of ${name}`;
        throw expected("INVALID_ARGUMENT", "one decision", place, `${other.action} and ${decision.action}`);
      }
      byRow.set(decision.row, decision);
    }
    this.#byRow = byRow;
  }

  /** The decisions, in the order of their rows. */
  get decisions(): Decision[] {
    return [...this.#byRow.values()].sort((a, b) => a.row - b.row);
  }

  /**
   * The class name that a row gets: its own, another one, or null where it is left out.
   *
   * @param label its present label
   * @throws INCOMPATIBLE_STATE for a decision about another label
   */
  labelOf(row: number, label: string): string | null {
    const decision = this.#byRow.get(row);
    if (decision === undefined) return label;
    if (decision.old !== label) {
      const place = `the label of row ${row} of ${this.#name}`;
      throw expected(
        "INCOMPATIBLE_STATE",
        `${JSON.stringify(decision.old)}, as decided about,`,
        place,
        label,
      );
    }
    return outcomeOf(decision);
  }

  /** @throws INVALID_ARGUMENT for a decision about a row that the source does not have */
  checkRows(count: number): void {
    for (const row of this.#byRow.keys()) {
      if (row < count) continue;
      throw expected("INVALID_ARGUMENT", `rows in [0, ${count})`, `the decisions on ${this.#name}`, row);
    }
  }
}

/** The class name that the sample gets, null where it is left out. */
function outcomeOf({ action, old, new: label }: Decision): string | null {
  if (action === "exclude") return null;
  return action === "relabel" ? label : old;
}

function checkDecisions({ classNames, decisions }: Decisions, name: string): void {
  const classes = new Set(classNames);
  for (const [i, { old, new: label, action }] of decisions.entries()) {
    const fail = (code: ErrorCode, expectation: string, member: string, received: unknown) => {
      throw expected(code, expectation, `${member} of decisions.${i} of ${name}`, received);
    };
    const unknown = [old, label].find((text) => text !== null && !classes.has(text));
    if (unknown !== undefined) fail("UNKNOWN_NAME", `one of ${classNames.join(", ")}`, "a class", unknown);
    if (action === "relabel" && label === null) fail("INVALID_ARGUMENT", "a class", "new", null);
    if (action !== "relabel" && label !== null && label !== old)
      fail("INVALID_ARGUMENT", `null for ${action}`, "new", label);
  }
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw expected("CORRUPT_FILE", "a decisions file", name, (error as Error).message);
  }
}
