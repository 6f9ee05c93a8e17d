/**
 * The script of the page: decisions on suspects by mouse, keyboard and screen reader. It is part of the document as it is
 * compiled, so it imports nothing but types, and it makes elements and texts only, never markup.
 */
import type { Decision, Decisions, PageSample, ReviewData } from "../review-data.js";

/** A decision before a change; undefined if there was none. */
type Change = readonly { readonly key: string; readonly before: Decision | undefined }[];

/** The keys of classes, in the order in which they lie on a keyboard. */
const digitKeys = "1234567890";

const data = JSON.parse(element("review-data").textContent!) as ReviewData;
const { suspects } = data;
const { classNames } = data.file;
const entries = suspects.map((_, i) => element(`suspect-${i}`));
/** Single digits are their own keys: the digit 3 has the key 3, though it is the fourth class. */
const namedByDigits = classNames.every((name) => /^\d$/.test(name));

const list = element("suspects");
const filters = {
  given: element<HTMLSelectElement>("filter-given"),
  suggested: element<HTMLSelectElement>("filter-suggested"),
  decision: element<HTMLSelectElement>("filter-decision"),
};
const reviewer = element<HTMLInputElement>("reviewer");

/** By split and row, so that a report with fewer suspects keeps those of one with more. */
const decisions = new Map<string, Decision>();
const changes: Change[] = [];
/** Indices of the suspects that the filters show. */
let shown: number[] = suspects.map((_, i) => i);
let current = 0;

const store = openStore();
const classButtons = makeClassButtons();
readStore();
listen();
for (const i of suspects.keys()) showDecision(i);
applyFilters();
select(shown.find((i) => !decisionOn(i)) ?? 0, { scroll: false });

function listen(): void {
  element("workplace").addEventListener("keydown", onKey);
  list.addEventListener("click", ({ target }) => {
    const entry = (target as Element).closest("li");
    if (entry) select(entries.indexOf(entry));
  });
  for (const filter of Object.values(filters)) filter.addEventListener("change", applyFilters);
  onClick("accept", acceptSuggestion);
  onClick("keep", () => decide("keep"));
  onClick("exclude", () => decide("exclude"));
  onClick("undo", undo);
  onClick("accept-all", acceptAll);
  onClick("export", exportDecisions);
  reviewer.addEventListener("change", () => write());
  element<HTMLInputElement>("import").addEventListener("change", importDecisions);
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as HTMLElement;
  if (target.matches("input, select, textarea")) return;
  // A button that has the focus takes these keys itself.
  if (target.matches("button, a, summary") && (event.key === "Enter" || event.key === " ")) return;
  const act = actionOf(event.key);
  if (!act) return;
  event.preventDefault();
  act();
}

function actionOf(key: string): (() => void) | undefined {
  const page = Math.max(1, Math.floor(list.clientHeight / (entries[current]!.offsetHeight || 1)) - 1);
  const actions: Record<string, () => void> = {
    ArrowDown: () => move(1),
    j: () => move(1),
    ArrowUp: () => move(-1),
    PageDown: () => move(page),
    PageUp: () => move(-page),
    Home: () => move(-suspects.length),
    End: () => move(suspects.length),
    Enter: acceptSuggestion,
    k: () => decide("keep"),
    x: () => decide("exclude"),
    u: undo,
  };
  const name = key.length === 1 ? key.toLowerCase() : key;
  if (Object.hasOwn(actions, name)) return actions[name];
  const button = classButtons.find((candidate) => candidate.dataset.key === key && !candidate.hidden);
  return button && (() => chooseClass(Number(button.dataset.label)));
}

// The suspect that is looked at.

/** Goes so many suspects on among those shown, and stays within them. */
function move(by: number): void {
  if (shown.length === 0) return;
  const place = shown.indexOf(current);
  select(shown[Math.min(shown.length - 1, Math.max(0, place + by))]!);
}

function select(index: number, { scroll = true } = {}): void {
  entries[current]!.setAttribute("aria-selected", "false");
  current = index;
  const entry = entries[index]!;
  entry.setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", entry.id);
  if (scroll) scrollTo(entry);
  showDetail();
}

/**
 * Within the list alone: the page stays where it is. Entries get their true heights when they are drawn first, which may move
 * the entry again, so its place is looked at in the next frames too.
 */
function scrollTo(entry: HTMLElement, frames = 4): void {
  const [outer, inner] = [list.getBoundingClientRect(), entry.getBoundingClientRect()];
  if (inner.top < outer.top) list.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) list.scrollTop += inner.bottom - outer.bottom;
  if (frames === 0) return;
  requestAnimationFrame(() => {
    if (entry === entries[current]) scrollTo(entry, frames - 1);
  });
}

