/**
 * The quickstart by arithmetic: what it replays, and how long that takes where calls and starts
 * cost what they cost on two slow cores without KVM.
 */
import assert from 'node:assert/strict';
import test from 'ava';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { chooseSpeedup } from '../../autoscaler/replay/choose-speedup.ts';
import { parseReplayOptions, type ReplayOptions } from '../../autoscaler/replay/options.ts';
import { planAt, selectOf } from '../../autoscaler/replay/prepare.ts';
import type { ReplayPlan } from '../../autoscaler/replay/plan.ts';
import type { SpeedupMeasured } from '../../autoscaler/results/speedup-choice.ts';
import { MIB } from '../../base/units.ts';
import { QUICKSTART_REPLAY, quickstartCommand } from '../../cli/commands/quickstart.ts';
import { runLine } from './run-line.ts';

const MINUTE_MS = 60_000;

function defaultOf(name: string): string {
  const value = quickstartCommand.options?.[name];
  assert(value && 'default' in value && value.default !== undefined);
  return value.default;
}

const OPTIONS: ReplayOptions = parseReplayOptions({
  ...QUICKSTART_REPLAY,
  mechanism: defaultOf('mechanism'),
  speedup: defaultOf('speedup'),
  duration: defaultOf('duration'),
  out: 'out',
});

async function planner(): Promise<(speedup: number) => ReplayPlan> {
  const { selection } = await selectOf(OPTIONS, new AbortController().signal);
  return (speedup) => planAt(selection, OPTIONS, speedup);
}

test('all four applications and a burst of calls are replayed, under every mechanism', async (t) => {
  const plan = (await planner())(20);
  t.deepEqual(OPTIONS.mechanisms, MECHANISMS.names);
  t.is(plan.functions.length, 4);
  t.true(plan.arrivals.length >= 50, `${plan.arrivals.length} calls`);
  t.true(Math.max(...plan.functions.map((one) => one.peak_concurrency)) >= 10, 'a burst');
});

test('the burst finds applications at work: what is replayed does not begin with it', async (t) => {
  const SPEEDUP = 20;
  const arrivals = (await planner())(SPEEDUP).arrivals;
  const before_ms = (20 * 1_000) / SPEEDUP;
  const first = arrivals.filter(({ at_ms }) => at_ms < before_ms).length;
  t.true(first < 10, `${first} calls in the first 20 s of the trace`);
});

test('so much of the trace is taken as has calls of all applications', async (t) => {
  for (const given of ['279', '1181', 'long']) {
    const { code, err } = await runLine(`quickstart --duration ${given} --out /nowhere/out`);
    t.is(code, 2);
    t.regex(err, /--duration is '/);
  }
});

/** Of README's machine, with the function of most memory; three eighths of a CPU were not ours. */
const COSTS: Readonly<
  Record<string, readonly [call_ms: number, start_ms: number, compute: number]>
> = {
  static: [21.9, 227.6, 0.77],
  'virtio-mem': [26.2, 346.7, 0.66],
  numa: [29.9, 356.1, 0.6],
  hotmem: [25.7, 245.3, 0.78],
};
const MEASURED: SpeedupMeasured = {
  took_ms: 18_000,
  cpus_left: 1.6258,
  idle_cpus_per_vm: 0.0404,
  costs: Object.entries(COSTS).map(([mechanism, [call_cpu_ms, start_cpu_ms, compute_factor]]) => ({
    mechanism,
    function: 'f2',
    limit_bytes: 256 * MIB,
    call_cpu_ms,
    start_cpu_ms,
    compute_factor,
    calls: 12,
  })),
};
/** From one mechanism's window to the next: VMs end, others boot. */
const BETWEEN_MS = 5_000;
/** Before anything is measured, and for the report behind. */
const AROUND_MS = 5_000;

test('on two slow cores it takes three minutes', async (t) => {
  const at = await planner();
  const choice = chooseSpeedup(at, MEASURED, OPTIONS.speedup_bounds);
  assert(choice);
  const { window_ms } = at(choice.speedup);
  const whole_ms =
    AROUND_MS + MEASURED.took_ms + OPTIONS.mechanisms.length * (window_ms + BETWEEN_MS);
  t.log(`${choice.speedup} times as fast: ${Math.round(whole_ms / 1_000)} s`);
  t.true(choice.demand.share <= choice.most_share, 'within what the machine carries');
  t.true(whole_ms <= 3 * MINUTE_MS, `${whole_ms} ms`);
});
