/** --speedup auto: how costs are measured before a run, and what is told and kept of the choice. */
import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { workOf } from '../../agent/model/work.ts';
import type { InvokeRequest } from '../../autoscaler/replay/agent-api.ts';
import { renderTable } from '../../autoscaler/report/table.ts';
import { readResults } from '../../autoscaler/results/reader.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { MIB } from '../../base/units.ts';
import type { FakeAgentOptions } from './fake-agent.ts';
import { type Rig, rig } from './replay-rig.ts';

/** CPU time of the fake host, two CPUs: of a call, of a start, and as much as calls compute. */
const CALL_CPU_MS = 20;
const START_CPU_MS = 90;

/** Each call takes as long as its CPU time at least. */
const wallMs = ({ payload }: InvokeRequest): number =>
  (workOf({ bytes: payload })?.wall_ms ?? 0) + CALL_CPU_MS;

function measuredRig(
  t: ExecutionContext,
  extra: Record<string, string> = {},
  fake: Partial<FakeAgentOptions> = {},
  own = true,
): Rig {
  const slower = { wallMs, ...fake };
  const made = rig(t, slower, { speedup: 'auto', mechanism: 'static,hotmem', ...extra }, true, {
    lookAtLoad: () => {
      const { agent, clock } = made;
      const computed_ms = agent.invoked.reduce(
        (sum, { payload }) => sum + (workOf({ bytes: payload })?.cpu_ms ?? 0),
        0,
      );
      const used_ms =
        agent.invoked.length * CALL_CPU_MS + agent.starts * START_CPU_MS + computed_ms;
      const now_ms = clock.nowMs();
      return {
        at_ms: now_ms,
        // Others take a tenth of it.
        cpu: { total: 2 * now_ms, idle: 1.8 * now_ms - used_ms, steal: 0 },
        own_ticks: own ? used_ms : null,
        psi_cpu_some_us: null,
        psi_memory_some_us: null,
        mem_available_bytes: null,
        event_loop_lag_ms: null,
      };
    },
  });
  return made;
}

const calibrated = ({ agent }: Rig): number =>
  agent.deployed.filter(({ name }) => name.startsWith('calibrate-')).length;

test('costs are measured under each mechanism before the run, told, and kept', async (t) => {
  const made = measuredRig(t);
  const summary = await made.run();
  const { manifest } = await readResults(made.out);
  const { speedup_choice: choice } = manifest;
  assert(choice);
  t.is(calibrated(made), 2);
  t.is(made.closed(), 2, 'the agent of the calibration ended before that of the run');
  t.deepEqual(
    choice.measured.costs.map(({ mechanism, calls: n }) => [mechanism, n]),
    // 2 starts, one more, 15 calls of 20 ms until 0.3 s are over, one that computes.
    [
      ['static', 19],
      ['hotmem', 19],
    ],
  );
  for (const one of choice.measured.costs) {
    t.true(Math.abs(one.call_cpu_ms - CALL_CPU_MS) < 1, `${one.call_cpu_ms} ms a call`);
    t.true(Math.abs(one.start_cpu_ms - START_CPU_MS) < 1, `${one.start_cpu_ms} ms a start`);
    t.true(Math.abs(one.compute_factor - 1) < 0.01, `${one.compute_factor} for computing`);
  }
  t.true(Math.abs(choice.measured.cpus_left - 1.8) < 0.01);
  t.true(choice.demand.share <= 0.6);
  t.is(manifest.trace.speedup, choice.speedup);
  t.is(manifest.options?.['speedup'], String(choice.speedup));
  t.deepEqual(summary.speedup_choice, choice);
  const told = `speed-up ${choice.speedup} was chosen: its busiest `;
  t.true(made.notes.some((note) => note.startsWith(told)));
  t.true(renderTable(summary).includes(`By --speedup auto: ${told}`));
});

test('a repeated run keeps what was chosen, unless it is asked to choose', async (t) => {
  const made = measuredRig(t);
  await made.run();
  const { manifest } = await readResults(made.out);
  const again = await made.repeat(made.out);
  t.is(calibrated(made), 2);
  t.deepEqual(again.manifest.speedup_choice, manifest.speedup_choice);
  t.deepEqual(again.manifest.repeat_of?.differences, []);
  const said = await measuredRepeat(t, { speedup: '7' });
  t.is(said.speedup_choice, null);
  t.is(said.trace.speedup, 7);
  t.not((await measuredRepeat(t, { speedup: 'auto' })).speedup_choice, null);
});

async function measuredRepeat(t: ExecutionContext, given: Record<string, string>) {
  const made = measuredRig(t);
  await made.run();
  return (await made.repeat(made.out, given)).manifest;
}

