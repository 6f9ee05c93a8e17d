/** Markup, in which every text that did not come from a template is escaped. */
export class Html {
  readonly #markup: string;

  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

/** A text or number becomes text of the page, an array its parts one after another, undefined nothing. */
export type Content = Html | string | number | undefined | readonly Content[];

/** A template of markup: ``html`<b>${name}</b>` `` shows a name as it is, whatever characters it has. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Html {
  const filled = contents.map((content, i) => `${markupOf(content)}${parts[i + 1]!}`);
  return new Html(parts[0]! + filled.join(""));
}

/** A text of the user, such as the name of a class, which may be written from right to left. */
export function userText(text: string): Html {
  return html`<bdi>${text}</bdi>`;
}

/** JSON for a `<script type="application/json">`, which no text in it can end. */
export function jsonBlock(id: string, value: unknown): Html {
  const json = JSON.stringify(value).replaceAll("<", "\\u003c");
  return new Html(`<script type="application/json" id="${id}">${json}</script>`);
}

const escapes: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function markupOf(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Html) return content.toString();
  if (Array.isArray(content)) return content.map(markupOf).join("");
  return String(content).replace(/[&<>"']/g, (character) => escapes[character]!);
}
