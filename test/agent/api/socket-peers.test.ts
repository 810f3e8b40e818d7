/** On a Unix socket the kernel says whose user calls, and that decides what he may do. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { AgentClient } from '../../../agent/api/client.ts';
import { authorOf, localPeer, type Peer, type UserRoles } from '../../../agent/api/peers.ts';
import { AgentServer } from '../../../agent/api/server.ts';
import type { Role } from '../../../agent/model/methods.ts';
import { NO_VALUES } from '../../../agent/model/targets.ts';
import { openPeerReader, type PeerCredentials } from '../../../base/peer-credentials.ts';
import { emulated } from '../../../agent/model/work.ts';
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';
import { specOf, WORK } from '../core/world.ts';
import { HELD_MS, heldHost } from './held.ts';
import { serve } from './serving.ts';

/** Users and groups that no host has. */
const ADA = { uid: 391_001, gid: 391_101 };
const BOB = { uid: 391_002, gid: 391_102 };
const EVE = { uid: 391_003, gid: 391_103 };
const WATCHERS = 391_200;
const ROLES: UserRoles = {
  write: { uids: [ADA.uid], gids: [] },
  read: { uids: [], gids: [WATCHERS] },
};

const as_root = process.getuid?.() === 0 ? test.serial : test.serial.skip;

/** Connects with the credentials of somebody else: the kernel notes them in connect(2) itself. */
function connectAs(path: string, who: typeof ADA, groups: readonly number[] = []): Socket {
  const ours = process.getgroups?.() ?? [];
  process.setgroups?.([...groups]);
  process.setegid?.(who.gid);
  process.seteuid?.(who.uid);
  try {
    return connect(path);
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.([...ours]);
  }
}

interface Called {
  readonly socket_path: string;
  readonly as: (who: typeof ADA, groups?: readonly number[]) => Promise<AgentClient>;
}

async function socketOf(
  t: ExecutionContext,
  agent: Awaited<ReturnType<typeof serve>>['agent'],
  own: { readonly users?: UserRoles; readonly role?: Role } = {},
): Promise<Called> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-peers-'));
  await chmod(folder, 0o755);
  const socket_path = join(folder, 'agent.sock');
  const log = pino({ level: 'silent' });
  const readPeer = await openPeerReader();
  const server = await AgentServer.listen({ agent, socket_path, log, readPeer, ...own });
  await chmod(socket_path, 0o666);
  t.teardown(async () => {
    await server.close(1_000);
    await rm(folder, { recursive: true });
  });
  let next = 0;
  const as: Called['as'] = async (who, groups) => {
    next += 1;
    const path = join(folder, `${next}.sock`);
    const relay = createServer((from) => {
      const to = connectAs(socket_path, who, groups);
      from.pipe(to).pipe(from);
      for (const one of [from, to]) one.on('error', () => one.destroy());
    });
    await new Promise<void>((done) => void relay.listen(path, done));
    const client = new AgentClient(path);
    t.teardown(async () => {
      client.close();
      relay.close();
    });
    return client;
  };
  return { socket_path, as };
}

as_root('a user may do what he or one of his groups is listed for, and nothing else', async (t) => {
  const { agent } = await serve(t);
  const { as } = await socketOf(t, agent, { users: ROLES });
  const [ada, bob, eve, root] = await Promise.all([
    as(ADA),
    as(BOB, [BOB.gid, WATCHERS]),
    as(EVE),
    as({ uid: 0, gid: 0 }),
  ]);
  await ada.deploy(specOf('f'));
  t.is((await bob.status()).functions.length, 1);
  await t.throwsAsync(bob.remove('f'), {
    code: 'HP_AGENT_NOT_ALLOWED',
    message: `the peer uid:${BOB.uid} may read only; Remove takes 'write'.`,
  });
  for (const call of [() => eve.status(), () => eve.remove('f'), () => eve.watch()]) {
    const error = await t.throwsAsync(call);
    t.like(error, { code: 'HP_AGENT_NOT_ALLOWED', details: { peer: `uid:${EVE.uid}` } });
  }
  t.is((await root.status()).functions.length, 1);
  await root.remove('f');
  t.is((await ada.status()).functions.length, 0);
});

as_root('a group is listed by the first one of a user too', async (t) => {
  const { agent } = await serve(t);
  const users = { write: { uids: [], gids: [BOB.gid] }, read: { uids: [], gids: [] } };
  const { as } = await socketOf(t, agent, { users });
  await (await as(BOB)).deploy(specOf('f'));
  await t.throwsAsync((await as(ADA)).status(), { code: 'HP_AGENT_NOT_ALLOWED' });
});

as_root('on a socket to look at, nobody may change anything, whoever he is', async (t) => {
  const { agent } = await serve(t);
  const { as } = await socketOf(t, agent, { users: ROLES, role: 'read' });
  const ada = await as(ADA);
  t.is((await ada.status()).functions.length, 0);
  await t.throwsAsync(ada.deploy(specOf('f')), { code: 'HP_AGENT_NOT_ALLOWED' });
});

