/** A run as text. Pure. */
import { checkTable, renderText, type TextTable } from '../reclaim/report/table.ts';
import { shown } from '../check.ts';
import { type ElasticSummary, type MechanismFigures, unusedShare } from './figures.ts';
import { WAIT_PARTS, type Waits } from './figures.ts';
import type { BesideVms, ElasticReport, PlayLine } from './records.ts';

/** Told of observers that disagree: these say what kind it is. */
const TOLD = 3;

const PART_TEXTS = {
  told: 'guest said, agent heard',
  decided: 'decided',
  sent: 'sent to the VMM',
  accepted: 'accepted',
  plugged: 'plugged',
  own: "agent's own: heard to sent",
  all: 'said to plugged',
} as const satisfies Readonly<Record<(typeof WAIT_PARTS)[number], string>>;

/** Everything a run has to say, below its head lines. */
export function renderElastic({ plays, summary, checks, beside }: ElasticReport): string {
  const waiting = summary.mechanisms.filter(({ waits }) => waits.own.n > 0);
  const tables = [
    playTable(plays),
    sumTable(summary),
    ...waiting.map(waitTable),
    ownTable(summary, beside),
    giveBackTable(summary),
    checkTable(checks),
  ];
  const odd = summary.mechanisms.flatMap(({ disagree }) => disagree.slice(0, TOLD));
  return `${[...tables.map(renderText), ...odd].join('\n\n')}\n`;
}

const percent = (share: number | null): string =>
  share === null ? '-' : `${(share * 100).toFixed(1)} %`;
const count = (value: number | null): string => (value === null ? '-' : String(value));

function playTable(plays: readonly PlayLine[]): TextTable {
  return {
    title: 'Plays',
    note: 'One invocation in each instance. Used: by the guest, or by the plan where it tells none.',
    columns: ['play', 'round', 'mechanism', 'plugged GiB s', 'used', 'planned', 'unused', 'failed'],
    rows: plays.map((line) => {
      const used = line.used_gib_s ?? line.planned_gib_s;
      return [
        line.play,
        String(line.round),
        line.mechanism,
        shown(line.plugged_gib_s),
        shown(used),
        shown(line.planned_gib_s),
        percent(unusedShare(line.plugged_gib_s, used)),
        line.reason === null ? '0' : `${line.failed}: ${line.reason}`,
      ];
    }),
  };
}

function sumTable({ mechanisms }: ElasticSummary): TextTable {
  return {
    title: 'All plays',
    note: '',
    columns: ['mechanism', 'unused', 'growths', 'shrinks', 'killed', 'migrated', 'observers agree'],
    rows: mechanisms.map((one) => [
      one.mechanism,
      percent(one.unused_share),
      String(one.growths),
      String(one.shrinks),
      count(one.oom_kills),
      count(one.pages_migrated),
      `${one.agree} of ${one.agree + one.disagree.length}, ${one.unseen} not seen`,
    ]),
  };
}

function waitRow(title: string, of: Waits): string[] {
  return [title, String(of.n), ...[of.p50_ms, of.p99_ms, of.most_ms].map(shown)];
}

function waitTable({ mechanism, waits, guest_waits, guest_mean_ms }: MechanismFigures): TextTable {
  return {
    title: `Waits for growth, ${mechanism} (ms)`,
    note: `All waits take ${shown(guest_mean_ms)} ms on average, by the guest kernel's word.`,
    columns: ['part', 'n', 'p50', 'p99', 'most'],
    rows: [
      ...WAIT_PARTS.map((part) => waitRow(PART_TEXTS[part], waits[part])),
      waitRow('fault to going on, guest kernel', guest_waits),
    ],
  };
}

/** The agent's own share where it has the host to itself, and what it had beside the VMs. */
function ownTable(summary: ElasticSummary, beside: BesideVms): TextTable {
  const { alone, alone_unstarved } = summary;
  const { idle_lag_ms: lag, agent_ran_ms, agent_starved_ms } = beside;
  const waited = `its thread ran ${shown(agent_ran_ms)} ms and waited ${shown(agent_starved_ms)} ms for a CPU`;
  return {
    title: "The agent's own share of a growth with nothing beside it (ms)",
    note: `VMs and guests are models here. Beside the real ones ${waited}.`,
    columns: ['part', 'n', 'p50', 'p99', 'most'],
    rows: [
      waitRow('said to sent', alone),
      waitRow('the same, less what it waited for a CPU', alone_unstarved),
      waitRow('an idle loop beside the real VMs: its lateness', {
        n: lag.n,
        p50_ms: lag.p50,
        p99_ms: lag.p99,
        most_ms: lag.max,
      }),
    ],
  };
}

function giveBackTable({ phase_ms, idle_ms, neighbour, give_back }: ElasticSummary): TextTable {
  return {
    title: 'Given back while it runs (median, ms)',
    note: 'A call of a neighbour meanwhile, over its other calls; bench reclaim measures that well.',
    columns: ['finished phase', 'idle region', 'times', "neighbour's call, times"],
    rows: [[phase_ms, idle_ms, give_back?.ratio ?? null, neighbour?.ratio ?? null].map(shown)],
  };
}
