import test from 'ava';
import { checkAgreement } from '../../autoscaler/report/agreement.ts';
import { renderHtml } from '../../autoscaler/report/html.ts';
import { renderMemorySvg } from '../../autoscaler/report/charts/memory-chart.ts';
import type { RunTally } from '../../autoscaler/report/run-tally.ts';
import type { Summary } from '../../autoscaler/report/summary.ts';
import { renderTable } from '../../autoscaler/report/table.ts';
import { readResults, type ResultData } from '../../autoscaler/results/reader.ts';
import type { MemoryCheckLine } from '../../autoscaler/results/schema.ts';
import { fileURLToPath } from 'node:url';
import { summaryOf, tallyOf } from './made-run.ts';

/** Two mechanisms, a window of 10 s, small enough to be checked by hand. */
const FIXTURE = fileURLToPath(new URL('fixture/', import.meta.url));

async function load(): Promise<{ data: ResultData; tally: RunTally; summary: Summary }> {
  const data = await readResults(FIXTURE);
  return { data, tally: tallyOf(data), summary: summaryOf(data) };
}

test('GiB·s, savings and their baseline are those worked out by hand', async (t) => {
  const { summary } = await load();
  const [base, stock] = summary.mechanisms;
  t.is(summary.baseline, 'static');
  t.deepEqual(base?.memory_gib_s, {
    committed: 30,
    plugged: 30,
    used: 10,
    resident: 25,
    region_resident: 20,
  });
  // 1 GiB of boot memory for 10 s, and one region of 1 GiB from 1 s to 6 s.
  t.deepEqual(stock?.memory_gib_s, {
    committed: 15,
    plugged: 15,
    used: 15,
    resident: 7.5,
    region_resident: 2.5,
  });
  t.is(stock?.saving.resident, null, 'one of its three calls was refused');
  t.is(base?.saving.resident, null);
});

test('each stage of an operation counts from its request', async (t) => {
  const { summary } = await load();
  const operations = summary.mechanisms[1]?.operations;
  t.is(operations?.during_set_up, 1);
  t.like(operations?.plug.queued, { n: 1, p50_ms: 1 });
  t.like(operations?.plug.accepted, { n: 1, p50_ms: 1 });
  t.like(operations?.plug.plugged, { n: 1, p50_ms: 40 });
  t.like(operations?.unplug.accepted, { n: 2, reached: 2, p50_ms: 1, max_ms: 2 });
  t.like(operations?.unplug.plugged, { n: 2, reached: 1, p50_ms: 300, max_ms: null });
  t.like(operations?.unplug.resident, { n: 2, reached: 1, p50_ms: 310, max_ms: null });
  t.like(operations?.unplug.stop, { n: 2, p50_ms: 10 });
  t.deepEqual(operations?.unplug.outcomes, { done: 1, partial: 1, refused: 0, failed: 0 });
  t.is(operations?.unplug.not_unplugged_bytes, 134_217_728);
});

test('invocations: latency, slowdown, waits and the parts of a start', async (t) => {
  const { summary } = await load();
  const invocations = summary.mechanisms[1]?.invocations;
  const outcomes = { done: 2, refused: 1, failed: 0, interrupted: 0, not_sent: 0 };
  t.deepEqual(invocations?.outcomes, outcomes);
  t.deepEqual(invocations?.latency, { n: 3, reached: 2, min_ms: 101, p50_ms: 150, max_ms: null });
  t.is(invocations?.not_within_window, 1, 'the refused one');
  t.is(invocations?.in_time, 2);
  t.like(invocations?.waits, { waited_for_start: 1, waited_for_other: 1, never_given: 1 });
  t.is(invocations?.waits.wait_total_ms, 50 + 0.5);
  t.is(invocations?.slowdown.p50, 1.5);
  t.like(invocations?.lateness, { n: 3, max_ms: 2 });
  const starts = summary.mechanisms[1]?.operations.starts;
  t.like(starts?.total, { n: 1, p50_ms: 49 });
  t.like(starts?.plug, { n: 1, p50_ms: 41 });
  t.like(starts?.sandbox, { n: 1, p50_ms: 21 });
  t.like(starts?.ready, { n: 1, p50_ms: 8 });
  t.is(summary.mechanisms[1]?.instance_starts, 1);
});