function showDetail(): void {
  const suspect = suspects[current]!;
  setText("detail-title", `${current + 1}. ${suspect.name}`);
  const thumb = entries[current]!.querySelector<HTMLImageElement>("img");
  const sample: PageSample = {
    name: suspect.name,
    ...(thumb && { picture: thumb.src }),
    ...(suspect.cells && { cells: suspect.cells }),
  };
  element("sample").replaceChildren(...sampleElements(sample));
  setText("given", classNames[suspect.label]!);
  setText("suggested", classNames[suspect.suggested]!);
  setText("score", suspect.score);
  setText("decision", decisionText(current));
  labelClassButtons();
  element("neighbours").replaceChildren(
    ...neighbourElements(suspect.label, suspect.likeGiven),
    ...(suspect.suggested === suspect.label
      ? []
      : neighbourElements(suspect.suggested, suspect.likeSuggested)),
  );
}

function sampleElements({ name, picture, cells }: PageSample): HTMLElement[] {
  const image = picture === undefined ? [] : [create("img", { src: picture, alt: `Picture of ${name}` })];
  if (!cells) return image;
  if (cells.length === 1) return [...image, create("blockquote", {}, cells[0]!)];
  const rows = cells.map((cell, i) => {
    const row = create("tr");
    row.append(create("th", { scope: "row" }, data.columns[i] ?? String(i)), create("td", {}, cell));
    return row;
  });
  const table = create("table", { className: "cells" });
  table.append(...rows);
  return [...image, table];
}

function neighbourElements(label: number, indices: readonly number[]): HTMLElement[] {
  if (indices.length === 0) return [];
  const heading = create("h4", {}, "Confident samples like it: ");
  heading.append(create("bdi", {}, classNames[label]!));
  const samples = create("ul", { className: "neighbours" });
  for (const index of indices) {
    const item = create("li");
    const sample = data.neighbours[index]!;
    item.append(...sampleElements(sample), create("span", { className: "where" }, sample.name));
    samples.append(item);
  }
  return [heading, samples];
}

// Decisions.

function decisionOn(index: number): Decision | undefined {
  return decisions.get(keyOf(suspects[index]!));
}

function keyOf({ split, row }: { split: string; row: number }): string {
  return `${split} ${row}`;
}

function decisionFor(
  index: number,
  action: Decision["action"],
  label?: number,
  by = reviewer.value.trim(),
): Decision {
  const suspect = suspects[index]!;
  const to = label === undefined ? null : classNames[label]!;
  return {
    split: suspect.split,
    row: suspect.row,
    old: classNames[suspect.label]!,
    new: action === "relabel" ? to : null,
    action,
    by: by || "reviewer",
  };
}

function acceptSuggestion(): void {
  chooseClass(suspects[current]!.suggested);
}

/** The given class is the one to keep. */
function chooseClass(label: number): void {
  if (label === suspects[current]!.label) decide("keep");
  else decide("relabel", label);
}

function decide(action: Decision["action"], label?: number): void {
  if (!shown.includes(current)) {
    announce("No suspect is shown.");
    return;
  }
  const index = current;
  const next = nextUndecided(index);
  change([[index, decisionFor(index, action, label)]]);
  const said = `${suspects[index]!.name}: ${decisionText(index)}. ${progressText()}.`;
  applyFilters();
  if (next !== undefined) select(next);
  announce(next === undefined ? `${said} No other suspect that is shown is undecided.` : said);
}

/** The next one that is shown and undecided, from the top again at the end. */
function nextUndecided(after: number): number | undefined {
  const open = shown.filter((i) => i !== after && !decisionOn(i));
  return open.find((i) => i > after) ?? open[0];
}

/** Takes the suggestion for every undecided suspect that is shown, as one step that can be taken back. */
function acceptAll(): void {
  const open = shown.filter((i) => !decisionOn(i));
  if (open.length === 0) {
    announce("No suspect that is shown is undecided.");
    return;
  }
  change(
    open.map((i) => {
      const { label, suggested } = suspects[i]!;
      return [i, decisionFor(i, suggested === label ? "keep" : "relabel", suggested, "suggested")];
    }),
  );
  applyFilters();
  announce(`Accepted ${open.length} suggestions at once; U takes them back. ${progressText()}.`);
}

function change(made: readonly (readonly [number, Decision])[]): void {
  if (made.length === 0) return;
  changes.push(made.map(([i]) => ({ key: keyOf(suspects[i]!), before: decisionOn(i) })));
  for (const [i, decision] of made) {
    decisions.set(keyOf(suspects[i]!), decision);
    showDecision(i);
  }
  write();
}

