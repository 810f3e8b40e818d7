import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { rebuildReport } from '../../autoscaler/report/rebuild.ts';
import { readResults } from '../../autoscaler/results/reader.ts';
import { loadSchema } from '../../autoscaler/results/schema.ts';
import { HotplaneError } from '../../base/errors.ts';
import { MIB } from '../../base/units.ts';
import type { FakeAgentOptions } from './fake-agent.ts';
import { rig } from './replay-rig.ts';

test('every mechanism replays the same plan over the same window, and memory comes back', async (t) => {
  const { out, agent, closed, run } = rig(t, { migrates: 7 });
  const summary = await run();
  t.is(summary.status, 'complete');
  t.deepEqual(
    summary.mechanisms.map((one) => [one.mechanism, one.status, one.observed_ms]),
    [
      ['static', 'complete', summary.window_ms],
      ['virtio-mem', 'complete', summary.window_ms],
    ],
  );
  const [base, stock] = summary.mechanisms;
  t.is(base?.invocations.outcomes.done, 101);
  t.is(stock?.invocations.outcomes.done, 101);
  t.is(stock?.invocations.lateness.max_ms, 0);
  t.true((stock?.memory_gib_s.resident ?? 0) < (base?.memory_gib_s.resident ?? 0));
  t.deepEqual(stock?.not_compared, []);
  t.true((stock?.saving.resident ?? 0) > 0.5);
  t.is(base?.saving.resident, null);
  t.is(stock?.operations.unplug.resident.p50_ms, 200);
  t.is(stock?.operations.plug.plugged.max_ms, 30);
  t.is(stock?.operations.starts.plug.p50_ms, 30);
  t.is(stock?.operations.starts.total.p50_ms, 35);
  t.is(stock?.pages_migrated.in_operations, 7 * (stock?.operations.unplug.outcomes.done ?? 0));
  t.like(stock?.final_agreement, { agree: true, vmm_plugged_bytes: 0, host_resident_bytes: 0 });
  t.like(base?.final_agreement, { agree: true });
  t.is(agent.removed.length, 8, 'every function of both runs is removed');
  t.is(closed(), 1);
  t.deepEqual(readdirSync(out).toSorted(), [
    'decisions.jsonl',
    'events.jsonl',
    'invocations.jsonl',
    'load.jsonl',
    'manifest.json',
    'memory.jsonl',
    'operations.jsonl',
    'report.html',
    'summary.json',
  ]);
});

test('guests that are slow to answer are asked again, for their counts and for agreement', async (t) => {
  const slow = rig(t, { isSilent: (asked) => asked % 3 !== 0 }, { mechanism: 'virtio-mem' });
  const [heard] = (await slow.run()).mechanisms;
  t.like(heard, { pages_migrated: { whole_run: 0 }, oom_kills: 0 });
  t.like(heard?.final_agreement, { agree: true, guest_plugged_bytes: 0 });
  const mute = rig(t, { isSilent: () => true }, { mechanism: 'virtio-mem' });
  const [unheard] = (await mute.run()).mechanisms;
  t.like(unheard, { pages_migrated: { whole_run: null }, oom_kills: null });
  t.like(unheard?.final_agreement, { agree: false, guest_plugged_bytes: null });
});

test('a call waited exactly when no instance was idle at its arrival, cold or not', async (t) => {
  const { out, run } = rig(t, {}, { mechanism: 'virtio-mem', concurrency: '2' });
  await run();
  const { invocations } = await readResults(out);
  const waited = invocations.filter((line) => line.waited);
  t.true(waited.some((line) => line.cold));
  t.true(
    waited.some((line) => !line.cold),
    'queued behind busy instances',
  );
  for (const line of invocations) {
    t.is(line.waited, (line.assigned_at_ms ?? 0) > (line.received_at_ms ?? 0), line.invocation_id);
  }
  t.true(invocations.some((line) => line.waited === false));
});

