/** Real programs in the place of emulated calls: how they are chosen, sized, measured and told. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { PROGRAM_COSTS } from '../../autoscaler/workload-model/program-costs.ts';
import {
  matchPrograms,
  peakBytes,
  sizeWithin,
} from '../../autoscaler/workload-model/match-programs.ts';
import {
  callMs,
  curveOf,
  isInReach,
  sizeFor,
} from '../../autoscaler/workload-model/program-curve.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { renderTable } from '../../autoscaler/report/table.ts';
import type { InvokeRequest } from '../../autoscaler/replay/agent-api.ts';
import { readResults } from '../../autoscaler/results/reader.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { realPrograms } from '../../cli/function/real-programs.ts';
import { createProgress } from '../../base/progress.ts';
import { holds } from '../seed.ts';
import { MIB } from '../../base/units.ts';
import { rig, SAMPLE } from './replay-rig.ts';

/** As a power of its size, with a start that is always there: a tenth of a millisecond a piece. */
const msOf = (size: number): number => 2 + 0.1 * size ** 1.2;
const wallMs = ({ payload }: InvokeRequest): number =>
  msOf(JSON.parse(Buffer.from(payload).toString('utf8')).size);
const REAL = { functions: 'real', mechanism: 'virtio-mem' };

test('a power of the size is met between two measured calls, and nothing is guessed beyond', (t) => {
  const curve = curveOf([10, 100, 1_000].map((size) => ({ size, ms: 0.5 * size ** 1.7 })));
  t.is(sizeFor(curve, 0.5 * 300 ** 1.7), 300);
  t.true(Math.abs(callMs(curve, 40) / (0.5 * 40 ** 1.7) - 1) < 1e-9);
  t.is(sizeFor(curve, 0.001), 10);
  t.is(sizeFor(curve, 1e9), 1_000);
  t.deepEqual(
    [0.001, 25.1, 50_000, 1e9].map((ms) => isInReach(curve, ms)),
    [false, true, true, false],
  );
});

test('a call that something else held up is not taken for the time of its size', (t) => {
  const points = [10, 100, 1_000, 10_000].map((size) => ({ size, ms: size / 10 }));
  const curve = curveOf([...points, { size: 30, ms: 500 }, { size: 100, ms: 70 }]);
  t.deepEqual(curve.points, points);
});

test('whatever was measured, a longer call never gets a smaller size', async (t) => {
  const measured = fc.array(
    fc.record({
      size: fc.integer({ min: 1, max: 1e6 }),
      ms: fc.double({ min: 0.01, max: 1e5, noNaN: true }),
    }),
    { minLength: 1, maxLength: 12 },
  );
  const wanted = fc.double({ min: 0.01, max: 1e5, noNaN: true });
  await holds(
    t,
    fc.property(measured, wanted, wanted, (calls, a, b) => {
      const curve = curveOf(calls);
      const [less, more] = [Math.min(a, b), Math.max(a, b)];
      return sizeFor(curve, less) <= sizeFor(curve, more);
    }),
  );
});

test('every program has its turn before one comes twice', (t) => {
  const functions = Array.from({ length: 2 * PROGRAM_COSTS.length }, (_, index) => ({
    durations_ms: [1 + index],
    limit_bytes: 128 * MIB,
  }));
  const names = matchPrograms(functions, PROGRAM_COSTS).map(({ name }) => name);
  t.is(new Set(names.slice(0, PROGRAM_COSTS.length)).size, PROGRAM_COSTS.length);
  t.is(new Set(names.slice(PROGRAM_COSTS.length)).size, PROGRAM_COSTS.length);
});

const costs = (name: string, peak_bytes: number) => ({
  name,
  points: [
    { size: 1, ms: 1, peak_bytes },
    { size: 100, ms: 1_000, peak_bytes: 2 * peak_bytes },
  ],
});

test('a function gets the program whose memory is nearest in a call as long as its own', (t) => {
  const programs = [costs('small', 20 * MIB), costs('large', 150 * MIB)];
  const chosen = matchPrograms(
    [
      { durations_ms: [100], limit_bytes: 512 * MIB },
      { durations_ms: [100], limit_bytes: 64 * MIB },
    ],
    programs,
  );
  t.deepEqual(
    chosen.map(({ name }) => name),
    ['large', 'small'],
  );
});

test('no size is asked for that would not fit into the memory', (t) => {
  for (const program of PROGRAM_COSTS) {
    for (const limit_bytes of [128, 256, 1_024].map((mib) => mib * MIB)) {
      const size = sizeWithin(program, limit_bytes);
      t.true(peakBytes(program, size) <= 0.75 * limit_bytes, `${program.name}, ${limit_bytes}`);
    }
  }
});

