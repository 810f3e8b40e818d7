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
  t.deepEqual(sizes.most, { vm_id: 'vm-b', function: 'f1', growths: 2, shrinks: 1, ...span });
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
