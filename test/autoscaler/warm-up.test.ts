/** A warm-up is replayed and recorded, and whatever came of it changes no figure. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { dryRun, renderDryRun } from '../../autoscaler/replay/dry-run.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { rebuildReport } from '../../autoscaler/report/rebuild.ts';
import { figuresOfFolder } from '../../autoscaler/report/live-figures.ts';
import { planOfRun } from '../../autoscaler/simulator/live-plan.ts';
import { readResults } from '../../autoscaler/results/reader.ts';
import { jsonDocument } from '../../base/json.ts';
import { rig } from './replay-rig.ts';

const WARM = { 'warm-up': '20s' };

/** Every line of that file that `isBefore` names, as `change` makes it. */
function spoil(
  path: string,
  isBefore: (line: Record<string, unknown>) => boolean,
  change: Record<string, unknown>,
): number {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  let spoiled = 0;
  const changed = lines.map((text) => {
    const line: Record<string, unknown> = JSON.parse(text);
    if (!isBefore(line)) return text;
    spoiled += 1;
    return JSON.stringify({ ...line, ...change });
  });
  writeFileSync(path, `${changed.join('\n')}\n`);
  return spoiled;
}

const below0 = (name: string) => (line: Record<string, unknown>) => Number(line[name]) < 0;

test('calls of the warm-up are made and marked by their times, and the window begins behind it', async (t) => {
  const [plain, warm] = [rig(t), rig(t, {}, WARM)];
  const [before, after] = [await plain.run(), await warm.run()];
  const { manifest, invocations } = await readResults(warm.out);
  const early = invocations.filter(({ planned_at_ms }) => planned_at_ms < 0);
  const each = early.length / manifest.mechanisms.length;
  t.true(each > 0);
  t.deepEqual(manifest.window.warm_up, { ms: 20_000, invocations: each });
  t.deepEqual(after.warm_up, { ms: 20_000, invocations: each });
  t.is(before.warm_up, undefined);
  t.true(early.every(({ outcome }) => outcome === 'done'));
  t.is(Math.min(...early.map(({ planned_at_ms }) => planned_at_ms)), -20_000);
  for (const [index, { invocations: told, comparable }] of after.mechanisms.entries()) {
    t.is(told.planned, (before.mechanisms[index]?.invocations.planned ?? 0) - each);
    t.is(told.outcomes.done, told.planned);
    t.is(told.latency.n, told.planned);
    t.true(comparable);
  }
  const { window: plain_window } = (await readResults(plain.out)).manifest;
  const { window } = manifest;
  // A window is whole milliseconds, and its margin a tenth of the load.
  const moved_ms = before.window_ms - plain_window.margin_ms - after.window_ms + window.margin_ms;
  t.true(Math.abs(moved_ms - 20_000) <= 1, `what is measured ends when it did: ${moved_ms}`);
  t.true((after.ideal?.with_keep_alive_gib_s ?? 0) < (before.ideal?.with_keep_alive_gib_s ?? 0));
});

test('whatever the calls and resizes of a warm-up did, the summary is the same', async (t) => {
  const { out, run } = rig(t, {}, WARM);
  const whole = jsonDocument(await run());
  const figures = await figuresOfFolder(out, new AbortController().signal);
  const failed = { outcome: 'failed', cold: true, finished_at_ms: null };
  t.true(spoil(join(out, 'invocations.jsonl'), below0('planned_at_ms'), failed) > 0);
  const refused = { outcome: 'refused', pages_migrated: 1e6, plugged_bytes: 0, nudges: 99 };
  t.true(spoil(join(out, 'operations.jsonl'), below0('decided_at_ms'), refused) > 0);
  t.is(jsonDocument(await rebuildReport(out)), whole);
  t.deepEqual(await figuresOfFolder(out, new AbortController().signal), figures);
});

test('guests count from the end of the warm-up on', async (t) => {
  const { out, run } = rig(t, {}, { ...WARM, mechanism: 'virtio-mem' });
  await run();
  const { memory } = await readResults(out);
  const starts = memory.flatMap((line) =>
    line.kind === 'check' && line.at === 'start' ? line : [],
  );
  t.true(starts.length > 0 && starts.every(({ at_ms }) => at_ms >= 0));
});

test('the memory plot shows the border, and the report says what was left out', async (t) => {
  const { out, run } = rig(t, {}, WARM);
  await run();
  const page = readFileSync(join(out, 'report.html'), 'utf8');
  t.regex(page, /warm-up \| measured/);
  t.regex(page, /counted in no figure/);
  const { out: plain, run: runPlain } = rig(t);
  await runPlain();
  t.notRegex(readFileSync(join(plain, 'report.html'), 'utf8'), /warm-up/);
});

test('a simulated prediction plays the warm-up too, before the same window', async (t) => {
  const { out, run } = rig(t, {}, WARM);
  await run();
  const data = await readResults(out);
  const { workload } = planOfRun(data);
  t.is(workload.window_ms, data.manifest.window.window_ms + 20_000);
  t.is(workload.invocations.at(0)?.arrival_ms, 0);
});

test('a run that was ended in its warm-up has measured nothing, and says so', async (t) => {
  const onInvoke = (count: number): void => (count === 3 ? abort.abort() : undefined);
  const { out, run, abort } = rig(t, { onInvoke }, WARM, true);
  await t.throwsAsync(run(), { message: /interrupted/i });
  const summary = await rebuildReport(out);
  t.is(summary.mechanisms[0]?.comparable, false);
  t.is(summary.mechanisms[0]?.invocations.latency.n, 0);
});

const NONE: readonly [string, RegExp][] = [
  ['soon', /seconds such as 60/],
  ['-1', /seconds such as 60/],
  ['60m', /seconds such as 60/],
  ['', /required/],
];

for (const [text, message] of NONE) {
  test(`--warm-up "${text}" is refused as usage`, (t) => {
    const raw = { trace: 't', out: 'o', 'warm-up': text };
    t.throws(() => parseReplayOptions(raw), { message });
  });
}

test('a warm-up that leaves no call to measure is refused before anything runs', async (t) => {
  const { run } = rig(t, {}, { 'warm-up': '100000' });
  await t.throwsAsync(run(), { message: /none is left to measure/ });
});

test('a dry run tells the warm-up, its calls and its time', (t) => {
  const plan = {
    functions: [],
    arrivals: [],
    window_ms: 50_000,
    warm_up: { ms: 10_000, invocations: 7 },
  };
  const told = dryRun(plan, { mechanisms: ['static', 'hotmem'], rounds: 2, failures: [] });
  t.is(told.windows_ms, 240_000);
  t.regex(renderDryRun(told, false), /warm-up {2}10 s before each window, with 7 of the calls/);
});
