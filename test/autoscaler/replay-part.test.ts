/** What of which trace is replayed, and what a host that does something else makes of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { dryRun, renderDryRun } from '../../autoscaler/replay/dry-run.ts';
import { loadBetween } from '../../autoscaler/replay/load.ts';
import { observeLoad } from '../../autoscaler/replay/load-observer.ts';
import { readResults } from '../../autoscaler/results/reader.ts';
import { OPEN_DEFAULTS, openTrace } from '../../autoscaler/trace/open-trace.ts';
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { healthyRun, summaryOf } from './made-run.ts';
import { rig, SAMPLE } from './replay-rig.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));
const ARRIVALS = join(FOLDER, 'arrivals.csv');
writeFileSync(
  ARRIVALS,
  `arrival_ms,function,duration_ms
0,f,100
200,g,100
400,f,100
900,h,100
`,
);

test('a part of a trace is replayed alone, with the functions called in it', async (t) => {
  const { out, run } = rig(t, {}, { begin: '300', duration: '400', functions: '3' });
  await run();
  const { manifest, invocations } = await readResults(out);
  const whole = await openTrace([SAMPLE], OPEN_DEFAULTS);
  const first_ms = whole.invocations.at(0)?.arrival_ms ?? 0;
  const inside = [...whole.invocations].filter(
    ({ arrival_ms }) => arrival_ms >= first_ms + 300_000 && arrival_ms < first_ms + 700_000,
  );
  t.true(inside.length > manifest.trace.rows_used && manifest.trace.rows_used > 0);
  t.is(manifest.trace.rows_total, whole.quality.rows);
  const of = (name: string): number => invocations.filter((one) => one.function === name).length;
  for (const { name, invocations: planned } of manifest.functions) {
    t.true(planned > 0);
    t.is(of(name), 2 * planned, 'under both mechanisms');
  }
  t.true(manifest.trace.used !== null && manifest.trace.used.span_ms > 0);
});

test('a trace of arrivals is replayed too; an empty part is one message', async (t) => {
  const { out, run } = rig(t, {}, { trace: ARRIVALS, functions: '2', mechanism: 'static' });
  await run();
  const { manifest, invocations } = await readResults(out);
  t.is(manifest.inputs[0]?.format, 'arrivals');
  t.is(invocations.length, 3);
  const empty = rig(t, {}, { begin: '100000' });
  await t.throwsAsync(empty.run(), { message: /--begin.*nothing arrives/ });
});

/** A program that takes a whole CPU, and is no child of ours: the shell that began it is gone. */
function hog(): number {
  const told = execFileSync('sh', ['-c', 'timeout 60 yes >/dev/null 2>&1 & echo $!']);
  return Number(told.toString().trim());
}

test('a CPU hog beside a run makes it marked and not compared', async (t) => {
  const observer = observeLoad(hostClock);
  const hogs = Array.from({ length: availableParallelism() }, hog);
  t.teardown(() => {
    for (const pid of hogs) process.kill(pid);
    observer.close();
  });
  const before = observer.look([process.pid]);
  const observed = await waitFor(
    () => {
      const line = loadBetween(before, observer.look([process.pid]));
      return line.interval_ms > 500 && (line.other_cpu_share ?? 0) > 0 ? line : null;
    },
    { clock: hostClock, deadline_ms: 30_000, first_pause_ms: 100, longest_pause_ms: 500 },
  );
  t.truthy(observed, 'the machine tells its load');
  const run = healthyRun();
  run.load = run.load.map((line) => ({ ...line, ...observed, interval_ms: line.interval_ms }));
  for (const { comparable, not_compared, saving } of summaryOf(run).mechanisms) {
    t.false(comparable);
    t.true(not_compared.some(({ code }) => code === 'host-disturbed'));
    t.is(saving.committed, null);
  }
});

test('a dry run tells the plan of a run, its time and its least memory', async (t) => {
  const { out, run } = rig(t);
  const { ideal, window_ms } = await run();
  const { manifest, invocations } = await readResults(out);
  const { functions } = manifest;
  const arrivals = invocations
    .filter(({ mechanism }) => mechanism === 'static')
    .map((one) => ({
      invocation_id: one.invocation_id,
      function: one.function,
      at_ms: one.planned_at_ms,
      duration_ms: one.planned_duration_ms,
    }));
  const failures = [{ failure: 'kill-vmm', at_ms: 2500, function: 'f1-cnn' }] as const;
  const told = dryRun(
    { functions, arrivals, window_ms, warm_up: { ms: 0, invocations: 0 } },
    { mechanisms: ['static', 'hotmem'], rounds: 3, failures },
  );
  t.like(told, { invocations: 101, windows_ms: 6 * window_ms });
  t.is(told.ideal_gib_s, ideal?.with_keep_alive_gib_s ?? null);
  const cold = invocations.filter(
    ({ cold: is_cold, mechanism }) => is_cold && mechanism === 'static',
  );
  t.true(told.cold_starts !== null && told.cold_starts > 0 && told.cold_starts <= cold.length);
  t.regex(renderDryRun(told, false), /101 calls of 4 functions, under static, hotmem:/);
  t.regex(renderDryRun(told, false), /\nfailure  kill-vmm at 2.5 s, f1-cnn\n/);
});
