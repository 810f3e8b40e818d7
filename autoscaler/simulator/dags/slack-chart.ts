/** Where deadlines of DAGs went, of calls that met them and of those that did not. Pure. */
import { csvField } from '../../../base/csv.ts';
import { label, line, svg } from '../../../base/chart/svg.ts';
import type { DagFigures, DeadlineParts } from './figures.ts';

const WIDTH = 960;
const LEFT = 24;
const RIGHT = 24;
const HEAD = 76;
const ROW = 64;
const BAR = 14;
const BOTTOM = 44;
const PARTS = [
  'run',
  'wait',
  'permit',
  'plug',
  'start',
] as const satisfies readonly (keyof DeadlineParts)[];
/** What is of use is grey, what is waited for has a colour each. */
const COLOURS: Readonly<Record<(typeof PARTS)[number], string>> = {
  run: '#a8b0bd',
  wait: '#1f4fb0',
  permit: '#8a3ffc',
  plug: '#c2410c',
  start: '#e0a100',
};
const TEXTS: Readonly<Record<(typeof PARTS)[number], string>> = {
  run: 'run',
  wait: 'wait for an instance',
  permit: 'wait for memory',
  plug: 'plug',
  start: 'start',
};

export function renderSlackChart(runs: readonly DagFigures[]): string {
  const most = Math.max(
    1.1,
    ...runs.flatMap(({ slack }) => [totalOf(slack.met), totalOf(slack.missed)]),
  );
  const floor = HEAD + ROW * runs.length;
  const toX = (share: number): number => LEFT + (share / most) * (WIDTH - LEFT - RIGHT);
  const title = 'SIMULATED: where the deadline of a call went, on average';
  const body = [label('title', { x: LEFT, y: 20 }, title), ...legend()];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const x = toX(share);
    body.push(line(share === 1 ? 'axis' : 'grid', { x, y: HEAD - 4 }, { x, y: floor }));
    body.push(label('middle', { x, y: floor + 16 }, String(share)));
  }
  for (const [row, { name, met, missed, slack }] of runs.entries()) {
    const y = HEAD + ROW * row;
    body.push(label('', { x: LEFT, y: y + 10 }, `${name}: ${met} met, ${missed} missed`));
    body.push(...barOf(slack.met, y + 16, toX), ...barOf(slack.missed, y + 16 + BAR + 4, toX));
  }
  const axis = 'of the deadline; upper bars: calls that met it, lower bars: calls that missed it';
  body.push(label('middle', { x: WIDTH / 2, y: floor + 36 }, axis));
  const height = floor + BOTTOM;
  return `${svg({ width: WIDTH, height, title, body: body.join('\n'), alone: true })}\n`;
}

const totalOf = (parts: DeadlineParts | null): number =>
  parts === null ? 0 : PARTS.reduce((sum, part) => sum + parts[part], 0);

function legend(): string[] {
  return PARTS.flatMap((part, at) => {
    const x = LEFT + 170 * at;
    return [
      rectangle(COLOURS[part], { x, y: 36, width: 14 }),
      label('', { x: x + 20, y: 47 }, TEXTS[part]),
    ];
  });
}

/** Nothing where there was no such call. */
function barOf(parts: DeadlineParts | null, y: number, toX: (share: number) => number): string[] {
  if (parts === null) return [];
  let done = 0;
  return PARTS.map((part) => {
    const [from, to] = [toX(done), toX(done + parts[part])];
    done += parts[part];
    return rectangle(COLOURS[part], { x: from, y, width: to - from });
  });
}

function rectangle(
  colour: string,
  at: { readonly x: number; readonly y: number; readonly width: number },
): string {
  const [x, y, width] = [at.x, at.y, at.width].map((value) => value.toFixed(1));
  return `<rect x="${x}" y="${y}" width="${width}" height="${BAR}" fill="${colour}"/>`;
}

/** What it is made of: a row for each way and outcome that there was. */
export function slackCsv(runs: readonly DagFigures[]): string {
  const rows = runs.flatMap(({ name, slack }) =>
    (['met', 'missed'] as const).flatMap((outcome) => {
      const parts = slack[outcome];
      return parts
        ? [[csvField(name), outcome, ...PARTS.map((part) => parts[part])].join(',')]
        : [];
    }),
  );
  return `${[['way', 'outcome', ...PARTS].join(','), ...rows].join('\n')}\n`;
}
