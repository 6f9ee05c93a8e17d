import { mean } from "simple-statistics";
import { lineChart, type Series, type SeriesPoint, spreadChart } from "../chart.js";
import { type Html, html, userText } from "../html.js";
import { figureText, meanWithSpread } from "../numbers.js";
import type { ReportData, ReportEpoch, ReportResult } from "../report-data.js";

/** A method of a run, with an entry for each of its seeds. */
interface Group {
  readonly name: string;
  readonly results: readonly ReportResult[];
  readonly epochs: readonly ReportEpoch[];
}

/** The results of every method, and their spread over the seeds. */
export function resultsSection(data: ReportData): Html {
  const groups = groupsOf(data).filter(({ results }) => results.length > 0);
  const seeds = groups.some(({ results }) => results.length > 1);
  const row = ({ name, results }: Group) => html`<tr><th scope="row">${userText(name)}</th>
<td>${results.map(({ seed }) => seed).join(", ")}</td>
<td class="number">${meanWithSpread(
    results.map((result) => result.bestEpoch),
    results.length > 1 ? 1 : 0,
  )}</td>
<td class="number">${meanWithSpread(
    results.map((result) => result.testAccuracyAtBest),
    4,
  )}</td>
<td class="number">${meanWithSpread(
    results.map((result) => result.testAccuracyLast),
    4,
  )}</td>
<td class="number">${meanWithSpread(
    results.map((result) => result.testAurocAtBest),
    4,
  )}</td></tr>
`;
  const remarks = data.runs
    .filter((run) => run.remarks.length > 0)
    .map(
      (run) =>
        html`<p>${data.runs.length > 1 ? html`${userText(run.name)}: ` : undefined}${run.remarks.join(" ")}</p>`,
    );
  return html`<section id="results" aria-labelledby="results-title">
<h2 id="results-title">Results</h2>
${remarks}
${
  groups.length === 0
    ? html`<p>No method is finished yet.</p>`
    : html`<div class="wide" role="region" aria-label="Table of results" tabindex="0"><table>
<caption>Accuracy on the test samples${seeds ? ", mean ± standard deviation over the seeds" : undefined}</caption>
<thead><tr><th scope="col">method</th><th scope="col">seeds</th><th scope="col" class="number">best epoch</th><th scope="col" class="number">accuracy at best</th><th scope="col" class="number">accuracy at last</th><th scope="col" class="number">AUROC at best</th></tr></thead>
<tbody>${groups.map(row)}</tbody>
</table></div>`
}
<div class="charts">
${spread(groups, "Test accuracy at the best epoch", (result) => result.testAccuracyAtBest)}
${spread(groups, "Test accuracy at the last epoch", (result) => result.testAccuracyLast)}
</div>
</section>`;
}

/** Accuracies, LiLAW's scalars and weights as they change from epoch to epoch. */
export function trainingSection(data: ReportData): Html {
  const groups = groupsOf(data);
  const ofLilaw = groups.filter(({ epochs }) => epochs.some(({ alpha }) => alpha !== undefined));
  const weighed = groups.filter(({ epochs }) => epochs.some(isWeighed));
  return html`<section id="training" aria-labelledby="training-title">
<h2 id="training-title">Training</h2>
<p>Lines are means over the seeds; bands reach from the lowest to the highest seed.</p>
<div class="charts">
${curves(groups, "Accuracy on the test samples", "accuracy", (epoch) => epoch.testAccuracy)}
${curves(groups, "Accuracy on the validation labels, as given", "accuracy", (epoch) => epoch.validAccuracy)}
${curves(groups, "Accuracy on the training labels, as given", "accuracy", (epoch) => epoch.trainAccuracy)}
${ofLilaw.map((group) => scalars(group, ofLilaw.length > 1))}
${weighed.map((group) => weights(group))}
</div>
${epochTable(groups)}
</section>`;
}

/** Whether the means of the weights are known, and say something: they are 1 where a method does not weigh. */
function isWeighed({ meanWeightClean, meanWeightWrong }: ReportEpoch): boolean {
  return meanWeightClean !== undefined && (meanWeightClean !== 1 || meanWeightWrong !== 1);
}

function groupsOf({ runs }: ReportData): Group[] {
  return runs.flatMap(({ name, results, epochs }) =>
    [...new Set(epochs.map(({ method }) => method))].map((method) => ({
      name: runs.length > 1 ? `${name}: ${method}` : method,
      results: results.filter((result) => result.method === method),
      epochs: epochs.filter((epoch) => epoch.method === method),
    })),
  );
}

