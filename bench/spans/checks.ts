/** What a span may leave, and cost. Pure. */
import { BASELINE } from '../../agent/model/mechanism.ts';
import { MIB } from '../../base/units.ts';
import { atMost, type Check, shown } from '../check.ts';
import type { SpansSummary } from './figures.ts';
import { MEASURED } from './plan.ts';
import type { SpansLine } from './records.ts';

/** What a VMM's own heap may grow by meanwhile. */
const LEFT_MIB = 16;
/** As of a wait for growth (bench elastic). */
const OWN_P99_MS = 2;

const leftMib = ({ held }: SpansLine): number => (held.end - held.before) / MIB;

const none = (name: string, title: string, measured: number | null, detail = ''): Check =>
  atMost(name, title, { target: 0, unit: '', measured, detail });

export function spansChecks(summary: SpansSummary, lines: readonly SpansLine[]): Check[] {
  const ours = lines.find(({ mechanism }) => mechanism === MEASURED);
  const base = lines.find(({ mechanism }) => mechanism === BASELINE);
  const { opened, closed, failed, not_back, disagree, open } = summary;
  const seen = opened + closed > 0;
  const missing = ours ? Math.abs(ours.times - opened) + Math.abs(ours.times - closed) : null;
  return [
    none('invocations_failed', 'invocations that failed', failedOf(lines), reasonsOf(lines)),
    none('missing', 'opens and closes too few or too many', missing, `${opened}, ${closed}`),
    none('failed', 'of them not done', seen ? failed : null),
    none('not_back', 'closes that left something', closed > 0 ? not_back : null, `of ${closed}`),
    none('observers', 'operations after which the guest disagrees', seen ? disagree : null),
    atMost('left', 'held more at the end than before', {
      target: LEFT_MIB,
      unit: 'MiB',
      measured: ours ? leftMib(ours) : null,
      detail: base ? `static ${shown(leftMib(base))}` : '',
    }),
    none('migrated', 'pages migrated', ours?.pages_migrated ?? null),
    none('oom_kills', 'killed for want of memory', ours?.oom_kills ?? null),
    atMost('own_p99', "of an open the agent's own, p99", {
      target: OWN_P99_MS,
      unit: 'ms',
      measured: open.own.p99_ms,
      detail: `n = ${open.own.n}, p50 ${shown(open.own.p50_ms)}`,
    }),
  ];
}

const failedOf = (lines: readonly SpansLine[]): number =>
  lines.filter(({ reason }) => reason !== null).length;

const reasonsOf = (lines: readonly SpansLine[]): string =>
  lines.flatMap(({ mechanism, reason }) => (reason ? `${mechanism}: ${reason}` : [])).join('; ');
