import { type Html, html, userText } from "../html.js";
import type { ReportRun } from "../report-data.js";

/** The settings of every run, with a line for each value. */
export function configurationSection(runs: readonly ReportRun[]): Html {
  const one = ({ name, configuration }: ReportRun) => html`<details>
<summary>${userText(name)}</summary>
<div class="wide" role="region" aria-label="Configuration of ${name}" tabindex="0"><table>
<thead><tr><th scope="col">setting</th><th scope="col">value</th></tr></thead>
<tbody>${linesOf(configuration).map(
    ([path, value]) => html`<tr><th scope="row">${userText(path)}</th><td>${userText(value)}</td></tr>
`,
  )}</tbody>
</table></div></details>`;
  return html`<section id="configuration" aria-labelledby="configuration-title">
<h2 id="configuration-title">Configuration</h2>
${runs.map(one)}
</section>`;
}

/** The values of a JSON with their paths; arrays of plain values are one line. */
function linesOf(value: unknown, path = ""): [string, string][] {
  if (typeof value !== "object" || value === null) return [[path, String(value)]];
  const entries = Object.entries(value);
  if (Array.isArray(value) && value.every((entry) => typeof entry !== "object"))
    return [[path, value.join(", ")]];
  return entries.flatMap(([key, entry]) => linesOf(entry, path === "" ? key : `${path}.${key}`));
}
