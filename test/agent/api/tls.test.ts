/** Over the network those alone come in who have a certificate, and may do what their name may. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { AgentClient } from '../../../agent/api/client.ts';
import { certifiedPeer } from '../../../agent/api/peers.ts';
import { AgentServer } from '../../../agent/api/server.ts';
import { clientTls, serverTls, type TlsFiles } from '../../../agent/api/tls.ts';
import { METHODS } from '../../../agent/model/methods.ts';
import { NO_VALUES } from '../../../agent/model/targets.ts';
import { emulated } from '../../../agent/model/work.ts';
import { specOf, WORK } from '../core/world.ts';
import { Authority } from './certificates.ts';
import { serve } from './serving.ts';

async function overTls(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const authority = await Authority.make(folder, 'ours');
  const { agent, client: owner } = await serve(t);
  const server = await AgentServer.listenTls({
    agent,
    log: pino({ level: 'silent' }),
    address: { host: '127.0.0.1', port: 0 },
    credentials: await serverTls(await authority.sign('agent')),
    roles: { read: ['watcher'], write: ['operator'] },
  });
  t.teardown(() => server.close(1_000));
  const target = `127.0.0.1:${server.port}`;
  const as = async (files: TlsFiles): Promise<AgentClient> => {
    const client = new AgentClient(target, await clientTls(files));
    t.teardown(async () => client.close());
    return client;
  };
  return { folder, authority, owner, target, as };
}

test('a certificate may do what its name is listed for, and changes nothing else', async (t) => {
  const { authority, owner, as } = await overTls(t);
  const [operator, watcher, stranger, several] = await Promise.all([
    as(await authority.sign('operator')),
    as(await authority.sign('watcher')),
    as(await authority.sign('stranger')),
    as(await authority.sign('several', '/CN=operator/CN=watcher')),
  ]);
  await operator.deploy(specOf('f', { keep_alive_ms: 1e6 }));
  t.like(await operator.invoke({ function: 'f', invocation_id: 'x', ...emulated(WORK) }), {
    outcome: 'done',
  });
  t.is((await watcher.status()).functions.length, 1);
  const before = await owner.status('', { with_state: true });
  const changes: readonly ((client: AgentClient) => Promise<unknown>)[] = [
    (client) => client.deploy(specOf('g')),
    (client) => client.invoke({ function: 'f', invocation_id: 'x', ...emulated(WORK) }),
    (client) => client.drain('f'),
    (client) => client.remove('f'),
    (client) => client.cordon({ drain: true, author: '', reason: '' }),
    (client) => client.uncordon({ author: '', reason: '' }),
    (client) =>
      client.setTargets({
        function: 'f',
        values: NO_VALUES,
        for_ms: null,
        author: '',
        reason: '',
        revision: null,
      }),
  ];
  const writes = Object.values(METHODS).filter(({ role }) => role === 'write');
  t.is(changes.length, writes.length, 'each method that changes something is tried');
  for (const client of [watcher, stranger, several]) {
    for (const change of changes) {
      const error = await t.throwsAsync(change(client));
      t.like(error, { code: 'HP_AGENT_NOT_ALLOWED', details: { needed: 'write' } });
    }
  }
  for (const client of [stranger, several]) {
    await t.throwsAsync(client.status(), { code: 'HP_AGENT_NOT_ALLOWED', message: /nothing/ });
    await t.throwsAsync(client.watch(), { code: 'HP_AGENT_NOT_ALLOWED' });
  }
  t.is((await owner.status('', { with_state: true })).state_json, before.state_json);
});

test('the author of a change is the name of the certificate, whatever the caller says', async (t) => {
  const { authority, owner, as } = await overTls(t);
  const operator = await as(await authority.sign('operator'));
  const told = await operator.cordon({ drain: false, author: 'somebody else', reason: 'r' });
  t.like(told.cordon, { author: 'operator', reason: 'r' });
  await operator.uncordon({ author: 'somebody else', reason: '' });
  await owner.deploy(specOf('f'));
  const values = { ...NO_VALUES, warm: 1 };
  const about = { function: 'f', values, for_ms: null, reason: '', revision: null };
  t.is((await operator.setTargets({ ...about, author: 'somebody else' })).author, 'operator');
  t.is((await owner.setTargets({ ...about, author: 'ada' })).author, 'ada');
});

test('without a certificate, or with one of another authority, nobody gets as far as a call', async (t) => {
  const { folder, authority, owner, target, as } = await overTls(t);
  const foreign = await Authority.make(folder, 'theirs');
  const files = await foreign.sign('operator');
  const { authority: ours } = await authority.sign('none');
  const ca = await readFile(ours);
  const clients = [
    await as({ ...files, authority: ours }),
    new AgentClient(target, credentials.createSsl(ca)),
    new AgentClient(target, credentials.createInsecure()),
  ];
  for (const client of clients) {
    await t.throwsAsync(client.deploy(specOf('g')), { code: 'HP_AGENT_UNREACHABLE' });
    client.close();
  }
  t.deepEqual((await owner.status()).functions, []);
});

test('who may do what hangs on the one name of a verified certificate', (t) => {
  const peerOf = certifiedPeer({ read: ['r', 'both'], write: ['w', 'both'] });
  const roleOf = (CN: string | string[]) =>
    peerOf({ sslPeerCertificate: { subject: { CN } } }).role;
  t.deepEqual(['r', 'w', 'both', 'x', '', ['w'], ['r', 'w']].map(roleOf), [
    'read',
    'write',
    'write',
    null,
    null,
    null,
    null,
  ]);
  t.is(peerOf({}).role, null);
  t.is(peerOf({ sslPeerCertificate: { subject: {} } }).role, null);
});

test('files that are no certificate, or do not belong together, are told before anything listens', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const authority = await Authority.make(folder, 'ours');
  const [one, other] = [await authority.sign('one'), await authority.sign('other')];
  for (const files of [
    { ...one, key: other.key },
    { ...one, certificate: one.key },
    { ...one, authority: join(folder, 'missing.pem') },
  ]) {
    await t.throwsAsync(serverTls(files), { code: 'HP_AGENT_TLS' });
  }
});

test('a socket of its own lets a group look and change nothing', async (t) => {
  const { agent, client: owner } = await serve(t);
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-read-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const socket_path = join(folder, 'read.sock');
  const log = pino({ level: 'silent' });
  const server = await AgentServer.listen({ agent, socket_path, log, role: 'read' });
  const reader = new AgentClient(socket_path);
  t.teardown(async () => {
    reader.close();
    await server.close(1_000);
  });
  await owner.deploy(specOf('f'));
  t.is((await reader.status()).functions.length, 1);
  await t.throwsAsync(reader.remove('f'), { code: 'HP_AGENT_NOT_ALLOWED', message: /read only/ });
  t.is((await owner.status()).functions.length, 1);
});
