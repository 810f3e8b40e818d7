/** What a replay would do, without doing it: sizes, time, and the least that it needs. Pure. */
import { jsonDocument } from '../../base/json.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import { idealOf, plannedStarts } from '../report/ideal.ts';
import { PlannedWork } from '../report/planned-work.ts';
import type { Manifest } from '../results/schema.ts';
import type { PlannedFailure } from './failures.ts';
import { fitText } from '../report/fit-text.ts';
import { percent } from '../report/figures.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { placeOnAgents } from './several-agents.ts';
import { measuredFunctions } from './choose-speedup.ts';
import type { SpeedupBounds } from './options.ts';

export interface DryRun {
  readonly mechanisms: readonly string[];
  readonly rounds: number;
  /** The functions of each agent; absent: there is one. */
  readonly agents?: readonly (readonly string[])[];
  readonly invocations: number;
  /** Instances that a host with room and mechanisms that take no time would start. */
  readonly cold_starts: number | null;
  readonly window_ms: number;
  /** Before the window, and in no figure; among the invocations. */
  readonly warm_up: { readonly ms: number; readonly invocations: number };
  /** Of all mechanisms and rounds with their warm-ups, without boots, drains and removals. */
  readonly windows_ms: number;
  readonly boot_bytes: number;
  /** With every instance there that each function may have, as under `static`. */
  readonly most_bytes: number;
  /** The least that any mechanism could commit, GiB·s of one window. */
  readonly ideal_gib_s: number | null;
  /** Brought about under each mechanism; what was not said of them is drawn. */
  readonly failures: readonly PlannedFailure[];
  readonly functions: readonly Manifest['functions'][number][];
  /** Of --speedup auto: on what a run would measure first; absent: the speed-up is said. */
  readonly would_measure?: {
    readonly functions: readonly string[];
    readonly mechanisms: readonly string[];
    /** Between which it would choose; absent: without bounds. */
    readonly bounds?: SpeedupBounds;
  };
}

/** As much of a plan as is told. */
interface Planned {
  readonly functions: readonly Manifest['functions'][number][];
  readonly arrivals: readonly {
    readonly function: string;
    readonly at_ms: number;
    readonly duration_ms: number;
  }[];
  readonly window_ms: number;
  readonly warm_up: DryRun['warm_up'];
}

type Asked = Pick<DryRun, 'mechanisms' | 'rounds' | 'failures'> & {
  readonly agents?: number;
  readonly is_speedup_open?: boolean;
  readonly speedup_bounds?: SpeedupBounds | null;
};

export function dryRun(
  plan: Planned,
  { is_speedup_open = false, speedup_bounds = null, agents = 1, ...asked }: Asked,
): DryRun {
  const { functions, arrivals, window_ms, warm_up } = plan;
  const { mechanisms, rounds, failures } = asked;
  const work = new PlannedWork();
  for (const one of arrivals) work.add(one.function, one.at_ms, one.duration_ms);
  const boot_bytes = functions.reduce((sum, one) => sum + one.boot_bytes, 0);
  const region_bytes = functions.reduce((sum, one) => sum + one.limit_bytes * one.concurrency, 0);
  return {
    mechanisms,
    rounds,
    failures,
    invocations: arrivals.length,
    cold_starts: plannedStarts(work, functions),
    window_ms,
    warm_up,
    windows_ms: (window_ms + warm_up.ms) * mechanisms.length * rounds,
    boot_bytes,
    most_bytes: boot_bytes + region_bytes,
    ideal_gib_s: idealOf(work, functions, window_ms)?.with_keep_alive_gib_s ?? null,
    functions,
    ...(agents > 1 && { agents: functionsOfAgents(plan, agents) }),
    ...(is_speedup_open && {
      would_measure: {
        functions: measuredFunctions(functions).map(({ name }) => name),
        mechanisms,
        ...(speedup_bounds && { bounds: speedup_bounds }),
      },
    }),
  };
}

function functionsOfAgents(plan: Planned, agents: number): readonly (readonly string[])[] {
  const agent_of = placeOnAgents(plan, agents);
  return Array.from({ length: agents }, (_, agent) =>
    plan.functions.flatMap(({ name }) => (agent_of.get(name) === agent ? [name] : [])),
  );
}

export function renderDryRun(told: DryRun, json: boolean): string {
  if (json) return jsonDocument(told);
  const { functions, mechanisms, invocations, cold_starts, window_ms, windows_ms } = told;
  const rows = functions.map((one) => {
    const sizes = `${one.concurrency} x ${formatBytes(one.limit_bytes)}`;
    const vm = `${one.vcpus} vCPUs, ${formatBytes(one.boot_bytes)} at boot`;
    const row = `  ${one.name}  ${one.invocations} calls, ${sizes}, ${vm}`;
    return one.real ? `${row}\n    ${fitText(one)}` : row;
  });
  const lines = [
    `${invocations} calls of ${functions.length} functions, under ${mechanisms.join(', ')}:`,
    ...rows,
    ...(functions.some(({ real }) => real) ? [BY_TABLE] : []),
    ...(told.agents ?? []).map((names, agent) => `agent ${agent + 1}  ${names.join(', ')}`),
    ...speedupLines(told),
    ...warmUpLines(told),
    `time     ${mechanisms.length * told.rounds} windows of ${formatMs(window_ms)}, ` +
      `${formatMs(windows_ms)} in all, and boots and drains`,
    `memory   ${formatBytes(told.most_bytes)} at most (static: from beginning to end), ` +
      `${formatBytes(told.boot_bytes)} of it at boot`,
    `starts   ${cold_starts ?? 'not known'} cold at least`,
    `ideal    ${told.ideal_gib_s?.toFixed(1) ?? 'not known'} GiB·s: no mechanism can commit less`,
    ...told.failures.map(failureLine),
    'nothing was started and nothing written',
  ];
  return `${lines.join('\n')}\n`;
}

const BY_TABLE =
  'programs are chosen by a table of another host; a run measures those it has chosen first';

function speedupLines({ would_measure: would }: DryRun): string[] {
  if (!would) return [];
  const { bounds } = would;
  const within = bounds ? ` from ${bounds.least} to ${bounds.most}` : '';
  return [
    `speed-up auto: what follows is at the trace's own speed; a run first measures calls and ` +
      `starts of ${would.functions.join(' and ')}, on a VM each under ${would.mechanisms.join(', ')}, and ` +
      `takes the greatest speed-up${within} whose busiest part (${formatMs(REPLAY_LIMITS.speedup_window_ms)} or more) asks ` +
      `for at most ${percent(REPLAY_LIMITS.speedup_share)} of the CPU left`,
  ];
}

function warmUpLines({ warm_up: { ms, invocations } }: DryRun): string[] {
  if (ms === 0) return [];
  return [`warm-up  ${formatMs(ms)} before each window, with ${invocations} of the calls`];
}

function failureLine({ failure, at_ms, function: of }: PlannedFailure): string {
  return `failure  ${failure} at ${formatMs(at_ms)}${of === null ? '' : `, ${of}`}`;
}