test("pages migrated are the guests' own counts, end minus start", async (t) => {
  const { summary } = await load();
  t.deepEqual(summary.mechanisms[1]?.pages_migrated, { whole_run: 90, in_operations: 120 });
});

const CHECK: MemoryCheckLine = {
  mechanism: 'm',
  kind: 'check',
  at: 'end',
  at_ms: 0,
  function: 'f',
  vm_id: 'v',
  vm_state: 'running',
  instances: 0,
  instances_started: null,
  regions: [],
  vm_resident_bytes: 0,
  permits_bytes: 0,
  pages_migrated: 0,
  oom_kills: 0,
};

for (const [title, vmm, guest, host, agree] of [
  ['nothing anywhere', 0, 0, 0, true],
  ['plugged and touched in part', 100, 100, 60, true],
  ['plugged and never touched', 100, 100, 0, true],
  ['the guest counts less than the VMM', 100, 50, 50, false],
  ['the host still holds what is unplugged', 0, 0, 1, false],
  ['the host holds more than is plugged', 100, 100, 101, false],
] as const) {
  test(`three observers, ${title}: ${agree ? 'agree' : 'disagree'}`, (t) => {
    const region = {
      id: 'r0',
      vmm_plugged_bytes: vmm,
      guest_plugged_bytes: guest,
      host_resident_bytes: host,
    };
    const result = checkAgreement([{ ...CHECK, regions: [region] }]);
    t.is(result.agree, agree);
    t.is(result.disagreements.length, agree ? 0 : 1);
  });
}

test('a VM that was lost is no agreement, and its pages are not known', async (t) => {
  const result = checkAgreement([{ ...CHECK, vm_state: 'lost' }]);
  t.false(result.agree);
  t.deepEqual(result.disagreements, ['f: nothing to observe, its VM is lost']);
  const { data } = await load();
  const memory = data.memory.map((one) => (one.kind === 'check' ? { ...one, regions: [] } : one));
  t.is(summaryOf({ ...data, memory }).mechanisms[1]?.pages_migrated.whole_run, null);
});

test('a sum with an unknown part is unknown, and not what is known of it', async (t) => {
  const regions = [0, null].map((bytes, index) => ({
    id: `r${index}`,
    vmm_plugged_bytes: bytes,
    guest_plugged_bytes: 0,
    host_resident_bytes: bytes,
  }));
  const result = checkAgreement([{ ...CHECK, regions }]);
  t.like(result, { agree: false, vmm_plugged_bytes: null, guest_plugged_bytes: 0 });
  const { data } = await load();
  const operations = data.operations.map((line) => ({ ...line, pages_migrated: null }));
  t.is(summaryOf({ ...data, operations }).mechanisms[1]?.pages_migrated.in_operations, null);
});

test('without a final check nothing is claimed', (t) => {
  t.is(checkAgreement([]).agree, null);
});

test('a mechanism that was not observed to the end is not compared', async (t) => {
  const { data } = await load();
  const mechanisms = data.manifest.mechanisms.map((run) =>
    run.name === 'static' ? run : { ...run, observed_ms: 4000 },
  );
  const summary = summaryOf({ ...data, manifest: { ...data.manifest, mechanisms } });
  t.is(summary.mechanisms[1]?.saving.resident, null);
  t.is(summary.mechanisms[1]?.memory_gib_s.committed, 4 + 3);
  t.regex(renderTable(summary), /virtio-mem is not compared: it was observed for 4 s of 10 s/);
});

test('table, page and plot are a function of the data and nothing else', async (t) => {
  const one = await load();
  const two = await load();
  t.is(renderTable(one.summary), renderTable(two.summary));
  t.regex(
    renderTable(one.summary),
    /virtio-mem is not compared: of 3 planned invocations 1 refused/,
  );
  t.is(renderHtml(one.tally, one.summary), renderHtml(two.tally, two.summary));
  t.is(renderMemorySvg(one.tally), renderMemorySvg(two.tally));
  t.regex(renderMemorySvg(one.tally), /^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
});

test('text from the outside is escaped in the page', async (t) => {
  const { data } = await load();
  const manifest = { ...data.manifest, command: ['hotplane', '<script>alert(1)</script>'] };
  const changed = { ...data, manifest };
  const page = renderHtml(tallyOf(changed), summaryOf(changed));
  t.notRegex(page, /<script/);
  t.regex(page, /&lt;script&gt;/);
});
