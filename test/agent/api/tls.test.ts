/** Over the network those alone come in who have a certificate, and may do what their name may. */
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { AgentClient } from '../../../agent/api/client.ts';
import { certifiedPeer } from '../../../agent/api/peers.ts';
import { AgentServer } from '../../../agent/api/server.ts';
import { ServerTls } from '../../../agent/api/server-tls.ts';
import { clientTls, type TlsFiles } from '../../../agent/api/tls.ts';
import { METHODS } from '../../../agent/model/methods.ts';
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';
import { NO_VALUES } from '../../../agent/model/targets.ts';
import { emulated } from '../../../agent/model/work.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { specOf, WORK } from '../core/world.ts';
import { Authority } from './certificates.ts';
import { serve } from './serving.ts';

async function overTls(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const authority = await Authority.make(folder, 'ours');
  const { agent, client: owner } = await serve(t);
  const signed = await authority.sign('agent');
  const own = { ...signed, authority: join(folder, 'trusted.pem') };
  await copyFile(signed.authority, own.authority);
  const lines: { readonly msg: string }[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line));
  const clock = new FakeClock();
  const tls = await ServerTls.open(own, { clock, log: pino({ base: null }, { write }) });
  t.teardown(async () => tls.close());
  const server = await AgentServer.listenTls({
    agent,
    log: pino({ level: 'silent' }),
    address: { host: '127.0.0.1', port: 0 },
    credentials: tls.credentials,
    roles: { read: ['watcher'], write: ['operator'] },
  });
  t.teardown(() => server.close(1_000));
  const target = `127.0.0.1:${server.port}`;
  const as = async (files: TlsFiles): Promise<AgentClient> => {
    const client = new AgentClient(target, await clientTls(files));
    t.teardown(async () => client.close());
    return client;
  };
  return { folder, authority, owner, target, as, own, tls, clock, lines };
}

const DAG = {
  name: 'd',
  deadline_ms: 1_000,
  stages: [{ name: 'a', function: 'f', payload_json: null }],
  edges: [],
  ready_ms: null,
};

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
    (client) => client.deployDag(DAG),
    (client) => client.removeDag('d'),
    (client) =>
      client.invokeDag({
        dag: 'd',
        invocation_id: 'x',
        payload: new Uint8Array(),
        content_type: '',
      }),
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

/** What a server shows to whoever connects now. */
async function shownBy(target: string, files: TlsFiles): Promise<string> {
  const [host = '', port = ''] = target.split(':');
  const read = [files.key, files.certificate, files.authority].map((path) => readFile(path));
  const [key, cert, ca] = await Promise.all(read);
  const socket = connect({ host, port: Number(port), key, cert, ca, ALPNProtocols: ['h2'] });
  try {
    await once(socket, 'secureConnect');
    return String(socket.getPeerCertificate().subject.CN);
  } finally {
    socket.destroy();
  }
}

async function replace(files: TlsFiles, by: Partial<TlsFiles>): Promise<void> {
  const { key = files.key, certificate = files.certificate, authority = files.authority } = by;
  for (const [from, to] of Object.entries({
    [key]: files.key,
    [certificate]: files.certificate,
    [authority]: files.authority,
  })) {
    if (from !== to) await copyFile(from, to);
  }
}

test('a new certificate is met by who connects then, and who is connected goes on', async (t) => {
  const { authority, target, as, own, tls, clock, lines } = await overTls(t);
  const files = await authority.sign('operator');
  const client = await as(files);
  const watched = await client.watch();
  t.is(await shownBy(target, files), 'agent');
  const two_days_ms = 2 * 86_400_000;
  t.true(Math.abs(tls.end_ms - Date.now() - two_days_ms) < 3_600_000);
  await replace(own, { ...(await authority.sign('renewed')), authority: own.authority });
  await clock.advance(AGENT_LIMITS.tls_look_ms);
  await waitFor(async () => (lines.length > 0 ? true : null), {
    clock: hostClock,
    deadline_ms: 30_000,
  });
  t.like(lines, [{ msg: 'a new certificate is used from now on', subject: 'CN=renewed' }]);
  t.is(await shownBy(target, files), 'renewed');
  await client.deploy(specOf('f'));
  const { done } = await watched[Symbol.asyncIterator]().next();
  t.false(done, 'the stream that was open is told of it');
});

test('files that cannot be used are told once, and the ones before them go on', async (t) => {
  const { authority, folder, target, own, tls, lines } = await overTls(t);
  const files = await authority.sign('operator');
  const broken = join(folder, 'broken');
  await writeFile(broken, 'no certificate');
  const other = await authority.sign('other');
  // A key without its certificate is what a renewal leaves for a moment.
  for (const [count, by] of [{ certificate: broken }, { key: other.key }].entries()) {
    await replace(own, by);
    await tls.look();
    await tls.look();
    t.is(lines.length, count + 1);
    t.like(lines[count], { level: 50, err: { code: 'HP_AGENT_TLS' } });
    t.is(await shownBy(target, files), 'agent');
    await authority.sign('agent');
  }
  await replace(own, { key: other.key, certificate: other.certificate });
  await tls.look();
  t.is(await shownBy(target, files), 'other');
});

test('with a new authority its peers come in, and new connections of others do not', async (t) => {
  const { authority, folder, as, own, tls } = await overTls(t);
  const before = await as(await authority.sign('operator'));
  t.is((await before.status()).functions.length, 0);
  const theirs = await Authority.make(folder, 'theirs');
  const peer = await theirs.sign('operator');
  const { authority: ours } = await authority.sign('none');
  await replace(own, { authority: peer.authority });
  await tls.look();
  const after = await as({ ...peer, authority: ours });
  t.is((await after.status()).functions.length, 0);
  const late = await as(await authority.sign('watcher'));
  await t.throwsAsync(late.status(), { code: 'HP_AGENT_UNREACHABLE' });
  t.is((await before.status()).functions.length, 0, 'who is connected goes on');
});

test('who may do what hangs on the one name of a verified certificate', (t) => {
  const peerOf = certifiedPeer({ read: ['r', 'both'], write: ['w', 'both'] });
  const roleOf = (CN: string | string[]) =>
    peerOf({ certificate: { subject: { CN } }, remote: '' }).role;
  t.deepEqual(['r', 'w', 'both', 'x', '', ['w'], ['r', 'w']].map(roleOf), [
    'read',
    'write',
    'write',
    null,
    null,
    null,
    null,
  ]);
  t.is(peerOf({ certificate: null, remote: '' }).role, null);
  t.is(peerOf({ certificate: { subject: {} }, remote: '' }).role, null);
});

test('files that are no certificate, or do not belong together, are told before anything listens', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-tls-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const authority = await Authority.make(folder, 'ours');
  const parts = { clock: new FakeClock(), log: pino({ level: 'silent' }) };
  const [one, other] = [await authority.sign('one'), await authority.sign('other')];
  for (const files of [
    { ...one, key: other.key },
    { ...one, certificate: one.key },
    { ...one, authority: join(folder, 'missing.pem') },
  ]) {
    await t.throwsAsync(ServerTls.open(files, parts), { code: 'HP_AGENT_TLS' });
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
