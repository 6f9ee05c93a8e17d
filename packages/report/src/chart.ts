/** Charts as SVG whose colours are classes of the page's style sheet, so that they suit light, dark and paper. */
import { scaleLinear } from "d3-scale";
import { area, line, symbol, symbolCircle, symbolDiamond, symbolSquare, symbolTriangle } from "d3-shape";
import { type Content, type Html, html } from "./html.js";

/** The parts that every chart has. */
interface ChartText {
  readonly title: string;
  /** A description of the picture, for readers who do not see it. */
  readonly description: string;
  readonly x: string;
  readonly y: string;
}

/** A line of a chart, with the range around it. */
export interface Series {
  readonly name: string;
  readonly points: readonly SeriesPoint[];
}

export interface SeriesPoint {
  readonly x: number;
  readonly y: number;
  /** The least and the largest of the values whose mean is `y`. */
  readonly low: number;
  readonly high: number;
}

/** Values of one thing, such as the results of the seeds. */
export interface Spread {
  readonly name: string;
  /** Index of the colour and shape. */
  readonly style: number;
  readonly values: readonly number[];
}

/** A set of points that look alike. */
export interface PointSet {
  readonly name: string;
  readonly style: number;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Colours and shapes there are; further series take them again, with another dash. */
export const styleCount = 7;

const shapes = [symbolCircle, symbolSquare, symbolTriangle, symbolDiamond];
const size = { width: 420, height: 270 };
const margin = { top: 8, right: 24, bottom: 40, left: 52 };
const inner = { right: size.width - margin.right, bottom: size.height - margin.bottom };

/** Lines over whole numbers, such as epochs, with bands from the least to the largest value. */
export function lineChart(text: ChartText, series: readonly Series[]): Html {
  const points = series.flatMap(({ points }) => points).filter(isFinitePoint);
  if (points.length === 0) return html``;
  const x = scaleLinear(padded(extentOf(points.map((point) => point.x)), 0.5), [margin.left, inner.right]);
  const y = scaleLinear(padded(extentOf(points.flatMap(({ low, high }) => [low, high])), 0.01), [
    inner.bottom,
    margin.top,
  ]).nice(5);
  const band = area<SeriesPoint>(
    (point) => x(point.x),
    (point) => y(point.low),
    (point) => y(point.high),
  );
  const path = line<SeriesPoint>(
    (point) => x(point.x),
    (point) => y(point.y),
  );
  const shown = series.map(({ name, points }) => ({ name, points: points.filter(isFinitePoint) }));
  const marks = shown.map(({ points }, style) => {
    const hasBand = points.some(({ low, high }) => low < high);
    return html`${hasBand ? html`<path class="band s${style % styleCount}" d="${digits(band(points))}"/>` : undefined}
<path class="line s${style % styleCount} dash${Math.floor(style / styleCount) % 3}" d="${digits(path(points))}"/>${
      points.length <= 30 ? points.map((point) => mark(style, x(point.x), y(point.y), 26)) : undefined
    }`;
  });
  const wholes = x.ticks(6).filter(Number.isInteger);
  const axes = html`${xAxis(x, wholes, text.x)}${yAxis(y, text.y)}`;
  return figure(
    text,
    size.height,
    html`${axes}${marks}`,
    legendOf(
      shown.map(({ name }, style) => ({ name, style })),
      true,
    ),
  );
}

/** A line for each thing, with a point for each value and a bar at their mean. */
export function spreadChart(text: ChartText, spreads: readonly Spread[]): Html {
  const values = spreads.flatMap((spread) => spread.values).filter(Number.isFinite);
  if (values.length === 0) return html``;
  const step = 30;
  const left = margin.left + 78;
  const bottom = margin.top + spreads.length * step;
  const x = scaleLinear(padded(extentOf(values), 0.005), [left, inner.right]).nice(4);
  const rows = spreads.map(({ name, style, values }, i) => {
    const center = margin.top + (i + 0.5) * step;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return html`<text class="label" x="${left - 10}" y="${center + 4}" text-anchor="end">${shortened(name, 20)}</text>
<path class="range s${style % styleCount}" d="M${digits(x(Math.min(...values)))},${center}H${digits(x(Math.max(...values)))}"/>
${values.map((value) => mark(style, x(value), center, 44))}
<path class="mean" d="M${digits(x(mean))},${center - 10}v20"/>`;
  });
  const axis = xAxis(x, x.ticks(4), text.x, bottom);
  return figure(text, bottom + margin.bottom, html`${axis}${rows}`, undefined);
}

/** Points in the unit square. */
export function squareChart(text: ChartText, sets: readonly PointSet[]): Html {
  const height = 420;
  const x = scaleLinear([0, 1], [margin.left, inner.right]);
  const y = scaleLinear([0, 1], [height - margin.bottom, margin.top]);
  const marks = sets.map(
    ({ style, points }) =>
      html`<g class="cloud">${points.map((point) => mark(style, x(point.x), y(point.y), 20))}</g>`,
  );
  const diagonal = html`<path class="guide" d="M${x(0)},${y(0)}L${x(1)},${y(1)}"/>`;
  const axes = html`${xAxis(x, x.ticks(5), text.x, height - margin.bottom)}${yAxis(y, text.y)}`;
  return figure(text, height, html`${axes}${diagonal}${marks}`, legendOf(sets, false));
}

function figure(text: ChartText, height: number, marks: Html, legend: Html | undefined): Html {
  return html`<figure class="chart">
<figcaption>${text.title}</figcaption>
${legend}<svg viewBox="0 0 ${size.width} ${height}" role="img" aria-label="${text.title}. ${text.description}">
${marks}
</svg>
</figure>`;
}

/** The meaning of colours, dashes and shapes. */
function legendOf(entries: readonly { name: string; style: number }[], lines: boolean): Html {
  const entry = ({ name, style }: { name: string; style: number }): Content => {
    const stroke = html`<path class="line s${style % styleCount} dash${Math.floor(style / styleCount) % 3}" d="M1,7H27"/>`;
    return html`<li><svg class="swatch" viewBox="0 0 28 14" aria-hidden="true">${lines ? stroke : undefined}${mark(style, 14, 7, 30)}</svg>${name}</li>`;
  };
  return html`<ul class="legend">${entries.map(entry)}</ul>
`;
}

function mark(style: number, x: number, y: number, area: number): Html {
  const shape = digits(symbol(shapes[style % shapes.length]!, area)());
  return html`<path class="mark s${style % styleCount}" transform="translate(${digits(x)},${digits(y)})" d="${shape}"/>`;
}

type Scale = ReturnType<typeof scaleLinear<number, number>>;

function xAxis(scale: Scale, ticks: readonly number[], title: string, bottom = inner.bottom): Html {
  const format = ticks.every(Number.isInteger) ? String : scale.tickFormat(6);
  const lines = ticks.map(
    (tick) => html`<path class="grid" d="M${digits(scale(tick))},${margin.top}V${bottom}"/>
<text x="${digits(scale(tick))}" y="${bottom + 16}" text-anchor="middle">${format(tick)}</text>`,
  );
  const [left, right] = scale.range() as [number, number];
  return html`<g class="axis">${lines}<text class="title" x="${(left + right) / 2}" y="${bottom + 34}" text-anchor="middle">${title}</text></g>`;
}

function yAxis(scale: Scale, title: string): Html {
  const ticks = scale.ticks(5);
  const format = scale.tickFormat(5);
  const lines = ticks.map(
    (tick) => html`<path class="grid" d="M${margin.left},${digits(scale(tick))}H${inner.right}"/>
<text x="${margin.left - 6}" y="${digits(scale(tick) + 4)}" text-anchor="end">${format(tick)}</text>`,
  );
  const [bottom, top] = scale.range() as [number, number];
  const middle = (bottom + top) / 2;
  return html`<g class="axis">${lines}<text class="title" transform="translate(12,${middle}) rotate(-90)" text-anchor="middle">${title}</text></g>`;
}

function extentOf(values: readonly number[]): [number, number] {
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}

/** A range that is no single point. */
function padded([low, high]: [number, number], least: number): [number, number] {
  const padding = Math.max(least, 0.04 * (high - low)) * (high > low ? 1 : 2);
  return [low - padding, high + padding];
}

function isFinitePoint({ x, y, low, high }: SeriesPoint): boolean {
  return [x, y, low, high].every(Number.isFinite);
}

function shortened(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}

/** Coordinates to a tenth of a pixel: what can be seen, in few bytes. */
function digits(path: string | number | null): string {
  return String(path ?? "").replace(/-?\d+\.\d+(e-?\d+)?/g, (number) =>
    String(Number(Number(number).toFixed(1))),
  );
}