test('every decision that is told becomes a line, on the clock of the run', async (t) => {
  const { out, run } = rig(t, {}, { mechanism: 'virtio-mem' });
  await run();
  const { decisions, operations } = await readResults(out);
  const plugs = operations.filter(({ kind }) => kind === 'plug');
  t.true(plugs.length > 0);
  t.deepEqual(
    decisions.map(({ at_ms }) => at_ms).toSorted((a, b) => a - b),
    plugs.map(({ decided_at_ms }) => decided_at_ms ?? 0).toSorted((a, b) => a - b),
  );
});

test('the load of the machine is recorded over the window, ours and the others apart', async (t) => {
  const { out, run } = rig(t);
  const { window_ms } = await run();
  const lines = readFileSync(join(out, 'load.jsonl'), 'utf8').trim().split('\n');
  const load = lines.map((line) => loadSchema.parse(JSON.parse(line)));
  for (const mechanism of ['static', 'virtio-mem']) {
    const own = load.filter((line) => line.mechanism === mechanism);
    const seen_ms = own.reduce((sum, line) => sum + line.interval_ms, 0);
    t.true(seen_ms >= window_ms, `${mechanism}: ${seen_ms} ms of ${window_ms}`);
    t.true(own.every((line) => line.own_cpu_share === 0.4375 && line.other_cpu_share === 0.0625));
    t.true(own.every((line) => line.psi_cpu_some_share === null));
  }
});

test('starts are counted under every mechanism, whichever call each then served', async (t) => {
  const { out, run } = rig(t, {}, { concurrency: '2' });
  await run();
  const { memory, operations, manifest } = await readResults(out);
  for (const { name } of manifest.mechanisms) {
    const checks = memory.flatMap((line) =>
      line.mechanism === name && line.kind === 'check' && line.at === 'end' ? line : [],
    );
    const starts = checks.reduce((sum, line) => sum + (line.instances_started ?? 0), 0);
    t.true(starts > 0, name);
    const plugs = operations.filter((line) => line.mechanism === name && line.kind === 'plug');
    if (name !== 'static') t.is(starts, plugs.length);
  }
});

