/** Which user's agent a client of another user may trust; with real users, so as root only. */
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { chmod, chown, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { SocketPlace } from '../../agent/api/socket.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { gidOf, ourName, serviceUid, uidOf } from '../../base/users.ts';

const asRoot = process.getuid?.() === 0 ? test : test.skip;
const SERVICE = uidOf('nobody') ?? 65_534;
const STRANGER = uidOf('daemon') ?? 1;

/** A folder of that user with a socket of it, as an agent makes one. */
async function agentOf(
  t: ExecutionContext,
  uid: number,
  access = { gid: null as number | null, mode: 0o600 },
): Promise<string> {
  const top = await mkdtemp(join(tmpdir(), 'hotplane-users-'));
  t.teardown(() => rm(top, { recursive: true, force: true }));
  await chmod(top, 0o755);
  const folder = join(top, 'run');
  await mkdir(folder, { mode: 0o755 });
  const path = join(folder, 'agent.sock');
  const place = await SocketPlace.claim(path, access);
  const server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  await place.bind((inner) => new Promise((resolve) => server.listen(inner, resolve)));
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  t.teardown(() => place.release());
  const { gid } = await stat(path);
  await chown(path, uid, gid);
  await chown(folder, uid, uid);
  return path;
}

const CLIENT = `
import { connect } from 'node:net';
import { checkSocketToTalkTo } from '${PROJECT_ROOT}/base/safe-path.ts';
const [path] = process.argv.slice(1);
try {
  await checkSocketToTalkTo(path);
  const socket = connect(path);
  socket.on('error', ({ code }) => console.log(code));
  socket.on('data', (text) => console.log(String(text)));
} catch (error) {
  console.log(error.code, error.message);
}`;

/** What a client of that user gets: the greeting, or why not. */
async function clientOf(uid: number, path: string, gids: readonly number[] = []): Promise<string> {
  const args = ['--input-type=module', '--eval', CLIENT, '--', path];
  const groups = gids.length === 0 ? ['--clear-groups'] : ['--groups', gids.join(',')];
  const user = [`--reuid=${uid}`, `--regid=${uid}`, ...groups];
  const { stdout } = await execa('setpriv', [...user, process.execPath, ...args], {
    env: { HOTPLANE_SERVICE_USER: 'nobody', NODE_NO_WARNINGS: '1', PATH: process.env['PATH'] },
    extendEnv: false,
    timeout: 60_000,
  });
  return stdout;
}

asRoot('root talks to the agent of the service, and to its own', async (t) => {
  t.is(await clientOf(0, await agentOf(t, SERVICE)), 'hello');
  t.is(await clientOf(0, await agentOf(t, 0)), 'hello');
});

asRoot('nobody talks to the agent of a stranger, root neither', async (t) => {
  const path = await agentOf(t, STRANGER);
  t.regex(await clientOf(0, path), /^HP_PATH_UNSAFE .*belongs to user/);
  t.regex(await clientOf(SERVICE, path), /^HP_PATH_UNSAFE .*belongs to user/);
});

asRoot('a socket of the service in a folder that others may write is not trusted', async (t) => {
  const path = await agentOf(t, SERVICE);
  await chmod(join(path, '..'), 0o777);
  t.regex(await clientOf(0, path), /^HP_PATH_UNSAFE .*may be written by others/);
});

asRoot("a socket of the service in a stranger's folder is not trusted", async (t) => {
  const path = await agentOf(t, SERVICE);
  await chown(join(path, '..', '..'), STRANGER, STRANGER);
  t.regex(await clientOf(0, path), /^HP_PATH_UNSAFE .*belongs to user/);
});

asRoot('members of the group of a socket get in with 0660, and nobody else', async (t) => {
  const gid = gidOf('nogroup') ?? 65_534;
  const path = await agentOf(t, SERVICE, { gid, mode: 0o660 });
  t.is((await stat(path)).mode & 0o777, 0o660);
  t.is((await stat(path)).gid, gid);
  t.is(await clientOf(STRANGER, path, [gid]), 'hello');
  t.is(await clientOf(STRANGER, path), 'EACCES');
});

asRoot('with 0600 no group gets in', async (t) => {
  const gid = gidOf('nogroup') ?? 65_534;
  const path = await agentOf(t, SERVICE, { gid, mode: 0o600 });
  t.is(await clientOf(STRANGER, path, [gid]), 'EACCES');
});

test('we have a name', (t) => {
  t.is(ourName(), userInfo().username);
});

asRoot('a user without an entry is called by his number', async (t) => {
  const script = `console.log((await import('${PROJECT_ROOT}/base/users.ts')).ourName())`;
  const user = ['--reuid=54321', '--regid=54321', '--clear-groups'];
  const args = ['--input-type=module', '--eval', script];
  const { stdout } = await execa('setpriv', [...user, process.execPath, ...args]);
  t.is(stdout, '54321');
});

test('the user of the service is a user of this host, or nobody', (t) => {
  t.is(serviceUid({ HOTPLANE_SERVICE_USER: 'root' }), 0);
  t.is(serviceUid({ HOTPLANE_SERVICE_USER: 'no such user' }), null);
  t.is(gidOf('0'), 0);
  t.is(gidOf('root'), 0);
  t.is(gidOf('no such group'), null);
});