test('all rounds have one speed-up, and rounds that go on have the one that is there', async (t) => {
  const made = measuredRig(t);
  await made.runRounds(2);
  t.is(calibrated(made), 2);
  await made.runRounds(3);
  t.is(calibrated(made), 2);
  t.true(made.notes.some((note) => note.endsWith('kept from the rounds that are there')));
  const choices = [1, 2, 3].map(
    async (round) => (await readResults(`${made.out}/round-${round}`)).manifest.speedup_choice,
  );
  const [first, second, third] = await Promise.all(choices);
  t.truthy(first);
  t.deepEqual([second, third], [first, first]);
});

test('rounds whose speed-up was said go on with it where it is to be chosen', async (t) => {
  const made = measuredRig(t);
  await made.runRounds(1, { speedup: '20' });
  await made.runRounds(2, { speedup: 'auto' });
  t.is(calibrated(made), 0, 'nothing is measured');
  t.true(made.notes.includes('speed-up 20; kept from the rounds that are there'));
  const second = await readResults(`${made.out}/round-2`);
  t.is(second.manifest.trace.speedup, 20);
});

test('a first round that was put aside keeps the speed-up that was chosen for it', async (t) => {
  const made = measuredRig(t);
  await made.runRounds(2);
  const { manifest } = await readResults(`${made.out}/round-1`);
  // As a process leaves it that ends before its round has an agent.
  renameSync(`${made.out}/round-1`, `${made.out}/round-1-part-1`);
  rmSync(`${made.out}/round-2`, { recursive: true });
  await made.runRounds(2);
  t.is(calibrated(made), 2, 'measured once');
  const again = await readResults(`${made.out}/round-1`);
  t.is(again.manifest.trace.speedup, manifest.trace.speedup);
  t.deepEqual(again.manifest.resumed_from?.mechanisms, ['static', 'hotmem']);
});

async function refusedWith(t: ExecutionContext, made: Rig, pattern: RegExp): Promise<void> {
  const error = await made.run().then(
    () => null,
    (problem: unknown) => problem,
  );
  assert(isHotplaneError(error));
  t.is(error.code, 'HP_REPLAY_SPEEDUP');
  t.regex(error.message, pattern);
  t.is(made.closed(), 1);
  t.deepEqual(
    made.agent.removed.toSorted(),
    made.agent.deployed.map(({ name }) => name).toSorted(),
  );
  t.true(existsSync(dirname(made.out)));
  t.false(existsSync(made.out), 'nothing is left behind');
}

test('a call that is refused is no calibration', async (t) => {
  const made = measuredRig(t, {}, { refuse: (name) => name.startsWith('calibrate-hotmem') });
  await refusedWith(t, made, /hotmem: a call was refused: host is full/);
});

test('memory that does not come back is no calibration', async (t) => {
  const made = measuredRig(t, {}, { stuck_bytes: 2 * MIB });
  await refusedWith(t, made, /hotmem: its memory did not come back/);
});

test('a calibration ends, however slow the host is', async (t) => {
  await refusedWith(t, measuredRig(t, {}, { wallMs: () => 50_000 }), /it took more than 2 min/);
});

test('without the CPU time of its processes nothing is guessed', async (t) => {
  await refusedWith(t, measuredRig(t, {}, {}, false), /CPU time of agent and VMMs is not known/);
});

test('a host that cannot carry the trace at its own speed says what it would need', async (t) => {
  const made = measuredRig(t, { 'cpu-share': '1', 'duration-scale': '1000' });
  await refusedWith(t, made, /even at the trace's own speed its busiest .* of the CPU left/);
});

test('with bounds a host that carries too little is told so, and the least is replayed', async (t) => {
  const made = measuredRig(t, { speedup: 'auto:5000-6000' });
  const summary = await made.run();
  t.is(summary.speedup_choice?.speedup, 5_000);
  t.regex(made.notes.join('\n'), /speed-up 5000 was chosen, the least .* too slow or too busy/);
});

test('with bounds a calibration that fails is told, and all rounds have the least', async (t) => {
  const bounded = { speedup: 'auto:15-60' };
  const made = measuredRig(t, bounded, { refuse: (name) => name.startsWith('calibrate-hotmem') });
  await made.runRounds(2);
  await made.runRounds(3);
  const told = made.notes.filter((note) => /host is full.* Speed-up 15, the least/.test(note));
  t.is(told.length, 1, 'the rounds that go on keep it');
  for (const round of [1, 2, 3]) {
    const { manifest } = await readResults(`${made.out}/round-${round}`);
    t.deepEqual([manifest.trace.speedup, manifest.speedup_choice], [15, null]);
  }
});

test('an interrupted calibration is an interrupted replay', async (t) => {
  const made = measuredRig(t, {}, { onInvoke: (count) => count === 5 && made.abort.abort() });
  const error = await made.run().then(
    () => null,
    (problem: unknown) => problem,
  );
  t.is(isHotplaneError(error) && error.code, 'HP_REPLAY_INTERRUPTED');
  t.false(existsSync(made.out));
});
