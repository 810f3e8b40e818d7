/** What a simulation of sizing says: one plain object, and the text of it for people. Pure. */
import { printable } from '../../base/printable.ts';
import type { SizingCheck, StrategyFigures } from './figures.ts';
import { percentText } from './figures.ts';
import { STRATEGIES } from './strategies.ts';

export interface SizingGroup {
  /** A class of functions, or what the series are. */
  readonly name: string;
  readonly functions: number;
  readonly strategies: readonly StrategyFigures[];
}

export interface SizingResult {
  /** Nothing in here was measured on a machine. */
  readonly simulated: true;
  readonly inputs: readonly string[];
  readonly seed: number;
  /** When growth is asked for. */
  readonly growth: string;
  readonly assumed: Readonly<Record<string, number>>;
  readonly groups: readonly SizingGroup[];
  readonly checks: readonly SizingCheck[];
}

const HEAD = [
  'strategy',
  'held/used',
  'used of held',
  'held GiB·s',
  'plugs',
  'unplugs',
  'waits',
  'waited',
  'latency',
];
/** Of a path in a heading. */
const NAME_MAX = 60;

export function renderSizing(result: SizingResult): string {
  const lines = ['Simulated: nothing below was measured on a machine.', ''];
  for (const { name, functions, strategies } of result.groups) {
    const many = functions === 1 ? '' : `${functions} functions, `;
    const invocations = strategies[0]?.invocations ?? 0;
    lines.push(`${printable(name, NAME_MAX)}: ${many}${invocations} invocations counted`);
    lines.push(...columns([HEAD, ...strategies.map(cells)]), '');
  }
  for (const { name, about } of STRATEGIES) lines.push(`${name.padEnd(15)} ${about}`);
  const assumed = Object.entries(result.assumed).map(([key, value]) => `${key} ${value}`);
  lines.push('', `growth: ${result.growth}; assumed: ${assumed.join(', ')}; seed ${result.seed}`);
  if (result.checks.length > 0) lines.push('', 'promises of sizing by history:');
  for (const { class: app_class, promise, figures, holds } of result.checks) {
    const verdict = holds ? 'holds' : 'DOES NOT HOLD';
    lines.push(`  ${verdict.padEnd(13)}  ${app_class}: ${promise} (${figures})`);
  }
  return `${lines.join('\n')}\n`;
}

function cells(one: StrategyFigures): string[] {
  return [
    one.strategy,
    one.held_per_used?.toFixed(2) ?? '-',
    percentText(one.utilisation),
    one.held_gib_s.toFixed(1),
    String(one.plugs),
    String(one.unplugs),
    String(one.waits),
    `${one.wait_ms} ms`,
    `x ${one.latency_against_peak.toFixed(4)}`,
  ];
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = HEAD.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}