function undo(): void {
  const last = changes.pop();
  if (!last) {
    announce("There is nothing to take back.");
    return;
  }
  for (const { key, before } of last) {
    if (before) decisions.set(key, before);
    else decisions.delete(key);
  }
  const touched = new Set(last.map(({ key }) => key));
  const indices = [...suspects.keys()].filter((i) => touched.has(keyOf(suspects[i]!)));
  indices.forEach(showDecision);
  write();
  applyFilters();
  const first = indices.find((i) => shown.includes(i));
  if (first !== undefined) select(first);
  announce(
    `Took back ${last.length === 1 ? suspects[indices[0]!]?.name : `${last.length} decisions`}. ${progressText()}.`,
  );
}

function decisionText(index: number): string {
  const decision = decisionOn(index);
  if (!decision) return "undecided";
  if (decision.action === "relabel") return `→ ${decision.new}`;
  return decision.action === "keep" ? "kept" : "excluded";
}

function progressText(): string {
  const decided = [...suspects.keys()].filter(decisionOn).length;
  return `${decided} of ${suspects.length} decided`;
}

function showDecision(index: number): void {
  const entry = entries[index]!;
  const decision = decisionOn(index);
  entry.dataset.decision = decision?.action ?? "undecided";
  entry.querySelector(".decision")!.textContent = decision ? decisionText(index) : "";
}

// Filters.

function applyFilters(): void {
  const { given, suggested, decision } = filters;
  shown = [...suspects.keys()].filter((i) => {
    const suspect = suspects[i]!;
    const state = decisionOn(i)?.action ?? "undecided";
    return (
      (given.value === "" || Number(given.value) === suspect.label) &&
      (suggested.value === "" ||
        (suggested.value === "other"
          ? suspect.suggested !== suspect.label
          : Number(suggested.value) === suspect.suggested)) &&
      (decision.value === "" ||
        decision.value === state ||
        (decision.value === "decided" && state !== "undecided"))
    );
  });
  const visible = new Set(shown);
  entries.forEach((entry, i) => {
    entry.hidden = !visible.has(i);
  });
  const open = shown.filter((i) => !decisionOn(i)).length;
  setText("shown", `${shown.length} of ${suspects.length} suspects shown, ${open} undecided`);
  const acceptEvery = element<HTMLButtonElement>("accept-all");
  acceptEvery.textContent =
    open === 1 ? "Accept the 1 undecided shown" : `Accept all ${open} undecided shown`;
  setUsable("accept-all", open > 0);
  element<HTMLProgressElement>("progress").value = [...suspects.keys()].filter(decisionOn).length;
  setText("decided", progressText());
  setUsable("undo", changes.length > 0);
  for (const id of ["accept", "keep", "exclude"]) setUsable(id, shown.length > 0);
  if (shown.length > 0) select(visible.has(current) ? current : shown[0]!);
}

// Classes.

/** A button for each class that has a key, and a choice of all classes where some have none. */
function makeClassButtons(): HTMLButtonElement[] {
  const buttons = namedByDigits
    ? classNames.map((name) => classButton(name))
    : [...digitKeys].slice(0, classNames.length).map(classButton);
  element("classes").append(...buttons);
  if (buttons.length < classNames.length) {
    const others = create("select");
    others.append(create("option", { value: "" }, "choose…"));
    others.append(...classNames.map((name, label) => create("option", { value: String(label) }, name)));
    others.addEventListener("change", () => {
      const label = others.value;
      others.value = "";
      if (label !== "") chooseClass(Number(label));
    });
    const wrapped = create("label", {}, "Any class ");
    wrapped.append(others);
    element("classes").append(wrapped);
  }
  return buttons;
}

function classButton(key: string): HTMLButtonElement {
  const button = create("button", { type: "button" });
  button.dataset.key = key;
  button.setAttribute("aria-keyshortcuts", key);
  button.append(create("kbd", {}, key), " ", create("bdi"));
  button.addEventListener("click", () => chooseClass(Number(button.dataset.label)));
  return button;
}

/** Keys are classes in their order; where there are more classes than keys, those that are likeliest for the suspect. */
function labelClassButtons(): void {
  const labels = classButtons.length < classNames.length ? likeliestClasses() : [...classNames.keys()];
  const { label: given, suggested } = suspects[current]!;
  classButtons.forEach((button, i) => {
    const label = labels[i]!;
    button.dataset.label = String(label);
    button.querySelector("bdi")!.textContent = classNames[label]!;
    button.classList.toggle("suggested", label === suggested);
    button.classList.toggle("given", label === given);
  });
}

