/**
 * Goal: what a replay tells of a plug that the VMM refuses: which call it cost, what was counted,
 * and that the run goes on. Method: the real agent, served on a socket, with VMs whose VMM refuses
 * the plugs that the test names.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FakeHypervisor, NO_FAULTS } from '../../agent/testing/fake-hypervisor.ts';
import { rebuildReport } from '../../autoscaler/report/rebuild.ts';
import { renderTable } from '../../autoscaler/report/table.ts';
import type { Summary } from '../../autoscaler/report/summary.ts';
import { readResults, type ResultData } from '../../autoscaler/results/reader.ts';
import { hostClock } from '../../base/clock.ts';
import { HotplaneError } from '../../base/errors.ts';
import { serve } from '../agent/api/serving.ts';
import { rig } from './replay-rig.ts';

/** Of one function, each after the region of the one before was given back, also on a busy host. */
const CALLS = 4;
const GAP_MS = 2_500;
const OPTIONS = {
  speedup: '1',
  functions: '1',
  concurrency: '1',
  'keep-alive': '0.1',
  mechanism: 'virtio-mem',
};

interface Told {
  readonly summary: Summary;
  readonly data: ResultData;
  readonly text: string;
  /** Why the run is not complete. */
  readonly error: Error | null;
}

/** `refuses`: asked of each plug, by its number from 1 on. */
async function replayed(
  t: ExecutionContext,
  refuses: (plug: number) => boolean,
  options: Record<string, string> = {},
): Promise<Told> {
  t.timeout(300_000);
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const trace = join(folder, 'arrivals.csv');
  const rows = Array.from({ length: CALLS }, (_, at) => `${GAP_MS * at},f,100`);
  writeFileSync(trace, `${['arrival_ms,function,duration_ms', ...rows].join('\n')}\n`);
  let plugs = 0;
  const resize = (kind: 'plug' | 'unplug') => {
    if (kind === 'unplug') return 'none';
    plugs += 1;
    return refuses(plugs) ? 'refuse' : 'none';
  };
  const hypervisor = new FakeHypervisor(hostClock, { ...NO_FAULTS, resize });
  const { client } = await serve(t, undefined, { hypervisor });
  const session = { api: client, is_ours: false, harm: null, close: async () => {} };
  const given = { trace, ...OPTIONS, ...options };
  const change = { clock: hostClock, openAgent: async () => session };
  const { out, run } = rig(t, {}, given, false, change);
  const error = await run().then(
    () => null,
    (problem: unknown) => (problem instanceof Error ? problem : new Error(String(problem))),
  );
  const summary = await rebuildReport(out);
  return { summary, data: await readResults(out), text: renderTable(summary), error };
}

test('a refused plug costs the call it was for, is counted, and the run goes on', async (t) => {
  const { summary, data, text } = await replayed(t, (plug) => plug === 2);
  const plugs = data.operations.filter(({ kind }) => kind === 'plug');
  t.deepEqual(
    plugs.map(({ outcome }) => outcome),
    ['done', 'refused', 'done', 'done'],
  );
  const [, refused] = plugs;
  const why = { error_code: 'HP_TEST_FAULT', reason: 'refuse' };
  t.like(refused, { ...why, plugged_bytes: 0, accepted_at_ms: null, plugged_at_ms: null });
  const [, lost] = data.invocations.toSorted((a, b) => a.planned_at_ms - b.planned_at_ms);
  t.like(lost, { outcome: 'failed', operation_id: refused?.id, finished_at_ms: null });
  t.is(lost?.error_code, 'HP_TEST_FAULT');
  t.regex(lost?.reason ?? '', /the region of the new instance was not plugged: refuse/);

  const [stock] = summary.mechanisms;
  t.is(stock?.status, 'complete');
  t.like(stock?.operations.plug.outcomes, { done: 3, refused: 1, partial: 0, failed: 0 });
  t.is(stock?.operations.plug.bytes, 3 * (plugs[0]?.plugged_bytes ?? 0), 'of those that were done');
  t.like(stock?.operations.plug.plugged, { n: 4, reached: 3, max_ms: null });
  // The unplug after the refused one is told, and had nothing to move: it took no time.
  t.like(stock?.operations.unplug.outcomes, { done: 4, refused: 0, partial: 0, failed: 0 });
  t.like(stock?.operations.unplug.plugged, { n: 3, reached: 3 });
  t.like(stock?.operations.starts.total, { n: 4, reached: 3, max_ms: null });
  t.like(stock?.invocations.outcomes, { done: 3, failed: 1, refused: 0, not_sent: 0 });
  t.like(stock?.invocations.waits, { waited_for_start: 3, never_given: 1 });
  t.like(stock?.final_agreement, { agree: true, vmm_plugged_bytes: 0 });
  const reasons = stock?.not_compared.map(({ code }) => code);
  t.deepEqual(reasons, ['work-not-done'], 'a call less is no saving');
  t.regex(text, / outcomes +3 done, 1 refused\n/);
  t.regex(text, / done of planned +3 of 4 \(1 failed\)\n/);
});

test('where every plug is refused no call is done, and figures say so', async (t) => {
  const { summary, data } = await replayed(t, () => true);
  const [stock] = summary.mechanisms;
  t.is(stock?.status, 'complete');
  t.like(stock?.operations.plug.outcomes, { done: 0, refused: CALLS });
  t.like(stock?.operations.plug, { bytes: 0, plugged: { reached: 0, p50_ms: null } });
  t.like(stock?.invocations.outcomes, { done: 0, failed: CALLS });
  t.is(stock?.invocations.latency.p50_ms, null);
  t.true(data.invocations.every(({ error_code }) => error_code === 'HP_TEST_FAULT'));
  t.like(stock?.final_agreement, { agree: true, vmm_plugged_bytes: 0 });
});

test('a VM that is filled at boot and refused that is told, and the next has its turn', async (t) => {
  const mechanism = 'static,virtio-mem';
  const { error, data } = await replayed(t, (plug) => plug === 1, { mechanism });
  t.regex(error?.message ?? '', /^static: '[^']+' was not deployed: .* not plugged: refuse/);
  t.is(error instanceof HotplaneError ? error.code : null, 'HP_TEST_FAULT');
  const [base, stock] = data.manifest.mechanisms;
  t.is(base?.status, 'failed');
  t.regex(base?.error ?? '', /not plugged: refuse/);
  t.is(stock?.status, 'complete');
  t.is(data.invocations.filter(({ outcome }) => outcome === 'done').length, CALLS);
});
