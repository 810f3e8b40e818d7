/** From the ledger alone: who had a region's memory, again and after another, and what was left. */
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import { MIB } from '../../../base/units.ts';
import { LedgerGraph } from '../../../ledger/graph.ts';
import { holdingsAt } from '../../../ledger/holdings.ts';
import { lineageOf } from '../../../ledger/lineage.ts';
import { provJson } from '../../../ledger/prov.ts';
import { isObject } from '../../../base/json.ts';
import { verify } from '../../../ledger/verify.ts';
import { denialsText } from '../../../ledger/text.ts';
import { denialsOf, whyOf } from '../../../ledger/why.ts';
import { specOf, WORK } from '../core/world.ts';
import { type Keeping, keepingHost, WALL_MS } from './keeping.ts';

const LIMIT_BYTES = 128 * MIB;
/** One region, given back a second after its last call. */
const ONE = specOf('f', { concurrency: 1, keep_alive_ms: 1_000, limit_bytes: LIMIT_BYTES });

async function call({ agent, clock }: Keeping, invocation_id: string): Promise<string> {
  return (await clock.until(agent.invoke('f', invocation_id, emulated(WORK)))).outcome;
}

async function endOf({ agent, clock, ledger }: Keeping): Promise<void> {
  await clock.until(agent.stop(1_000));
  ledger.close('stopped');
}

test('A, A again, then B in the same region: who had it, after whom, and what was left', async (t) => {
  const host = keepingHost(t);
  await host.clock.until(host.agent.deploy(ONE));
  t.is(await call(host, 'A1'), 'done');
  t.is(await call(host, 'A2'), 'done');
  await host.clock.advance(3_000);
  t.is(await call(host, 'B'), 'done');
  await host.clock.advance(3_000);
  await endOf(host);

  t.is(verify(host.folder, [host.ledger.head]).bad, null);
  const tenures = lineageOf(LedgerGraph.read([host.folder]), 'vm1/r0');
  t.is(tenures.length, 2);
  const [a, b] = tenures;
  t.like(a, { instance_id: 'i2', plugged_bytes: LIMIT_BYTES, handover: 'clean' });
  t.like(b, { instance_id: 'i5', plugged_bytes: LIMIT_BYTES, handover: 'clean' });
  t.deepEqual(
    a?.runs.map(({ invocation_id, nth, outcome }) => [invocation_id, nth, outcome]),
    [
      ['A1', 1, 'done'],
      ['A2', 2, 'done'],
    ],
  );
  // The second found what the first had left; B found nothing of either.
  t.is(a?.runs[0]?.reuse_seq, null);
  t.is(a?.runs[1]?.reuse_seq, a?.runs[0]?.seq);
  t.deepEqual(
    b?.runs.map(({ invocation_id, reuse_seq }) => [invocation_id, reuse_seq]),
    [['B', null]],
  );
  t.true((a?.discarded?.at_ms ?? Infinity) <= (b?.from_ms ?? 0), 'given back before the next came');
});

test('B goes back to A through all that was done between them', async (t) => {
  const host = keepingHost(t);
  await host.clock.until(host.agent.deploy(ONE));
  await call(host, 'A');
  await host.clock.advance(3_000);
  await call(host, 'B');
  await endOf(host);
  const graph = LedgerGraph.read([host.folder]);
  const { steps, because, asked } = whyOf(graph, 'B');
  t.is(because, null);
  t.like(asked?.record, { kind: 'request', invocation_id: 'B' });
  const kinds = steps.map(({ entry }) => `${entry.record.kind} ${entry.record.instance_id ?? ''}`);
  const path = ['run i5', 'populated i5', 'plug i5', 'permit ', 'discarded i2'];
  for (const kind of [...path, 'emptied i2', 'unplug i2', 'exit i2', 'stop i2', 'run i2']) {
    t.true(kinds.includes(kind), `${kind} is on the way: ${kinds.join(', ')}`);
  }
});

test('who had what is told for every moment', async (t) => {
  const host = keepingHost(t);
  await host.clock.until(host.agent.deploy(ONE));
  const asked = host.agent.invoke('f', 'A', emulated({ ...WORK, wall_ms: 400 }));
  await host.clock.advance(100);
  const running_ms = WALL_MS + host.clock.nowMs();
  await host.clock.until(asked);
  await host.clock.advance(500);
  const idle_ms = WALL_MS + host.clock.nowMs();
  await host.clock.advance(3_000);
  const empty_ms = WALL_MS + host.clock.nowMs();
  await endOf(host);
  const graph = LedgerGraph.read([host.folder]);
  const regionAt = (wall_ms: number): object | undefined =>
    holdingsAt(graph, wall_ms).find(({ region_id }) => region_id === 'vm1/r0');
  const has = { instance_id: 'i2', plugged_bytes: LIMIT_BYTES, permit_bytes: LIMIT_BYTES };
  t.like(regionAt(running_ms), { ...has, is_running: true, invocation_id: 'A' });
  t.like(regionAt(idle_ms), { ...has, is_running: false, invocation_id: 'A' });
  t.is(regionAt(empty_ms), undefined);
  const boot = holdingsAt(graph, empty_ms);
  t.like(boot, { length: 1, 0: { vm_id: 'vm1', region_id: null, permit_bytes: 256 * MIB } });
  t.deepEqual(holdingsAt(graph, graph.entries.at(-1)?.wall_ms ?? 0), [], 'all was given back');
});

