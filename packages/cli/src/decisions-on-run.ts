/** Decisions on the labels of a run. */
import { type Decisions, decisionsFile } from "./decisions.js";
import type { RunFolder } from "./run-folder.js";
import type { Suspect } from "./suspects.js";

/** The members of a decisions file that say what the decisions are about. */
export type DecisionsSubject = Omit<Decisions, "format" | "kind" | "decisions">;

export function subjectOf({ config: { data }, run }: RunFolder): DecisionsSubject {
  const { train, valid } = data.sources;
  return {
    source: train,
    ...(valid && { valid }),
    ...(data.reading && { label: data.reading.label.name }),
    run,
    classNames: [...data.classNames],
  };
}

/** Decisions that give each suspect of a run its suggested label, where that is another one. */
export function acceptSuggestions(folder: RunFolder, suspects: readonly Suspect[]): Decisions {
  return {
    format: decisionsFile.entries.format.literal,
    kind: decisionsFile.entries.kind.literal,
    ...subjectOf(folder),
    decisions: suspects
      .filter(({ label, suggestedLabel }) => suggestedLabel !== label)
      .map(({ split, row, labelName, suggestedName }) => ({
        split: split!,
        row,
        old: labelName,
        new: suggestedName,
        action: "relabel",
        by: "suggested",
      })),
  };
}
