/** Who asked, on each way into the agent, and whom it was for: as the ledger alone tells it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { AgentClient } from '../../../agent/api/client.ts';
import { AgentServer } from '../../../agent/api/server.ts';
import { ServerTls } from '../../../agent/api/server-tls.ts';
import { clientTls } from '../../../agent/api/tls.ts';
import { HttpSurface } from '../../../agent/http/surface.ts';
import { emulated } from '../../../agent/model/work.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB } from '../../../base/units.ts';
import { LedgerGraph } from '../../../ledger/graph.ts';
import { holdingsAt } from '../../../ledger/holdings.ts';
import { lineageOf } from '../../../ledger/lineage.ts';
import { meter } from '../../../ledger/meter.ts';
import { meterCsv } from '../../../ledger/meter-text.ts';
import { whatIf } from '../../../ledger/prices.ts';
import { whyOf } from '../../../ledger/why.ts';
import { folderOf } from '../../ledger/made.ts';
import { Authority } from '../api/certificates.ts';
import { serve } from '../api/serving.ts';
import { specOf, WORK } from '../core/world.ts';
import { ask } from '../http/asking.ts';
import { keepingHost, ledgerIn } from './keeping.ts';

const log = pino({ level: 'silent' });

test('a call over the socket, with a certificate or over HTTP says who asked', async (t) => {
  const folder = folderOf(t);
  const ledger = ledgerIn(folder);
  const { agent, client } = await serve(t, 4 * GIB, { ledger });
  const keys = await mkdtemp(join(tmpdir(), 'hp-peers-'));
  t.teardown(() => rm(keys, { recursive: true }));
  const authority = await Authority.make(keys, 'ours');
  const tls = await ServerTls.open(await authority.sign('agent'), { clock: hostClock, log });
  t.teardown(async () => tls.close());
  const server = await AgentServer.listenTls({
    agent,
    log,
    address: { host: '127.0.0.1', port: 0 },
    credentials: tls.credentials,
    roles: { read: [], write: ['operator'] },
  });
  t.teardown(() => server.close(1_000));
  const files = await authority.sign('operator');
  const operator = new AgentClient(`127.0.0.1:${server.port}`, await clientTls(files));
  t.teardown(async () => operator.close());
  const surface = await HttpSurface.listen({ host: '127.0.0.1', port: 0 }, log);
  t.teardown(() => surface.close());
  surface.attach(agent);

  await operator.deploy(specOf('f', { concurrency: 1, keep_alive_ms: 600_000 }));
  const call = emulated({ ...WORK, wall_ms: 0 });
  await client.invoke({ function: 'f', invocation_id: 'a', ...call });
  await operator.invoke({ function: 'f', invocation_id: 'b', ...call });
  const where = { host: '127.0.0.1', port: surface.server.port ?? 0, method: 'POST' };
  const headers = { 'hotplane-invocation': 'c' };
  const answer = await ask({ ...where, path: '/functions/f', headers }, Buffer.from(call.payload));
  t.is(answer.status, 200);
  await operator.drain('f');
  await client.remove('f');
  ledger.close('stopped');

  const graph = LedgerGraph.read([folder]);
  const peers = graph.entries.flatMap(({ record }) => {
    const { kind, peer, invocation_id, what } = record;
    return peer === undefined ? [] : [[kind, invocation_id ?? what ?? '', peer]];
  });
  t.deepEqual(peers, [
    ['deploy', '', 'operator'],
    ['request', 'a', 'of the socket'],
    ['run', 'b', 'operator'],
    ['run', 'c', 'HTTP from 127.0.0.1'],
    ['asked', 'drain', 'operator'],
    ['asked', 'remove', 'of the socket'],
  ]);
  const [tenure] = lineageOf(graph, 'vm1/r0');
  t.is(tenure?.runs.find(({ invocation_id }) => invocation_id === 'b')?.peer, 'operator');
  t.is(whyOf(graph, 'a').asked?.record.peer, 'of the socket');
});

test('a caller that leaves is the one whose call ends', async (t) => {
  const host = keepingHost(t);
  await host.clock.until(host.agent.deploy(specOf('f')));
  const leaves: (() => void)[] = [];
  const work = { ...emulated({ ...WORK, wall_ms: 60_000 }), peer: 'carol' };
  const running = host.agent.invoke('f', 'A', work, (leave) => leaves.push(leave));
  await host.clock.advance(1_000);
  const during = holdingsAt(LedgerGraph.read([host.folder]), Number.MAX_SAFE_INTEGER);
  leaves[0]?.();
  await host.clock.until(running);
  await host.clock.until(host.agent.stop(0));
  host.ledger.close('stopped');
  t.is(during.find(({ region_id }) => region_id !== null)?.function, 'f');
  t.is(host.records().find(({ what }) => what === 'cancel')?.peer, 'carol');
});

test('what a function had is told of whom it was for then, also where that changes', async (t) => {
  const host = keepingHost(t);
  const { agent, clock, ledger, folder } = host;
  for (const tenant of ['acme', 'zeta', null]) {
    await clock.until(agent.deploy(specOf('f', { tenant, concurrency: 1 })));
    await clock.until(agent.invoke('f', 'x', emulated({ ...WORK, wall_ms: 1_000 })));
    await clock.until(agent.remove('f', 0));
    await clock.advance(1_000);
  }
  await clock.until(agent.stop(0));
  ledger.close('stopped');
  const graph = LedgerGraph.read([folder]);
  const { rows, total, span } = meter(graph);
  t.deepEqual(
    rows.map(({ tenant, invocations }) => [tenant, invocations]),
    [
      [null, 1],
      ['acme', 1],
      ['zeta', 1],
    ],
  );
  const each = rows.map(({ busy_gib_s }) => busy_gib_s);
  for (const one of each) t.true(Math.abs(one * 3 - total.busy_gib_s) < 1e-6 && one > 0);
  const csv = meterCsv(rows, { ...span, prices: null });
  t.regex(csv, /^\d+,\d+,h1,acme,f,/m);
  // Each row is held against its own VM, not against those of all three.
  const region_gib = (host.records().find(({ kind }) => kind === 'plug')?.to_bytes ?? 0) / GIB;
  const lives_s = host
    .records()
    .filter(({ kind }) => kind === 'launch')
    .map(({ vm_id, at_ms, tenant = null }) => {
      const gone = host.records().find((one) => one.kind === 'vm-gone' && one.vm_id === vm_id);
      return { tenant, s: ((gone?.at_ms ?? Number.NaN) - at_ms) / 1_000 };
    });
  for (const [index, { static_gib_s }] of whatIf(graph, rows, span).entries()) {
    const life = lives_s.find(({ tenant }) => tenant === rows[index]?.tenant);
    t.true(Math.abs(static_gib_s - (life?.s ?? Number.NaN) * region_gib) < 1e-6);
  }
});