test('an unplug that left bytes is a handover that is not clean', async (t) => {
  let unplugs = 0;
  const host = keepingHost(t, {
    faults: { resize: (kind) => (kind === 'unplug' && (unplugs += 1) < 20 ? 'partial' : 'none') },
  });
  await host.clock.until(host.agent.deploy(ONE));
  await call(host, 'A');
  await host.clock.advance(40_000);
  await call(host, 'B');
  await endOf(host);
  const graph = LedgerGraph.read([host.folder]);
  t.like(lineageOf(graph, 'vm1/r0')[0], {
    handover: 'left',
    emptied: { vmm_bytes: 64 * MIB },
    discarded: { host_bytes: 64 * MIB },
  });
});

test('every record comes of earlier ones, and all but requests and time come of something', async (t) => {
  const host = keepingHost(t);
  await host.clock.until(host.agent.deploy(ONE));
  await call(host, 'A');
  await host.clock.advance(3_000);
  await endOf(host);
  for (const { seq, kind, cause_seq } of host.records()) {
    t.true(
      cause_seq.every((cause) => cause < seq),
      `${kind} ${seq}`,
    );
    const roots = ['segment', 'begin', 'end', 'deploy', 'asked', 'policy', 'resident'];
    if (!roots.includes(kind)) t.true(cause_seq.length > 0, `${kind} ${seq} comes of something`);
  }
});

test('as PROV, warm reuse is an edge of its own and nothing points nowhere', async (t) => {
  const host = keepingHost(t);
  await host.clock.until(host.agent.deploy(ONE));
  await call(host, 'A1');
  await call(host, 'A2');
  await endOf(host);
  const prov = provJson(LedgerGraph.read([host.folder]));
  const ids = new Set(
    [prov['entity'], prov['activity'], prov['agent']].flatMap((part) =>
      isObject(part) ? Object.keys(part) : [],
    ),
  );
  let [edges, reuses] = [0, 0];
  for (const [name, part] of Object.entries(prov)) {
    if (['prefix', 'entity', 'activity', 'agent'].includes(name) || !isObject(part)) continue;
    for (const edge of Object.values(part)) {
      if (!isObject(edge)) continue;
      edges += 1;
      if (edge['prov:type'] === 'hp:warm-reuse') reuses += 1;
      for (const [end, id] of Object.entries(edge)) {
        if (end !== 'prov:type') t.true(ids.has(String(id)), `${name} ${end} ${String(id)}`);
      }
    }
  }
  t.true(edges > 20);
  t.is(reuses, 1);
});

test('a caller that leaves while its call runs is the cause of what ends, one that is told is none', async (t) => {
  const host = keepingHost(t);
  await host.clock.until(host.agent.deploy(ONE));
  const leaves: (() => void)[] = [];
  const work = emulated({ ...WORK, wall_ms: 60_000 });
  const running = host.agent.invoke('f', 'A', work, (leave) => leaves.push(leave));
  await host.clock.advance(1_000);
  for (let times = 0; times < 2; times += 1) leaves[0]?.();
  await host.clock.until(running);
  leaves[0]?.();
  await endOf(host);
  const asked = host.records().filter(({ what }) => what === 'cancel');
  t.is(asked.length, 1);
  t.is(asked[0]?.peer, null);
  const stop = host.records().find(({ kind }) => kind === 'stop');
  t.true(stop?.cause_seq.includes(asked[0]?.seq ?? 0));
  const done = host.records().find(({ kind }) => kind === 'done');
  const { vm_id, region_id, instance_id } = stop ?? {};
  t.like(done, { function: 'f', vm_id, region_id, instance_id, outcome: 'failed' });
});

test('a call that waited for nothing is denied under the name of its own function', async (t) => {
  const host = keepingHost(t, { agent: { bounds: { queued_ms: 2_000 } } });
  for (const name of ['f', 'g']) {
    await host.clock.until(host.agent.deploy({ ...ONE, name }));
  }
  for (const name of ['f', 'f', 'g', 'g']) {
    void host.agent.invoke(name, name, emulated({ ...WORK, wall_ms: 30_000 }));
  }
  await host.clock.advance(20_000);
  await endOf(host);
  const denied = host
    .records()
    .filter(({ kind, invocation_id }) => kind === 'denied' && invocation_id);
  t.true(denied.length > 1);
  for (const one of denied) t.is(one.function, one.invocation_id);
  // No API of the agent tells who asked: that is said, not left out.
  const graph = LedgerGraph.read([host.folder]);
  const text = denialsText(graph, denialsOf(graph));
  t.regex(text, /asked for: .* request \(peer\) {2}[fg] [fg] peer unknown$/m);
});
