import test from 'ava';
import { GIB, MIB } from '../../base/units.ts';
import { lockShares, lockTable } from '../../bench/reclaim/report/lock.ts';
import { renderReport } from '../../bench/reclaim/report/report.ts';
import type { CostLine } from '../../bench/reclaim/results/records.ts';
import { summarizeBench } from '../../bench/reclaim/report/summary.ts';
import { checkTable, headLines, renderText, tablesOf } from '../../bench/reclaim/report/table.ts';
import { benchData, cellOf, floorLine, operation } from './fixture.ts';

const DATA = benchData({
  operations: [
    ...[2.5, 2.8, 3.1].map((ms) => operation(cellOf('hotmem'), ms)),
    ...[35, 41, 50].map((ms) => operation(cellOf('numa'), ms)),
    ...[1400, 1500, 1650].map((ms) =>
      operation(cellOf('virtio-mem'), ms, { pages_migrated: 114_329 }),
    ),
    operation(cellOf('hotmem', { region_bytes: 2 * GIB }), 6.5),
    operation(cellOf('hotmem'), 1.3, { kind: 'replug' }),
  ],
  floor: [floorLine(512 * MIB, 1.1), floorLine(2 * GIB, 4.4)],
});

test('the same run gives the same report, byte for byte', (t) => {
  const first = renderReport(DATA, summarizeBench(DATA));
  const again = structuredClone(DATA);
  t.is(renderReport(again, summarizeBench(again)), first);
});

test('the report stands alone: no script, nothing from a network', (t) => {
  const html = renderReport(DATA, summarizeBench(DATA));
  t.notRegex(html, /<script|<link|<img|@import|url\(/i);
  t.notRegex(html.replaceAll('http://www.w3.org/2000/svg', ''), /https?:/);
  t.notRegex(html, /NaN|undefined|Infinity/);
});

test('an interrupted run and failed blocks are said on top', (t) => {
  const data = {
    ...DATA,
    manifest: { ...DATA.manifest, status: 'interrupted' as const },
    blocks: DATA.blocks.map((block, index) =>
      index === 0 ? { ...block, outcome: 'failed' as const } : block,
    ),
  };
  const html = renderReport(data, summarizeBench(data));
  t.regex(html, /marked &quot;interrupted&quot;/);
  t.regex(html, /1 block\(s\) failed/);
});

test('under TCG the head says that absolute times are no claim', (t) => {
  t.regex(headLines(DATA.manifest).join(' '), /no absolute time is a claim/);
  const kvm = { ...DATA.manifest, accelerator: 'kvm' as const };
  t.notRegex(headLines(kvm).join(' '), /no claim|is a claim/);
});

test('the table shows medians, spread, ratio and the number of operations', (t) => {
  const text = tablesOf(summarizeBench(DATA)).map(renderText).join('\n');
  t.regex(text, /hotmem +2.8 ms \[2.5-3.1\]/);
  t.regex(text, /virtio-mem +1.5 s \[1400-1650\] +536x.*114,329/);
  t.regex(text, /anonymous-huge +1.1 ms/);
});

function lockCost(metric: CostLine['metric'], ns: number): CostLine {
  const given = { round: 1, part: 'lock', variant: 'attached', threads: 1 } as const;
  return { ...given, region_bytes: 512 * MIB, metric, ns };
}

test('the share of a fault under the lock says how many CPUs saturate it', (t) => {
  const cost = [
    ...[999, 1000, 1400].map((ns) => lockCost('fault', ns)),
    lockCost('page', 1500),
    lockCost('fault-held', 80),
    lockCost('free-held', 40),
  ];
  const { cost: summed } = summarizeBench({ ...DATA, cost });
  t.deepEqual(
    lockShares(summed).map(({ instructions, held, saturated_at_cpus }) => [
      instructions,
      held,
      saturated_at_cpus,
    ]),
    [
      [1000, 80, 12.5],
      [1500, 120, 12.5],
    ],
  );
  const text = renderText(lockTable(summarizeBench({ ...DATA, cost })));
  t.regex(text, /fault +1000 +80 +8.0 % +12.5 CPUs/);
  const half = { ...DATA, cost: cost.filter(({ metric }) => metric !== 'free-held') };
  t.deepEqual(lockShares(summarizeBench(half).cost), [], 'half of it is no share');
});

test('checks that were not measured are in the table and say so', (t) => {
  const text = renderText(checkTable(summarizeBench(DATA).checks));
  t.regex(text, /2 GiB, 2|page faults of 4 thread/);
  t.regex(text, /not measured/);
});

test('text that comes from outside is escaped', (t) => {
  const data = {
    ...DATA,
    manifest: { ...DATA.manifest, command: ['hotplane', '--out', '<b>x</b>'] },
  };
  t.notRegex(renderReport(data, summarizeBench(data)), /<b>x/);
});

test('a run on a host that was busy with something else says so on top', (t) => {
  const line = {
    step: 'round 1: hotmem, 512 MiB full',
    at_ms: 1000,
    interval_ms: 1000,
    other_cpu_share: 0.42,
    own_cpu_share: 0.4,
    steal_share: 0,
    psi_cpu_some_share: 0.5,
    psi_memory_some_share: 0,
    event_loop_lag_ms: 1,
    mem_available_bytes: GIB,
  };
  const busy = { ...DATA, load: [line, { ...line, other_cpu_share: 0.01 }] };
  const summary = summarizeBench(busy);
  t.deepEqual(summary.load.disturbed, ['round 1: hotmem, 512 MiB full']);
  t.regex(renderReport(busy, summary), /busy with something else during 1 of 2 steps.*42 %/);
  const quiet = { ...DATA, load: [{ ...line, other_cpu_share: null, steal_share: null }] };
  t.notRegex(renderReport(quiet, summarizeBench(quiet)), /busy with/);
  t.is(summarizeBench(quiet).load.other_cpu_share_max, null, 'unknown is not 0');
});
