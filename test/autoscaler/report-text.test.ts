import test from 'ava';
import { renderHtml } from '../../autoscaler/report/html.ts';
import type { InvocationLine, Manifest } from '../../autoscaler/results/schema.ts';
import { renderTable } from '../../autoscaler/report/table.ts';
import { healthyRun, madeCall, madePlug, type MadeRun, summaryOf, tallyOf } from './made-run.ts';

function pageOf(run: MadeRun): string {
  return renderHtml(tallyOf(run), summaryOf(run));
}

function withManifest(change: (manifest: Manifest) => Partial<Manifest>): MadeRun {
  const run = healthyRun();
  return { ...run, manifest: { ...run.manifest, ...change(run.manifest) } };
}

for (const [title, run, text] of [
  [
    'a file is told by its format, not as the data the format is named after',
    healthyRun(),
    /20 invocations of 1 functions from a file in the format of the Azure Functions 2021 trace, /,
  ],
  [
    'the true source of a file is told when it is known',
    withManifest(({ trace }) => ({ trace: { ...trace, source: 'row 1 to 200 of somewhere' } })),
    /Azure Functions 2021 trace \(row 1 to 200 of somewhere\)/,
  ],
  [
    'an unknown format is told as it is',
    withManifest(({ inputs }) => ({
      inputs: inputs.map((one) => ({ ...one, format: 'own-format' })),
    })),
    /from own-format, replayed/,
  ],
  [
    'figures of the whole file and of the rows used are kept apart',
    withManifest(({ trace }) => ({
      trace: {
        ...trace,
        zero_durations: 9,
        used: { zero_durations: 4, negative_starts: 0, span_ms: 1000 },
      },
    })),
    /9 rows of the file, 4 replayed; kept/,
  ],
  [
    'what the speed-up divides, and what it does not',
    healthyRun(),
    /the waiting and the computing are divided; touching memory, plugs and starts take what/,
  ],
  [
    "the floor of the slowdown is told in the trace's own time",
    healthyRun(),
    /durations below 1 ms count as that, which is 50 ms of the trace's own time/,
  ],
  [
    'which kernel ran, of which sources',
    withManifest(({ mechanisms }) => ({
      mechanisms: mechanisms.map((one) => ({
        ...one,
        kernel: { variant: 'hotmem', series_revision: '5', key: 'abc123' },
      })),
    })),
    /guest kernel 6\.12\.0 \(hotmem, series 5, key abc123\)/,
  ],
  [
    'a concurrency that was capped is told',
    withManifest(({ functions }) => ({
      functions: functions.map((one) => ({ ...one, peak_concurrency: 300, concurrency: 192 })),
    })),
    /capped, so that some calls must wait: f1 192 of 300/,
  ],
] as const) {
  test(`the page says what was read and done: ${title}`, (t) => {
    t.regex(pageOf(run), text);
  });
}

test('after an interruption, done is of what was planned', (t) => {
  const run = healthyRun();
  run.manifest.mechanisms = run.manifest.mechanisms.map((one) => ({
    ...one,
    status: 'interrupted',
    observed_ms: 4000,
  }));
  run.invocations = run.invocations.filter((line) => line.planned_at_ms < 4000);
  const text = renderTable(summaryOf(run));
  t.regex(text, /done of planned +8 of 20 \(12 not sent\) +8 of 20 \(12 not sent\)/);
  t.regex(text, /hotmem is not compared: its run is marked "interrupted"/);
});

test('the share of guest CPU that goes into touching memory is shown where it was recorded', (t) => {
  t.regex(renderTable(summaryOf(healthyRun())), /guest CPU in touching +60\.0 % +60\.0 %/);
  const run = healthyRun();
  run.invocations = run.invocations.map((line) => ({ ...line, guest_touch_cpu_ms: null }));
  t.notRegex(renderTable(summaryOf(run)), /guest CPU in touching/);
});

test('one run in one order is said to be that', (t) => {
  const text = renderTable(summaryOf(healthyRun(['static', 'numa', 'hotmem'])));
  t.regex(text, /One run in one order \(static, numa, hotmem\)/);
});

test('no figure of a small sample is called p95 or p99', (t) => {
  const run = healthyRun();
  for (let index = 0; index < 19; index += 1) {
    run.operations.push(madePlug('hotmem', `op${index}`, index * 100 + index));
  }
  const rows = renderTable(summaryOf(run)).split('\n');
  t.true(rows.some((row) => row.includes('20 ms, n = 19')));
  t.false(rows.some((row) => /n = 19/.test(row) && /p9[59]/.test(row)));
});

/** A call that came at 0, was given at `assigned`, to an instance that was ready at `ready`. */
function call(change: Partial<InvocationLine>): InvocationLine {
  return { ...madeCall('static', 0), waited: null, ...change };
}

test('everybody is counted once by what he waited for, whatever "cold" says', (t) => {
  const run = healthyRun(['static']);
  run.manifest.trace.rows_used = 9;
  run.invocations = [
    call({}),
    call({ cold: true, assigned_at_ms: 80, instance_ready_at_ms: 80, operation_id: 'op' }),
    call({ assigned_at_ms: 50 }),
    call({ assigned_at_ms: 60, waited: true }),
    call({ outcome: 'refused', assigned_at_ms: null, finished_at_ms: null }),
    call({ outcome: 'failed', assigned_at_ms: null, finished_at_ms: null }),
    call({ outcome: 'interrupted', received_at_ms: null, assigned_at_ms: null }),
  ];
  const waits = summaryOf(run).mechanisms[0]?.invocations.waits;
  t.like(waits, {
    not_waited: 1,
    waited_for_start: 1,
    waited_for_other: 2,
    unknown: 0,
    never_given: 2,
    unanswered: 1,
    not_sent: 2,
    wait_total_ms: 80 + 50 + 60,
  });
  t.like(waits?.wait, { n: 3, min_ms: 50, max_ms: 80 });
});

test('starts are counted whoever they served, by the agent or else by their plugs', (t) => {
  const run = healthyRun();
  run.operations = [madePlug('hotmem', 'a', 10), madePlug('hotmem', 'b', 20)];
  t.is(summaryOf(run).mechanisms[1]?.instance_starts, 1, 'the agent counted one');
  run.memory = run.memory.map((line) =>
    line.kind === 'check' ? { ...line, instances_started: null } : line,
  );
  t.is(summaryOf(run).mechanisms[1]?.instance_starts, 2, 'two plugs for an instance');
  t.is(summaryOf(run).mechanisms[0]?.instance_starts, null, 'unknown, which is not none');
});
