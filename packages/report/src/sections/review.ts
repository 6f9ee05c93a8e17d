import { type Html, html, jsonBlock, userText } from "../html.js";
import { counted, countText } from "../numbers.js";
import type { LabelEvidence, Review, ReviewNeighbour, ReviewSuspect } from "../report-data.js";
import type { PageSample, ReviewData, SampleSource } from "../review-data.js";

/** Classes with a key: the digits. */
const keyCount = 10;

/**
 * The list of suspects, which can be read and printed without a script, and the form to decide on them, which the script
 * of the page brings to life.
 */
export function reviewSection(review: Review, confusion: LabelEvidence["confusion"]): Html {
  const { suspects, file } = review;
  return html`<section id="review" aria-labelledby="review-title">
<h2 id="review-title">Review</h2>
<p>${userText(review.title)}: the first ${countText(suspects.length)} of ${counted(review.ranked, "sample")}, by the score ${review.score}, which is high where a label is suspect.</p>
${review.remarks.map((remark) => html`<p>${remark}</p>`)}
${suspects.length === 0 ? html`<p>There is nothing to decide.</p>` : workplace(file.classNames, suspects, review.columns)}
</section>
${suspects.length === 0 ? undefined : jsonBlock("review-data", pageDataOf(review, confusion))}`;
}

function workplace(
  names: readonly string[],
  suspects: readonly ReviewSuspect[],
  columns?: readonly string[],
): Html {
  const all = names.map((name, label) => html`<option value="${label}">${name}</option>`);
  return html`<noscript><p>Deciding needs JavaScript. The list can be read without.</p></noscript>
<div id="workplace">
<p class="quiet keys">In the review: <kbd>↓</kbd> or <kbd>J</kbd> next, <kbd>↑</kbd> previous, <kbd>Home</kbd>, <kbd>End</kbd>, <kbd>Page Up</kbd>, <kbd>Page Down</kbd>; <kbd>Enter</kbd> accepts the suggestion, <kbd>K</kbd> keeps the label, <kbd>X</kbd> excludes the sample, digits choose a class, <kbd>U</kbd> takes the last decision back.</p>
<div class="filters" role="group" aria-label="Which suspects are shown">
<label>Given <select id="filter-given"><option value="">any class</option>${all}</select></label>
<label>Suggested <select id="filter-suggested"><option value="">any class</option><option value="other">other than given</option>${all}</select></label>
<label>Decision <select id="filter-decision"><option value="">any</option><option value="undecided">undecided</option><option value="decided">decided</option><option value="relabel">another label</option><option value="keep">kept</option><option value="exclude">excluded</option></select></label>
<button type="button" id="accept-all">Accept all shown</button>
</div>
<div class="panes">
<div class="pane">
<p id="shown" class="quiet"></p>
<ol id="suspects" role="listbox" aria-label="Suspects" tabindex="0">
${suspects.map((suspect, i) => listEntry(suspect, i, names, columns))}
</ol>
</div>
<section id="detail" class="pane" aria-labelledby="detail-title">
<h3 id="detail-title"></h3>
<div id="sample" role="group" aria-label="Sample" tabindex="0"></div>
<dl class="labels"><div><dt>given label</dt><dd><bdi id="given"></bdi></dd></div><div><dt>suggested label</dt><dd><bdi id="suggested"></bdi></dd></div><div><dt>score</dt><dd id="score"></dd></div><div><dt>decision</dt><dd><bdi id="decision"></bdi></dd></div></dl>
<div class="actions" role="group" aria-label="Decide">
<button type="button" id="accept" aria-keyshortcuts="Enter"><kbd>Enter</kbd> accept suggestion</button>
<button type="button" id="keep" aria-keyshortcuts="K"><kbd>K</kbd> keep</button>
<button type="button" id="exclude" aria-keyshortcuts="X"><kbd>X</kbd> exclude</button>
<button type="button" id="undo" aria-keyshortcuts="U"><kbd>U</kbd> undo</button>
</div>
<div id="classes" class="actions" role="group" aria-label="Choose a class"></div>
<div id="neighbours"></div>
</section>
</div>
<p class="progress"><progress id="progress" max="${suspects.length}" value="0" aria-label="Decided suspects"></progress> <span id="decided"></span></p>
<div class="actions">
<label>Your name <input id="reviewer" type="text" autocomplete="off" maxlength="100"></label>
<button type="button" id="export">Download decisions</button>
<label class="file">Go on with a file of decisions <input id="import" type="file" accept=".json,application/json"></label>
</div>
<p id="storage" class="quiet"></p>
<p id="announcement" aria-live="polite" class="quiet"></p>
</div>`;
}