function spread(groups: readonly Group[], title: string, value: (result: ReportResult) => number): Html {
  const text = {
    title,
    description: groups
      .map(({ name, results }) => `${name}: ${meanWithSpread(results.map(value), 4)}`)
      .join("; "),
    x: "a point for each seed, a bar at the mean",
    y: "",
  };
  return spreadChart(
    text,
    groups.map(({ name, results }, style) => ({ name, style, values: results.map(value) })),
  );
}

function curves(
  groups: readonly Group[],
  title: string,
  y: string,
  value: (epoch: ReportEpoch) => number | undefined,
): Html {
  const series = groups.map(({ name, epochs }) => seriesOf(name, epochs, value));
  return lineChart({ title, description: endsOf(series), x: "epoch", y }, series);
}

function scalars({ name, epochs }: Group, named: boolean): Html {
  const series = (["alpha", "beta", "delta"] as const).map((scalar) =>
    seriesOf(scalar, epochs, (epoch) => epoch[scalar]),
  );
  const title = named ? `LiLAW's scalars: ${name}` : "LiLAW's scalars";
  return lineChart({ title, description: endsOf(series), x: "epoch", y: "value after the epoch" }, series);
}

function weights({ name, epochs }: Group): Html {
  const series = [
    seriesOf("right labels", epochs, (epoch) => epoch.meanWeightClean),
    seriesOf("wrong labels", epochs, (epoch) => epoch.meanWeightWrong),
  ];
  return lineChart(
    { title: `Mean weights: ${name}`, description: endsOf(series), x: "epoch", y: "mean weight" },
    series,
  );
}

function seriesOf(
  name: string,
  epochs: readonly ReportEpoch[],
  value: (epoch: ReportEpoch) => number | undefined,
): Series {
  const points = [...byEpoch(epochs)].flatMap(([x, entries]): SeriesPoint[] => {
    const values = entries.map(value).filter((value) => value !== undefined);
    if (values.length === 0) return [];
    return [{ x, y: mean(values), low: Math.min(...values), high: Math.max(...values) }];
  });
  return { name, points };
}

/** The entries of all seeds for each epoch, in the order of the epochs. */
function byEpoch(epochs: readonly ReportEpoch[]): Map<number, ReportEpoch[]> {
  const groups = new Map<number, ReportEpoch[]>();
  for (const entry of [...epochs].sort((a, b) => a.epoch - b.epoch)) {
    groups.set(entry.epoch, [...(groups.get(entry.epoch) ?? []), entry]);
  }
  return groups;
}

/** Where the lines begin and end, in words. */
function endsOf(series: readonly Series[]): string {
  const sentences = series.flatMap(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last) return [];
    return [
      `${name}: ${figureText(first.y)} after epoch ${first.x}, ${figureText(last.y)} after epoch ${last.x}`,
    ];
  });
  return sentences.join("; ");
}

/** The same numbers for those who read them rather than see them. */
function epochTable(groups: readonly Group[]): Html {
  const columns: [string, (epoch: ReportEpoch) => number | undefined][] = [
    ["training accuracy", (epoch) => epoch.trainAccuracy],
    ["validation accuracy", (epoch) => epoch.validAccuracy],
    ["test accuracy", (epoch) => epoch.testAccuracy],
    ["alpha", (epoch) => epoch.alpha],
    ["beta", (epoch) => epoch.beta],
    ["delta", (epoch) => epoch.delta],
    ["weight, right labels", (epoch) => epoch.meanWeightClean],
    ["weight, wrong labels", (epoch) => epoch.meanWeightWrong],
  ];
  const shown = columns.filter(([, value]) =>
    groups.some(({ epochs }) => epochs.some((e) => value(e) !== undefined)),
  );
  const rows = groups.flatMap(({ name, epochs }) =>
    [...byEpoch(epochs)].map(([epoch, entries]) => {
      const cells = shown.map(([, value]) => {
        const values = entries.map(value).filter((value) => value !== undefined);
        return html`<td class="number">${values.length > 0 ? figureText(mean(values)) : undefined}</td>`;
      });
      return html`<tr><th scope="row">${userText(name)}</th><td class="number">${epoch}</td>${cells}</tr>
`;
    }),
  );
  return html`<details><summary>These curves as a table</summary>
<div class="wide" role="region" aria-label="Table of epochs" tabindex="0"><table>
<caption>Means over the seeds</caption>
<thead><tr><th scope="col">method</th><th scope="col" class="number">epoch</th>${shown.map(([title]) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table></div></details>`;
}