test('the report is rebuilt byte for byte, and has no link to a network', async (t) => {
  const { out, run } = rig(t);
  await run();
  const read = (name: string): string => readFileSync(join(out, name), 'utf8');
  const before = [read('summary.json'), read('report.html')];
  rmSync(join(out, 'summary.json'));
  rmSync(join(out, 'report.html'));
  await rebuildReport(out);
  t.deepEqual([read('summary.json'), read('report.html')], before);
  const page = read('report.html').replaceAll('http://www.w3.org/2000/svg', '');
  t.notRegex(page, /https?:|<script|<link|url\(/);
  t.regex(page, /Under TCG no absolute time is a claim/);
});

test('two runs of one plan against one agent give the same result lines', async (t) => {
  const one = rig(t);
  const two = rig(t);
  await one.run();
  await two.run();
  for (const name of ['operations.jsonl', 'invocations.jsonl', 'memory.jsonl']) {
    t.is(readFileSync(join(two.out, name), 'utf8'), readFileSync(join(one.out, name), 'utf8'));
  }
});

test('Ctrl-C keeps the results so far, marks the run, removes everything and exits 130', async (t) => {
  const setup = rig(t, {
    onInvoke: (count) => {
      if (count === 40) setup.abort.abort();
    },
  });
  const error = await t.throwsAsync(setup.run(), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_REPLAY_INTERRUPTED');
  t.is(error.exit_code, 130);
  const data = await readResults(setup.out);
  t.is(data.manifest.status, 'interrupted');
  t.deepEqual(
    data.manifest.mechanisms.map((run) => run.status),
    ['interrupted', 'waiting'],
  );
  const outcomes = data.invocations.map((line) => line.outcome);
  t.is(outcomes.length, 40, 'what was sent has its line, what was not sent has none');
  t.true(outcomes.includes('interrupted'));
  t.true(outcomes.includes('done'));
  t.true(data.memory.length > 0);
  t.is(setup.agent.removed.length, 4);
  t.is(setup.closed(), 1);
  t.regex(readFileSync(join(setup.out, 'report.html'), 'utf8'), /marked &quot;interrupted&quot;/);
});

test('Ctrl-C with an agent of our own leaves the removal to the end of the agent', async (t) => {
  const fake: Partial<FakeAgentOptions> = {
    onInvoke: (count) => {
      if (count === 40) setup.abort.abort();
    },
  };
  const setup = rig(t, fake, {}, true);
  await t.throwsAsync(setup.run(), { message: /was interrupted/ });
  t.is(setup.agent.removed.length, 0);
  t.is(setup.closed(), 1);
});

test('a report that cannot be made after Ctrl-C is told, beside the interruption', async (t) => {
  const setup = rig(t, {
    onInvoke: (count) => {
      if (count !== 40) return;
      mkdirSync(join(setup.out, 'report.html'));
      setup.abort.abort();
    },
  });
  await t.throwsAsync(setup.run(), { message: /was interrupted/ });
  t.like(setup.unreported, { length: 1, 0: { code: 'HP_RESULTS_UNWRITABLE' } });
});

test('memory that is not given back is told: outcome, bytes, and not drained', async (t) => {
  const { run } = rig(t, { stuck_bytes: 2 * MIB }, { mechanism: 'virtio-mem' });
  const [stock] = (await run()).mechanisms;
  t.false(stock?.drained);
  t.is(stock?.operations.unplug.outcomes.done, 0);
  const partial = stock?.operations.unplug.outcomes.partial ?? 0;
  t.true(partial > 0);
  t.is(stock?.operations.unplug.not_unplugged_bytes, partial * 2 * MIB);
  t.is(stock?.operations.unplug.resident.p50_ms, null, 'not reached is not left out');
});

test('refused invocations are counted, and count as never finished', async (t) => {
  const { run } = rig(t, { refuse: (name) => name.startsWith('f1-') }, { mechanism: 'static' });
  const [base] = (await run()).mechanisms;
  t.is(base?.invocations.outcomes.refused, 32);
  t.is(base?.invocations.latency.reached, 101 - 32);
  t.is(base?.invocations.latency.p99_ms, null);
});

test('a deploy that fails ends with one message, and the next mechanism has its turn', async (t) => {
  const { out, closed, run } = rig(t, {
    failDeploy: () => new Error('the guest never said hello'),
  });
  const error = await t.throwsAsync(run(), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_REPLAY_AGENT');
  t.is(error.exit_code, 1);
  const data = await readResults(out);
  t.deepEqual(
    data.manifest.mechanisms.map((one) => one.status),
    ['failed', 'failed'],
  );
  t.is(closed(), 1);
});

test('an agent that dies in the middle fails the run and keeps what was seen', async (t) => {
  const setup = rig(t, {
    onInvoke: (count) => {
      if (count === 30) setup.agent.endWatch();
    },
  });
  const error = await t.throwsAsync(setup.run(), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_REPLAY_AGENT');
  const data = await readResults(setup.out);
  t.is(data.manifest.status, 'failed');
  t.is(data.manifest.mechanisms[0]?.status, 'failed');
  t.true(data.invocations.length >= 30);
  t.deepEqual(setup.kept, [setup.out]);
});

test('a folder that holds results is never written to again', async (t) => {
  const { out, run } = rig(t, {}, { mechanism: 'static' });
  await run();
  const before = readFileSync(join(out, 'manifest.json'), 'utf8');
  const error = await t.throwsAsync(run(), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_RESULTS_EXIST');
  t.is(error.exit_code, 5);
  t.is(readFileSync(join(out, 'manifest.json'), 'utf8'), before);
});

test('a line cut off by a crash is left out and told; a bad line elsewhere is an error', async (t) => {
  const { out, run } = rig(t, {}, { mechanism: 'static' });
  await run();
  const path = join(out, 'invocations.jsonl');
  const whole = readFileSync(path, 'utf8');
  writeFileSync(path, whole.slice(0, -20));
  const summary = await rebuildReport(out);
  t.deepEqual(summary.torn_files, ['invocations.jsonl']);
  t.like(summary.mechanisms[0]?.invocations.outcomes, { done: 100, not_sent: 1 });
  t.false(summary.mechanisms[0]?.comparable);
  writeFileSync(path, whole.replace('"cold":', '"warm":'));
  const error = await t.throwsAsync(rebuildReport(out), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_RESULTS_MALFORMED');
  t.is(error.details['line'], 1);
});