function listEntry(
  suspect: ReviewSuspect,
  index: number,
  names: readonly string[],
  columns: readonly string[] = [],
): Html {
  const { picture, cells, label, suggestedLabel } = suspect;
  const sample = picture
    ? html`<img class="thumb" src="${picture}" alt="" loading="lazy" decoding="async">`
    : html`<span class="summary">${userText(summaryOf(cells ?? [], columns))}</span>`;
  return html`<li role="option" id="suspect-${index}" aria-selected="false"><span class="place">${index + 1}</span>${sample}<span class="change"><span class="given">${userText(names[label]!)}</span> → <span class="suggested">${userText(names[suggestedLabel]!)}</span></span><span class="score">${scoreText(suspect.score)}</span><span class="where">${userText(nameOf(suspect))}</span><span class="decision"></span></li>
`;
}

/** The suspects for the script. A picture that is in the list is not repeated. */
function pageDataOf(review: Review, confusion: LabelEvidence["confusion"]): ReviewData {
  const { file } = review;
  const neighbours = new Map<string, { index: number; sample: PageSample }>();
  const indexOf = (neighbour: ReviewNeighbour) => {
    const name = nameOf(neighbour);
    const known = neighbours.get(name);
    if (known) return known.index;
    const { picture, cells } = neighbour;
    const sample = { name, ...(picture !== undefined && { picture }), ...(cells && { cells }) };
    neighbours.set(name, { index: neighbours.size, sample });
    return neighbours.size - 1;
  };
  const suspects = review.suspects.map((suspect) => ({
    split: suspect.split,
    row: suspect.row,
    name: nameOf(suspect),
    label: suspect.label,
    suggested: suspect.suggestedLabel,
    score: scoreText(suspect.score),
    ...(suspect.cells && { cells: suspect.cells }),
    likeGiven: (suspect.neighbours?.given ?? []).map(indexOf),
    likeSuggested: (suspect.neighbours?.suggested ?? []).map(indexOf),
  }));
  return {
    storageKey: `lilaw-decisions:${file.run ?? file.source.sha256}:${review.key}`,
    file: { format: 1, kind: "lilaw-decisions", ...file },
    columns: review.columns ?? [],
    alternatives: file.classNames.length <= keyCount ? [] : confusion.map(largestOf),
    suspects,
    neighbours: [...neighbours.values()].map(({ sample }) => sample),
  };
}

/** The positions of the largest counts, as many as there are keys. */
function largestOf(counts: readonly number[]): number[] {
  return [...counts.keys()].sort((a, b) => counts[b]! - counts[a]! || a - b).slice(0, keyCount);
}

/** Where a sample is, in words. */
function nameOf({ split, row, line, file }: SampleSource): string {
  const place = file ?? (line === undefined ? undefined : `line ${line}`);
  return `${split} row ${row}${place === undefined ? "" : `, ${place}`}`;
}

function summaryOf(cells: readonly string[], columns: readonly string[]): string {
  const parts = cells
    .slice(0, 8)
    .map((cell, i) => (cells.length > 1 && columns[i] ? `${columns[i]} ${cell}` : cell));
  const text = parts.join(" · ").replace(/\s+/g, " ");
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}

function scoreText(score: number): string {
  return Number.isFinite(score) ? score.toPrecision(3) : String(score);
}
