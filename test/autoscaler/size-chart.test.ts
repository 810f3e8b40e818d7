/** Memory inside invocations, drawn: which VM, over which time, and what of it. */
import test from 'ava';
import { renderSizeCharts } from '../../autoscaler/report/charts/size-chart.ts';
import { SizeTally } from '../../autoscaler/report/size-tally.ts';
import { RunTally } from '../../autoscaler/report/run-tally.ts';
import { MIB } from '../../base/units.ts';
import { EMPTY_OPERATION } from './empty-messages.ts';
import { healthyRun, madeStep } from './made-run.ts';

function change(cause: 'grow' | 'shrink' | 'stop', decided_at_ms: number, vm_id = 'vm-hotmem') {
  const about = { mechanism: 'hotmem', function: 'f1', outcome: 'done' } as const;
  return { ...EMPTY_OPERATION, ...about, cause, decided_at_ms, vm_id };
}

test('the VM with the most changes in use is shown, from the first to the last', (t) => {
  const sizes = new SizeTally();
  t.is(sizes.most, null);
  sizes.add(change('stop', 1));
  t.is(sizes.most, null, 'an end is no change in use');
  sizes.add(change('grow', 50, 'vm-a'));
  for (const [cause, at_ms] of [
    ['grow', 300],
    ['shrink', 900],
    ['grow', 200],
  ] as const) {
    sizes.add(change(cause, at_ms, 'vm-b'));
  }
  sizes.add({ ...change('grow', 10, 'vm-b'), outcome: 'refused' });
  const span = { from_ms: 200, to_ms: 900 };
  t.like(sizes.most, { vm_id: 'vm-b', function: 'f1', growths: 2, shrinks: 1, ...span });
});

function drawn(used: number | null): string[] {
  const run = healthyRun(['static', 'hotmem']);
  const tally = new RunTally(run.manifest);
  const boot_bytes = run.manifest.functions[0]?.boot_bytes ?? 0;
  for (const [at_ms, mib] of [
    [0, 128],
    [2_000, 512],
    [4_000, 192],
  ] as const) {
    const step = madeStep('hotmem', at_ms, boot_bytes + mib * MIB);
    tally.memory({ ...step, region_used_bytes: used === null ? null : mib * MIB * used });
    tally.operation(change(mib === 192 ? 'shrink' : 'grow', at_ms));
  }
  return renderSizeCharts(tally);
}

test('a chart has what is plugged and what is used, in MiB of regions', (t) => {
  const charts = drawn(0.5);
  t.is(charts.length, 1, 'of the mechanism whose sizes changed alone');
  const [chart = ''] = charts;
  t.true(chart.includes('hotmem: plugged against used, f1'));
  t.true(chart.includes('2 growths, 1 shrinks in use'));
  t.true(chart.includes('>400</text>') && chart.includes('>MiB</text>'));
  t.false(chart.includes('NaN'));
});

test('what nobody told of use is not drawn, and a run of one size has no chart', (t) => {
  const [known = '', unknown = ''] = [...drawn(0.5), ...drawn(null)];
  t.true(unknown.length < known.length);
  t.false(unknown.includes('NaN'));
  t.deepEqual(renderSizeCharts(new RunTally(healthyRun(['static']).manifest)), []);
});

/** A span of i1, from the plug to the decision to take it back; its call, and one of another VM. */
function withSpans(closed: boolean): string {
  const run = healthyRun(['hotmem']);
  const tally = new RunTally(run.manifest);
  const boot_bytes = run.manifest.functions[0]?.boot_bytes ?? 0;
  for (const at_ms of [0, 1_000, 5_000]) {
    tally.memory(madeStep('hotmem', at_ms, boot_bytes + (1 + at_ms) * MIB));
  }
  const of = { mechanism: 'hotmem', function: 'f1', outcome: 'done', vm_id: 'vm-hotmem' } as const;
  const span = { ...EMPTY_OPERATION, ...of, instance_id: 'i1', span: '<data>', plugged_bytes: MIB };
  tally.operation({ ...span, cause: 'open', decided_at_ms: 900, plugged_at_ms: 1_000 });
  if (closed) tally.operation({ ...span, cause: 'close', decided_at_ms: 3_000 });
  const [call] = run.invocations;
  if (!call) throw new Error('no invocation');
  for (const instance_id of ['i1', 'i2']) {
    tally.invocation({ ...call, instance_id, assigned_at_ms: 800, finished_at_ms: 3_500 });
  }
  const [chart = ''] = renderSizeCharts(tally);
  return chart;
}

test('below it are the invocations that ran there, and the spans that they had open', (t) => {
  const chart = withSpans(true);
  t.true(chart.includes('0 growths, 0 shrinks in use, 1 named spans opened'));
  t.true(chart.includes('>i1</text>') && !chart.includes('>i2</text>'), 'those of its VM alone');
  t.true(chart.includes('&lt;data&gt; 1 MiB'));
  t.is(chart.match(/<rect class="area/g)?.length, 2, 'an invocation and a span');
  t.false(chart.includes('NaN'));
});

/** Where the bar of the span ends. */
function rightOf(chart: string): number {
  const [, x, width] =
    /class="area soft"[^>]* x="([\d.]+)"[^>]* width="([\d.]+)"/.exec(chart) ?? [];
  return Number(x) + Number(width);
}

test('a span that was never closed goes on to the end of what is shown', (t) => {
  t.true(rightOf(withSpans(true)) < 900);
  t.is(rightOf(withSpans(false)), 944);
});