function likeliestClasses(): number[] {
  const { label, suggested } = suspects[current]!;
  return [...new Set([suggested, label, ...data.alternatives[label]!, ...classNames.keys()])];
}

// Storage in the browser, and files of decisions.

/** The store of the browser, or undefined where it is denied. */
function openStore(): Storage | undefined {
  try {
    const probe = `${data.storageKey}:probe`;
    localStorage.setItem(probe, "1");
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return undefined;
  }
}

function readStore(): void {
  setText(
    "storage",
    store
      ? "This browser keeps your decisions. Other programs read them once you have downloaded them."
      : "This browser keeps nothing for this page: download your decisions before you close it, and go on with that file later.",
  );
  const kept = store?.getItem(data.storageKey);
  if (!kept) return;
  try {
    const state = JSON.parse(kept) as { reviewer?: unknown; decisions?: unknown };
    if (typeof state.reviewer === "string") reviewer.value = state.reviewer;
    take(state.decisions);
  } catch {
    setText("storage", "What this browser kept of earlier decisions cannot be read; it begins again.");
  }
}

function write(): void {
  try {
    store?.setItem(data.storageKey, JSON.stringify({ reviewer: reviewer.value, decisions: sorted() }));
  } catch {
    setText(
      "storage",
      "This browser has no room for your decisions: download them before you close the page.",
    );
  }
}

/** Takes those that have the form of a decision and fit this run. @returns how many */
function take(values: unknown): number {
  if (!Array.isArray(values)) return 0;
  const known = new Set(classNames);
  const given = new Map(suspects.map((suspect) => [keyOf(suspect), classNames[suspect.label]!]));
  const fitting = values.filter((value: Decision | null): value is Decision => {
    if (typeof value !== "object" || value === null) return false;
    const isWhole =
      typeof value.split === "string" && Number.isSafeInteger(value.row) && typeof value.by === "string";
    const isRight =
      value.action === "relabel" ? known.has(value.new!) : ["keep", "exclude"].includes(value.action);
    return isWhole && isRight && known.has(value.old) && (given.get(keyOf(value)) ?? value.old) === value.old;
  });
  for (const { split, row, old, new: to, action, by } of fitting) {
    decisions.set(keyOf({ split, row }), { split, row, old, new: to, action, by });
  }
  return fitting.length;
}

/** In the order of the source, so that the same decisions are the same file. */
function sorted(): Decision[] {
  return [...decisions.values()].sort((a, b) =>
    a.split < b.split ? -1 : a.split > b.split ? 1 : a.row - b.row,
  );
}

function exportDecisions(): void {
  const file: Decisions = { ...data.file, decisions: sorted() };
  const blob = new Blob([`${JSON.stringify(file, null, 2)}\n`], { type: "application/json" });
  const url = URL.createObjectURL(blob);
  create("a", { href: url, download: "decisions.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  announce(`Downloaded ${file.decisions.length} decisions as decisions.json.`);
}

async function importDecisions({ target }: Event): Promise<void> {
  const input = target as HTMLInputElement;
  const file = input.files?.[0];
  if (!file) return;
  announce(takeFile(file.name, await file.text()));
  input.value = "";
}

/** @returns a sentence on what became of it */
function takeFile(name: string, text: string): string {
  let file: Partial<Decisions> | null;
  try {
    file = JSON.parse(text);
  } catch {
    return `${name} cannot be read.`;
  }
  if (file?.kind !== "lilaw-decisions" || file.format !== 1) return `${name} is no file of decisions.`;
  const { source, run } = data.file;
  if (file.source?.sha256 !== source.sha256 || (file.run ?? run) !== run)
    return `${name} has the decisions of another run.`;
  const count = take(file.decisions);
  // Earlier decisions may be among those that the file changes.
  changes.length = 0;
  for (const i of suspects.keys()) showDecision(i);
  write();
  applyFilters();
  return `Took ${count} decisions from ${name}. ${progressText()}.`;
}

// Elements.

function announce(text: string): void {
  setText("announcement", text);
}

function onClick(id: string, act: () => void): void {
  element(id).addEventListener("click", act);
}

/** A button that has nothing to do keeps the focus, and with it the keys of the review. */
function setUsable(id: string, isUsable: boolean): void {
  element(id).setAttribute("aria-disabled", String(!isUsable));
}

function setText(id: string, text: string): void {
  element(id).textContent = text;
}

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

function create<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  text?: string,
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(name), properties);
  if (text !== undefined) made.textContent = text;
  return made;
}