test('every program of the table has a function.yaml whose memory holds its smallest call', async (t) => {
  const names = PROGRAM_COSTS.map(({ name }) => name);
  const needs = await realPrograms(createProgress({ stream: process.stderr })).needsOf(names);
  for (const { name, points } of PROGRAM_COSTS) {
    const limit_bytes = needs.get(name)?.limit_bytes ?? 0;
    t.true((points[0]?.peak_bytes ?? Infinity) < limit_bytes, name);
  }
});

test('calls of a real replay are as long as the trace says, by calls measured before it', async (t) => {
  const { out, agent, notes, run } = rig(t, { wallMs }, REAL);
  const summary = await run();
  const { manifest, invocations } = await readResults(out);
  t.deepEqual(summary.real, manifest.functions);
  const [first] = manifest.functions;
  t.regex(renderTable(summary), new RegExp(`place of ${first?.name}: ${first?.real?.program}: `));
  for (const { name, real, invocations: calls, limit_bytes } of manifest.functions) {
    assert(real, `${name} has a program`);
    t.true(real.points.length > 2, 'it was measured');
    t.true(real.points.every(({ size, ms }) => ms === msOf(size)));
    t.true(real.calls_in_reach <= calls);
    t.true(limit_bytes >= 256 * MIB, 'what the program needs at least');
    t.true(notes.some((note) => note.includes(real.program) && note.includes('within its reach')));
    t.is(
      agent.deployed.filter((one) => one.name === name && one.program?.command[0] === real.program)
        .length,
      1,
    );
  }
  const in_reach = invocations.filter((line) => line.planned_duration_ms > 3);
  t.true(in_reach.length > 10);
  for (const line of in_reach) {
    const ratio = (line.guest_wall_ms ?? 0) / line.planned_duration_ms;
    t.true(ratio > 0.8 && ratio < 1.25, `${line.guest_wall_ms} for ${line.planned_duration_ms}`);
  }
});

test('what was deployed to be measured is gone before the run begins', async (t) => {
  const { agent, run } = rig(t, { wallMs }, REAL);
  await run();
  const own = agent.deployed.filter(({ name }) => name.startsWith('calibrate-'));
  t.is(own.length, 4);
  t.deepEqual(
    agent.removed.slice(0, 4),
    own.map(({ name }) => name),
  );
});

test('a failure that is drawn lies within the calls as they were measured', async (t) => {
  const drawn = async (longer: number): Promise<number | null | undefined> => {
    const slow = (request: InvokeRequest): number => longer * wallMs(request);
    const { out, run } = rig(t, { wallMs: slow }, { ...REAL, fail: 'kill-vmm' });
    await run();
    const { manifest } = await readResults(out);
    const at_ms = manifest.mechanisms[0]?.failures?.[0]?.planned_at_ms;
    t.true((at_ms ?? Infinity) <= manifest.window.load_ms);
    return at_ms;
  };
  t.not(await drawn(1), await drawn(200), 'calls of a slow host end later');
});

test('--from asks for the same sizes without measuring again', async (t) => {
  const first = rig(t, { wallMs }, REAL);
  await first.run();
  const again = await first.repeat(first.out);
  const own = first.agent.deployed.filter(({ name }) => name.startsWith('calibrate-'));
  t.is(own.length, 4, 'of the first run alone');
  const { manifest } = await readResults(first.out);
  t.deepEqual(again.manifest.functions, manifest.functions);
});

test('a program that cannot be measured ends the run before it begins, and leaves nothing', async (t) => {
  const { out, closed, run } = rig(t, { refuse: (name) => name.startsWith('calibrate-') }, REAL);
  const error = await t.throwsAsync(run());
  t.is(isHotplaneError(error) ? error.code : String(error), 'HP_REPLAY_CALIBRATE');
  t.regex(error?.message ?? '', /calibrate-.*host is full/);
  t.is(closed(), 1);
  await t.throwsAsync(readResults(out));
});

test('real programs go their own course, and --functions real is four of them', (t) => {
  const given = { trace: SAMPLE, out: 'x' };
  t.like(parseReplayOptions({ ...given, functions: 'real' }), { functions: 4, work: 'real' });
  t.like(parseReplayOptions({ ...given, functions: '7', work: 'real' }), {
    functions: 7,
    work: 'real',
  });
  t.throws(() => parseReplayOptions({ ...given, functions: 'real', course: 'train' }), {
    message: /--course.*go their own/,
  });
});
