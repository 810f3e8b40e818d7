/** Every question is answered from a ledger of the first format as from one of this. */
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import { MIB } from '../../../base/units.ts';
import { LedgerGraph } from '../../../ledger/graph.ts';
import { holdingsAt } from '../../../ledger/holdings.ts';
import { lineageOf } from '../../../ledger/lineage.ts';
import { meter } from '../../../ledger/meter.ts';
import { storyOf } from '../../../ledger/story.ts';
import { verify } from '../../../ledger/verify.ts';
import { denialsOf, whyOf } from '../../../ledger/why.ts';
import { folderOf, writeFirstFormat } from '../../ledger/made.ts';
import { specOf, WORK } from '../core/world.ts';
import { type Keeping, keepingHost } from './keeping.ts';

/** Two calls in one instance, one in the next, and one for which there is no memory. */
async function hour({ agent, clock, ledger }: Keeping): Promise<void> {
  const spec = { concurrency: 2, keep_alive_ms: 1_000, mechanism: 'hotmem' } as const;
  await clock.until(agent.deploy(specOf('f', spec)));
  const call = async (id: string, wall_ms: number): Promise<unknown> =>
    await agent.invoke('f', id, emulated({ ...WORK, wall_ms })).catch(() => null);
  await clock.until(call('A1', 10));
  await clock.until(call('A2', 10));
  await clock.advance(3_000);
  const first = call('B', 20_000);
  await clock.advance(1_000);
  await clock.until(call('C', 10));
  await clock.until(first);
  await clock.advance(3_000);
  await clock.until(agent.stop(1_000));
  ledger.close('stopped');
}

/** What is asked, and what is told, without the numbers of records. */
function answersIn(folder: string): unknown {
  const graph = LedgerGraph.read([folder]);
  const last_ms = graph.entries.at(-1)?.wall_ms ?? 0;
  const moments = Array.from({ length: 40 }, (_, nth) => last_ms - 1_000 * nth);
  const asked = {
    lineage: ['vm1/r0', 'vm1/r1'].map((region) => lineageOf(graph, region)),
    who: moments.map((wall_ms) => holdingsAt(graph, wall_ms)),
    why: ['A1', 'A2', 'B', 'C', 'vm1'].map((name) => {
      const { target, because, steps } = whyOf(graph, name);
      return [target, because, steps.map(({ entry, depth }) => [depth, entry])];
    }),
    denials: denialsOf(graph).map(({ target, asked: by }) => [target, by]),
    story: storyOf(graph, lineageOf(graph, 'vm1/r0')[0]?.instance_id ?? ''),
    meter: meter(graph),
  };
  const left_out = new Set(['seq', 'cause_seq', 'reuse_seq', 'hash', 'source', 'format']);
  return JSON.parse(
    JSON.stringify(asked, (key, value: unknown) => (left_out.has(key) ? undefined : value)),
  );
}

test('from both formats the same is told, and of the newer there are half as many records', async (t) => {
  const host_limit_bytes = (256 + 128 + 64) * MIB;
  const host = keepingHost(t, { agent: { host_limit_bytes } });
  await hour(host);
  const folder = folderOf(t);
  writeFirstFormat(host.folder, folder);
  const [now, before] = [verify(host.folder), verify(folder)];
  t.is(before.bad, null);
  t.true(before.records > 60);
  t.true(now.records < 0.6 * before.records, `${now.records} records, before ${before.records}`);
  t.deepEqual(answersIn(host.folder), answersIn(folder));
});

test('an agent goes on with a ledger of the first format, and both are one', async (t) => {
  const earlier = keepingHost(t);
  await hour(earlier);
  const folder = folderOf(t);
  writeFirstFormat(earlier.folder, folder);
  const { head } = verify(folder);
  const host = keepingHost(t, { ledger: { folder } });
  await hour(host);
  const heads = [head ?? { seq: 0, hash: '' }, host.ledger.head];
  t.like(verify(folder, heads), { bad: null, heads_met: 2, segments: 2 });
  const graph = LedgerGraph.read([folder]);
  const tenures = lineageOf(graph, 'vm1/r0');
  t.is(tenures.length, 2 * lineageOf(LedgerGraph.read([earlier.folder]), 'vm1/r0').length);
  for (const { source, record } of graph.entries) {
    t.true(record.cause_seq.every((seq) => graph.find(source, seq) !== undefined));
  }
});
