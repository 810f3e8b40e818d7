/** What memory that follows its use may cost. Pure. */
import { BASELINE, MECHANISMS } from '../../agent/model/mechanism.ts';
import { atMost, type Check, intervalText, shown } from '../check.ts';
import { neighbourCheck } from '../neighbour.ts';
import { callsMs, type ElasticSummary, type MechanismFigures } from './figures.ts';
import type { NeighbourCall } from './records.ts';

const UNUSED_PERCENT = 15;
/** Under TCG, which is said wherever the figure is. */
const WAIT_P99_MS = 50;
const OWN_P99_MS = 2;
const GIVE_BACK_TIMES = 1.5;
const SEED = 1;

/** Of mechanisms with partitions, whose instances wait and shrink; others only grow. */
export function elasticChecks(summary: ElasticSummary, calls: readonly NeighbourCall[]): Check[] {
  const base = summary.mechanisms.find(({ mechanism }) => mechanism === BASELINE);
  return [
    ...summary.mechanisms
      .filter(({ mechanism }) => MECHANISMS.find(mechanism)?.partitions)
      .flatMap((figures) => checksOf(figures, base)),
    atMost('own_alone_p99', "the agent's own share with nothing beside it, p99", {
      target: OWN_P99_MS,
      unit: 'ms',
      measured: summary.alone_unstarved.p99_ms,
      detail: aloneText(summary),
    }),
    atMost('give_back', 'a finished phase back / an idle region', {
      target: GIVE_BACK_TIMES,
      unit: 'times',
      measured: summary.give_back?.ratio ?? null,
      detail: summary.give_back ? intervalText(summary.give_back) : '',
    }),
    neighbourCheck(
      'neighbour_p99',
      "a neighbour's p99 while memory is given back / its other calls",
      { busy_ms: callsMs(calls, true), quiet_ms: callsMs(calls, false) },
      SEED,
    ),
  ];
}

/** What was taken away, too: on a busy host that may be most of it. */
function aloneText({ alone, alone_unstarved }: ElasticSummary): string {
  const { n, p50_ms } = alone_unstarved;
  return `n = ${n}, p50 ${shown(p50_ms)}; with waits for a CPU p99 ${shown(alone.p99_ms)}`;
}

const percent = (share: number | null): number | null => (share === null ? null : share * 100);

function checksOf(figures: MechanismFigures, base: MechanismFigures | undefined): Check[] {
  const { mechanism, waits, guest_waits } = figures;
  const beside = base ? `static ${shown(percent(base.unused_share))} %` : '';
  const exact = (name: string, title: string, measured: number | null, detail: string): Check =>
    atMost(`${mechanism}_${name}`, `${mechanism}: ${title}`, {
      target: 0,
      unit: '',
      measured,
      detail,
    });
  return [
    atMost(`${mechanism}_unused`, `${mechanism}: unused share of plugged GiB s`, {
      target: UNUSED_PERCENT,
      unit: '%',
      measured: percent(figures.unused_share),
      detail: beside,
    }),
    atMost(`${mechanism}_wait_p99`, `${mechanism}: wait for growth, p99, guest kernel's word`, {
      target: WAIT_P99_MS,
      unit: 'ms',
      measured: guest_waits.p99_ms,
      detail: `n = ${guest_waits.n}, most ${shown(guest_waits.most_ms)}`,
    }),
    atMost(`${mechanism}_own_p99`, `${mechanism}: of it the agent's own, beside the VMs, p99`, {
      target: OWN_P99_MS,
      unit: 'ms',
      measured: waits.own.p99_ms,
      detail: `n = ${waits.own.n}, p50 ${shown(waits.own.p50_ms)}`,
    }),
    exact('failed', 'invocations that failed', figures.failed, ''),
    exact('oom_kills', 'killed for want of memory', figures.oom_kills, ''),
    exact('migrated', 'pages migrated', figures.pages_migrated, ''),
    exact(
      'observers',
      'operations after which observers disagree',
      figures.agree + figures.disagree.length > 0 ? figures.disagree.length : null,
      `${figures.agree} agree, of ${figures.unseen} one told nothing`,
    ),
  ];
}