as_root('the author of a change is told with his user, whatever he calls himself', async (t) => {
  const { agent } = await serve(t);
  const { as } = await socketOf(t, agent);
  const [ada, bob] = await Promise.all([as(ADA), as(BOB)]);
  await ada.deploy(specOf('f'));
  const values = { ...NO_VALUES, warm: 1 };
  const about = { function: 'f', values, for_ms: null, reason: '', revision: null };
  const told = await ada.setTargets({ ...about, author: 'root' });
  t.is(told.author, `root (uid:${ADA.uid})`);
  t.is((await bob.setTargets({ ...about, author: '' })).author, `uid:${BOB.uid}`);
  const cordoned = await bob.cordon({ drain: false, author: 'bob', reason: '' });
  t.is(cordoned.cordon?.author, `bob (uid:${BOB.uid})`);
});

as_root('many who connect and leave are told apart', async (t) => {
  const { agent } = await serve(t);
  const { as } = await socketOf(t, agent, { users: ROLES });
  for (let round = 0; round < 20; round += 1) {
    const [ada, eve] = await Promise.all([as(ADA), as(EVE)]);
    const asked = await Promise.allSettled([ada.status(), eve.status(), ada.status()]);
    t.deepEqual(
      asked.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    ada.close();
    eve.close();
  }
});

test('a server that closes waits for calls that are open, and not for ever', async (t) => {
  const { hypervisor, release } = heldHost();
  const { agent, client, server, socket_path } = await serve(t, undefined, { hypervisor });
  await client.deploy(specOf('f', { concurrency: 2 }));
  const call = (wall_ms: number) =>
    client.invoke({ function: 'f', invocation_id: 'x', ...emulated({ ...WORK, wall_ms }) });
  const [short, long] = [call(HELD_MS), t.throwsAsync(call(2 * HELD_MS))];
  const silent = connect(socket_path);
  const areBusy = () =>
    agent.state.vms.get('vm1')?.instances.filter(({ phase }) => phase === 'busy').length === 2;
  t.true(await waitFor(() => areBusy() || null, { clock: hostClock, deadline_ms: 60_000 }));
  const closing = server.close(5_000);
  release();
  await closing;
  silent.destroy();
  t.is((await short).outcome, 'done');
  t.like(await long, { code: 'HP_AGENT_CANCELLED' });
});

test('the kernel tells our own user, process and groups of a connection to ourselves', async (t) => {
  const readPeer = await openPeerReader();
  if (!readPeer) {
    t.pass('this host does not tell');
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-peer-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 's');
  const { promise, resolve } = Promise.withResolvers<readonly (PeerCredentials | null)[]>();
  const server = createServer((socket) => {
    const open = readPeer(socket);
    socket.destroy();
    resolve([open, readPeer(socket)]);
    server.close();
  });
  server.listen(path, () => connect(path).on('error', () => undefined));
  const [found, closed] = await promise;
  t.is(found?.uid, process.geteuid?.());
  t.is(found?.pid, process.pid);
  const gids = new Set([process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])]);
  t.deepEqual(new Set(found?.gids), gids);
  t.is(closed, null);
});

test('what a peer may do hangs on who may do what there, and on what is known of him', (t) => {
  const our_uid = 100;
  const peerOf = (uid: number, gids: readonly number[], most: Role, users: UserRoles | null) =>
    localPeer({ most, users, our_uid }, { pid: 1, uid, gids }).role;
  const rows: readonly (readonly [number, readonly number[], Role | null, Role | null])[] = [
    [0, [0], 'write', 'read'],
    [our_uid, [], 'write', 'read'],
    [ADA.uid, [], 'write', 'read'],
    [BOB.uid, [WATCHERS], 'read', 'read'],
    [ADA.uid, [WATCHERS], 'write', 'read'],
    [EVE.uid, [EVE.gid], null, null],
  ];
  for (const [uid, gids, on_socket, on_read_socket] of rows) {
    t.is(peerOf(uid, gids, 'write', ROLES), on_socket);
    t.is(peerOf(uid, gids, 'read', ROLES), on_read_socket);
    t.is(peerOf(uid, gids, 'write', null), 'write');
    t.is(peerOf(uid, gids, 'read', null), 'read');
  }
  t.is(localPeer({ most: 'write', users: ROLES, our_uid }, null).role, null);
  t.like(localPeer({ most: 'write', users: null, our_uid }, null), {
    name: 'of the socket',
    role: 'write',
  });
});

const by = (known_by: Peer['known_by'], claimed: string) =>
  authorOf({ name: 'N', role: 'write', known_by }, claimed);

test('an author is told by who knows him best', (t) => {
  t.deepEqual(
    [
      by('certificate', 'x'),
      by('certificate', ''),
      by('kernel', 'x'),
      by('kernel', ''),
      by(null, 'x'),
    ],
    ['N', 'N', 'x (N)', 'N', 'x'],
  );
});
