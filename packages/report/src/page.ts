import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expected } from "@lilaw/core";
import { type Html, html, userText } from "./html.js";
import type { ReportData } from "./report-data.js";
import { configurationSection } from "./sections/configuration.js";
import { labelsSection } from "./sections/labels.js";
import { resultsSection, trainingSection } from "./sections/results.js";
import { reviewSection } from "./sections/review.js";

/**
 * A report as one HTML document that needs nothing else: no network, and no rights beyond its own script and style, whose
 * hashes are its content security policy. The same data gives the same text.
 *
 * @throws `INVALID_ARGUMENT` for data without a run, or with two runs of the same name
 */
export function renderReport(data: ReportData): string {
  checkRuns(data);
  const { runs, review } = data;
  const labels = labelsSection(runs);
  const confusion = runs[0]!.labels?.confusion ?? (review?.file.classNames ?? []).map(() => []);
  const title = `Report on ${[...new Set(runs.map(({ dataset }) => dataset))].join(", ")}`;
  const body = html`<header>
<h1>${userText(title)}</h1>
<nav aria-label="Parts of the report"><ul>
${review ? html`<li><a href="#review">Review</a></li>` : undefined}<li><a href="#results">Results</a></li><li><a href="#training">Training</a></li>${labels ? html`<li><a href="#labels">Labels</a></li>` : undefined}<li><a href="#configuration">Configuration</a></li>
</ul></nav>
</header>
<main>
${resultsSection(data)}
${trainingSection(data)}
${labels}
${review ? reviewSection(review, confusion) : undefined}
${configurationSection(runs)}
</main>`;
  return documentOf(title, body, review !== undefined && review.suspects.length > 0);
}

function documentOf(title: string, body: Html, hasReview: boolean): string {
  const style = asset("../assets/report.css");
  // A module of the built package; it imports nothing, so that it can be a part of the document.
  const script = hasReview
    ? asset("../dist/client/review.js").replace(/^\/\/# sourceMappingURL=.*$/m, "")
    : "";
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    ...(hasReview ? [`script-src '${hashOf(script)}'`, "require-trusted-types-for 'script'"] : []),
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const head = html`<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
`;
  const code = hasReview ? `<script type="module">${script}</script>\n` : "";
  return `<!doctype html>\n<html lang="en">\n${head}<style>${style}</style>\n</head>\n<body>\n${body}\n${code}</body>\n</html>\n`;
}

function asset(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}

/** The hash of an inline script or style, as a content security policy names it. */
function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function checkRuns({ runs }: ReportData): void {
  if (runs.length === 0) throw expected("INVALID_ARGUMENT", "at least one run", "runs", "none");
  const names = runs.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw expected("INVALID_ARGUMENT", "runs of different names", "runs", twice);
}
