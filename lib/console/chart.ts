/**
 * Charts as SVG in the page: bars of stacked results, drawn on the server, so that they need no script.
 *
 * Colours come from the style sheet by class. What a chart shows stands below it as a table for those who do not see it.
 */

import { type Html, html } from "./html.ts";
import { count, type Mood, table } from "./parts.ts";

/** A kind of result, the lowest in the stack first. */
export interface ChartSeries {
  readonly name: string;
  readonly mood: Mood;
}

/** One bar: what stands below it, and the numbers in the order of the series. */
export interface ChartBar {
  readonly label: string;
  readonly values: readonly number[];
}

const WIDTH = 720;
const HEIGHT = 160;
const LEFT = 48;
const BOTTOM = 22;
const TOP = 8;

/** The chart with its legend and its numbers. `labelEvery`: of so many bars one has its label below. */
export function barChart(
  title: string,
  firstHead: string,
  numbersTitle: string,
  series: readonly ChartSeries[],
  bars: readonly ChartBar[],
  labelEvery: number,
): Html {
  const totals = bars.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  const top = niceTop(Math.max(1, ...totals));
  const room = HEIGHT - TOP - BOTTOM;
  const step = (WIDTH - LEFT) / Math.max(1, bars.length);
  const y = (value: number): number => TOP + room - (value / top) * room;
  const ticks = [0, top / 2, top];
  return html`<figure class="chart"><figcaption>${title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}" preserveAspectRatio="xMidYMid meet">
${ticks.map((tick) => html`<line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${round(y(tick))}" y2="${round(y(tick))}"/><text class="tick" x="${LEFT - 6}" y="${round(y(tick) + 4)}" text-anchor="end">${short(tick)}</text>`)}
${bars.map((bar, index) => drawBar(bar, series, LEFT + index * step, step, y, index % labelEvery === 0))}
</svg>
<p class="legend">${series.map(({ name, mood }) => html`<span class="key ${mood}">${name}</span> `)}</p>
<details><summary>${numbersTitle}</summary>${table(
    title,
    [firstHead, ...series.map(({ name }) => ({ text: name, number: true }) as const)],
    bars.map(({ label, values }) => [label, ...values.map(count)]),
    "",
  )}</details></figure>`;
}

function drawBar(
  { label, values }: ChartBar,
  series: readonly ChartSeries[],
  x: number,
  step: number,
  y: (value: number) => number,
  hasLabel: boolean,
): Html {
  let below = 0;
  const parts = values.map((value, index) => {
    const from = y(below);
    below += value;
    const to = y(below);
    const { mood = "plain", name = "" } = series[index] ?? {};
    // The smallest number must not vanish beside the largest.
    const height = value > 0 ? Math.max(1.5, from - to) : 0;
    return height === 0
      ? ""
      : html`<rect class="${mood}" x="${round(x + step * 0.12)}" y="${round(from - height)}" width="${round(step * 0.76)}" height="${round(height)}"><title>${label}: ${name} ${count(value)}</title></rect>`;
  });
  const text = hasLabel
    ? html`<text class="tick" x="${round(x + step / 2)}" y="${HEIGHT - 6}" text-anchor="middle">${label}</text>`
    : "";
  return html`${parts}${text}`;
}

/** 1, 2 or 5 times a power of ten, not below `value`; at least 2, so that half of it is whole. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return Math.max(2, [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((one) => one >= value) ?? value);
}

function short(value: number): string {
  if (value >= 1_000_000) return `${round(value / 1_000_000)}M`;
  return value >= 10_000 ? `${round(value / 1_000)}k` : count(value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
