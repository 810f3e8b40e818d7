import test from 'ava';
import { renderHtml } from '../../autoscaler/report/html.ts';
import { renderMemorySvg } from '../../autoscaler/report/charts/memory-chart.ts';
import { PAGE_STYLE } from '../../autoscaler/report/charts/page-style.ts';
import { chartStyle, styleOf } from '../../autoscaler/report/charts/palette.ts';
import { DARK, LIGHT } from '../../base/chart/colours.ts';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { StepPath } from '../../base/chart/svg.ts';
import { healthyRun, madeStep, summaryOf, tallyOf } from './made-run.ts';
import { GIB } from '../../base/units.ts';

const NAMES = ['static', 'virtio-mem', 'numa', 'hotmem'];

/** Relative luminance of WCAG 2. */
function luminance(colour: string): number {
  const part = (from: number): number => {
    const value = Number.parseInt(colour.slice(from, from + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}

/** CIE L*, 0 to 100: equal steps look equally large, in print too. */
function lightness(colour: string): number {
  return 116 * Math.cbrt(luminance(colour)) - 16;
}

function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

test('an exported plot needs no style sheet: every mark has its colours as attributes', (t) => {
  const svg = renderMemorySvg(tallyOf(healthyRun(NAMES)));
  t.notRegex(svg, /var\(|currentColor|<style|style=|@media/);
  for (const [mark] of svg.matchAll(/<(?:path|line|text|rect)\b[^>]*>/g)) {
    t.regex(mark, /\b(?:fill|stroke)="#[0-9a-f]{6}"/, mark);
  }
  const background = `<rect width="960" height="[0-9]+" fill="${LIGHT.paper}"/>`;
  t.regex(svg, new RegExp(`^<svg [^>]*>${background}`), 'light, whatever the viewer prefers');
});

for (const [set, paper] of [
  ['light', LIGHT.paper],
  ['dark', DARK.paper],
] as const) {
  test(`on ${set} paper mechanisms are told apart by lightness alone, and stand out`, (t) => {
    const colours = MECHANISMS.all.map(({ line }) => line[set]);
    for (const colour of colours) t.true(contrast(colour, paper) >= 3, colour);
    const sorted = colours.map(lightness).toSorted((a, b) => a - b);
    for (let index = 1; index < sorted.length; index += 1) {
      t.true((sorted[index] ?? 0) - (sorted[index - 1] ?? 0) >= 7, String(sorted));
    }
  });
}

test('text stands out from its paper, light and dark', (t) => {
  for (const set of [LIGHT, DARK]) {
    for (const ink of [set.ink, set.soft]) {
      t.true(contrast(ink, set.paper) >= 4.5);
      t.true(contrast(ink, set.band) >= 4.5);
    }
  }
});

test('no two mechanisms have the same dash', (t) => {
  const dashes = [...MECHANISMS.all.map(({ line }) => line.dash), styleOf('balloon').dash];
  t.is(new Set(dashes).size, dashes.length);
});

test('dark is only for a screen, and only for those who ask for it', (t) => {
  const [before, after] = chartStyle().split('@media screen and (prefers-color-scheme: dark)');
  t.true(before?.includes(LIGHT.paper));
  t.false(before?.includes(DARK.paper));
  t.true(after?.includes(DARK.paper));
});

/** What the page's style says of a selector. */
function leastWidth(selector: string): number {
  const rule = new RegExp(`\\n${selector} \\{[^}]*min-width: (\\d+)px`).exec(PAGE_STYLE);
  return Number(rule?.[1] ?? 0);
}

test('text of a chart is never drawn below nine pixels, however narrow the page', (t) => {
  const page = renderHtml(tallyOf(healthyRun()), summaryOf(healthyRun()));
  const charts = [...page.matchAll(/<div class="(scroll[^"]*)"><svg [^>]*viewBox="0 0 (\d+) /g)];
  t.is(charts.length, page.split('<svg ').length - 1, 'every chart can be scrolled');
  for (const [, frame, width] of charts) {
    const shown = leastWidth(frame === 'scroll wide' ? '\\.wide \\.chart' : '\\.chart');
    t.true((12 * shown) / Number(width) >= 9, `${frame}: ${shown} of ${width} px`);
  }
});

test('a line of a million points is as long as the chart is wide, and keeps its one peak', (t) => {
  const path = new StepPath();
  for (let index = 0; index < 1e6; index += 1) {
    path.add(index / 1000, index === 777_777 ? 1 : 100 + (index % 7));
  }
  const line = path.line();
  t.true(line.length < 100_000);
  t.regex(line, /V1H|V1V/);
});

test('the top of a plot is the highest step of all, wherever it is', (t) => {
  const run = healthyRun(['hotmem']);
  run.memory = run.memory.map((line) =>
    line.kind === 'step' && line.at_ms === 5000 ? madeStep('hotmem', 5000, 40 * GIB) : line,
  );
  t.regex(renderMemorySvg(tallyOf(run)), />40<\/text>/);
});

test('two readings of the same lines give the same page and plot', (t) => {
  const run = healthyRun(NAMES);
  t.is(renderHtml(tallyOf(run), summaryOf(run)), renderHtml(tallyOf(run), summaryOf(run)));
  t.is(renderMemorySvg(tallyOf(run)), renderMemorySvg(tallyOf(run)));
});
