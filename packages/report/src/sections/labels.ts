import { squareChart } from "../chart.js";
import { type Html, html, userText } from "../html.js";
import { counted, countText, percentText } from "../numbers.js";
import type { LabelEvidence, PlanePoint, ReportRun } from "../report-data.js";

/** Classes whose confusion is shown as a whole; of more, the largest entries are listed. */
const wholeMatrix = 20;
const listed = 30;

/** The labels of one run: confusion, class health and the plane of u and v. */
export function labelsSection(runs: readonly ReportRun[]): Html | undefined {
  const parts = runs.flatMap((run) => (run.labels ? [partOf(run.name, run.labels, runs.length > 1)] : []));
  if (parts.length === 0) return undefined;
  return html`<section id="labels" aria-labelledby="labels-title">
<h2 id="labels-title">Labels</h2>
${parts}
</section>`;
}

function partOf(run: string, evidence: LabelEvidence, named: boolean): Html {
  const { method, seed, quality, classNames, confusion } = evidence;
  const found = quality
    ? html`<p>${countText(quality.wrong)} of ${counted(quality.count, "label")} are known to be wrong. The score finds them with an AUROC of ${quality.auroc.toFixed(4)} and an average precision of ${quality.auprc.toFixed(4)}.</p>`
    : undefined;
  return html`${named ? html`<h3>${userText(run)}</h3>` : undefined}
<p>As ${userText(method)} with seed ${seed} sees them.</p>
${found}
<div class="pair">
${planeChart(evidence.plane)}
<div>${classNames.length <= wholeMatrix ? matrix(classNames, confusion) : largest(classNames, confusion)}</div>
</div>
${health(evidence)}`;
}

function planeChart(points: readonly PlanePoint[]): Html {
  const known = points.some(({ wrong }) => wrong !== undefined);
  const set = (name: string, style: number, wrong: boolean | undefined) => ({
    name,
    style,
    points: points.filter((point) => point.wrong === wrong).map(({ u, v }) => ({ x: u, y: v })),
  });
  const sets = known
    ? [set("right label", 0, false), set("wrong label", 1, true)]
    : [set("sample", 0, undefined)];
  return squareChart(
    {
      title: `The (u, v) plane: ${counted(points.length, "sample")}`,
      description:
        "Samples on the diagonal have the label that the model predicts; those in the upper left corner are predicted with confidence to be of another class.",
      x: "u, probability of the given label",
      y: "v, largest probability",
    },
    sets,
  );
}

function matrix(names: readonly string[], confusion: LabelEvidence["confusion"]): Html {
  const most = Math.max(1, ...confusion.flatMap((row, i) => row.filter((_, j) => j !== i)));
  const cell = (count: number, given: number, suggested: number) => {
    const heat = given === suggested ? "same" : `heat${count === 0 ? 0 : Math.ceil((8 * count) / most)}`;
    return html`<td class="number ${heat}">${countText(count)}</td>`;
  };
  return html`<div class="wide" role="region" aria-label="Table of given and suggested labels" tabindex="0"><table class="matrix">
<caption>Given labels (rows) and suggested labels (columns)</caption>
<thead><tr><td></td>${names.map((name) => html`<th scope="col">${userText(name)}</th>`)}</tr></thead>
<tbody>${confusion.map(
    (
      row,
      given,
    ) => html`<tr><th scope="row">${userText(names[given]!)}</th>${row.map((count, i) => cell(count, given, i))}</tr>
`,
  )}</tbody>
</table></div>`;
}

function largest(names: readonly string[], confusion: LabelEvidence["confusion"]): Html {
  const entries = confusion
    .flatMap((row, given) => row.map((count, suggested) => ({ given, suggested, count })))
    .filter(({ given, suggested, count }) => given !== suggested && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, listed);
  return html`<div class="wide" role="region" aria-label="Table of given and suggested labels" tabindex="0"><table>
<caption>The ${listed} most frequent pairs of given and suggested label, of ${countText(names.length)} classes</caption>
<thead><tr><th scope="col">given</th><th scope="col">suggested</th><th scope="col" class="number">samples</th></tr></thead>
<tbody>${entries.map(
    ({
      given,
      suggested,
      count,
    }) => html`<tr><td>${userText(names[given]!)}</td><td>${userText(names[suggested]!)}</td><td class="number">${countText(count)}</td></tr>
`,
  )}</tbody>
</table></div>`;
}

function health({ classHealth, classNames }: LabelEvidence): Html {
  return html`<div class="wide" role="region" aria-label="Table of class health" tabindex="0"><table>
<caption>Class health, worst labels first</caption>
<thead><tr><th scope="col">class</th><th scope="col" class="number">labels</th><th scope="col" class="number">of them seem wrong</th><th scope="col" class="number">seem to be missing</th><th scope="col" class="number">quality</th></tr></thead>
<tbody>${classHealth.map(
    (
      entry,
    ) => html`<tr><th scope="row">${userText(classNames[entry.label]!)}</th><td class="number">${countText(entry.count)}</td><td class="number">${percentText(entry.labelNoise)}</td><td class="number">${percentText(entry.inverseLabelNoise)}</td><td class="number">${entry.quality.toFixed(3)}</td></tr>
`,
  )}</tbody>
</table></div>`;
}
