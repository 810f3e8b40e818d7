/** Goal: at any time at most one agent has a state folder, or a socket. Method: real processes. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SocketPlace } from '../../../agent/api/socket.ts';
import { lockStateDir } from '../../../agent/store/lock.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { checkSocketToTalkTo, ensureSafeFolder } from '../../../base/safe-path.ts';

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-lock-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

const RACER = join(PROJECT_ROOT, 'test', 'agent', 'store', 'lock-racer.ts');
/** More than any process can have: an agent that is gone. */
const DEAD = `${JSON.stringify({ pid: 2 ** 22 + 1, pid_start_ticks: 1 })}\n`;
const RACES = 25;

async function ask(racer: ChildProcess, word: string): Promise<unknown> {
  const answered = once(racer, 'message');
  racer.send(word);
  const [answer] = await answered;
  return answer;
}

test('beside the lock of a dead agent exactly one of four wins, each of 25 times', async (t) => {
  const state_dir = await folderOf(t);
  const racers = Array.from({ length: 4 }, () => fork(RACER, [state_dir]));
  t.teardown(() => racers.forEach((racer) => racer.kill('SIGKILL')));
  await Promise.all(racers.map((racer) => once(racer, 'message')));
  const winners: number[] = [];
  for (let race = 0; race < RACES; race += 1) {
    writeFileSync(join(state_dir, 'agent.json'), DEAD);
    const won = await Promise.all(racers.map((racer) => ask(racer, 'lock')));
    winners.push(won.filter((one) => one === true).length);
    await Promise.all(racers.map((racer) => ask(racer, 'unlock')));
  }
  t.deepEqual(
    winners,
    Array.from({ length: RACES }, () => 1),
  );
});

test('the lock goes with its holder, however that ends, and its file stays', async (t) => {
  const state_dir = await folderOf(t);
  const holder = fork(RACER, [state_dir]);
  await once(holder, 'message');
  t.true(await ask(holder, 'lock'));
  const error = await t.throwsAsync(lockStateDir(state_dir), { message: /another agent \(pid/ });
  t.like(error, { code: 'HP_AGENT_STATE_DIR_IN_USE', exit_code: 5 });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const unlock = await lockStateDir(state_dir);
  await unlock();
  t.true(existsSync(join(state_dir, 'agent.json')));
});

test('an agent that wrote its lock without locking it is respected while it lives', async (t) => {
  const state_dir = await folderOf(t);
  const [, ticks] = /^(?:\S+ ){21}(\d+)/.exec(readFileSync('/proc/1/stat', 'utf8')) ?? [];
  const text = JSON.stringify({ pid: 1, pid_start_ticks: Number(ticks) });
  writeFileSync(join(state_dir, 'agent.json'), text);
  await t.throwsAsync(lockStateDir(state_dir), { code: 'HP_AGENT_STATE_DIR_IN_USE' });
});

async function serveAt(t: ExecutionContext, place: SocketPlace): Promise<void> {
  const server = createServer();
  t.teardown(() => server.close());
  await place.bind((path) => new Promise((done) => server.listen(path, done)));
}

test('one agent a socket: the second is refused, also before the first one listens', async (t) => {
  const path = join(await folderOf(t), 'a.sock');
  const place = await SocketPlace.claim(path);
  await t.throwsAsync(SocketPlace.claim(path), { code: 'HP_AGENT_SOCKET_IN_USE' });
  await serveAt(t, place);
  await t.throwsAsync(SocketPlace.claim(path), { code: 'HP_AGENT_SOCKET_IN_USE' });
  t.is((await stat(path)).mode & 0o777, 0o600);
  await place.release();
  t.false(existsSync(path));
  await (await SocketPlace.claim(path)).release();
});

test('somebody without a lock who listens there is an agent too', async (t) => {
  const path = join(await folderOf(t), 'a.sock');
  const server = createServer();
  t.teardown(() => server.close());
  await new Promise<void>((done) => server.listen(path, done));
  await t.throwsAsync(SocketPlace.claim(path), { code: 'HP_AGENT_SOCKET_IN_USE' });
});

test('a stopping agent leaves alone what is not the socket it made', async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, 'a.sock');
  const place = await SocketPlace.claim(path);
  await serveAt(t, place);
  await rename(path, join(folder, 'mine'));
  writeFileSync(path, 'of somebody else');
  await place.release();
  t.is(readFileSync(path, 'utf8'), 'of somebody else');
});

test('what comes to lie at the path before the socket is there is not replaced', async (t) => {
  const path = join(await folderOf(t), 'a.sock');
  const place = await SocketPlace.claim(path);
  writeFileSync(path, 'of somebody else');
  await t.throwsAsync(serveAt(t, place), { code: 'HP_AGENT_SOCKET' });
  await place.release();
  t.is(readFileSync(path, 'utf8'), 'of somebody else');
});

test('a socket path of 107 bytes is served, one more is told at once', async (t) => {
  const folder = await folderOf(t);
  const name = 'n'.repeat(107 - folder.length - 1);
  const place = await SocketPlace.claim(join(folder, name));
  await serveAt(t, place);
  await place.release();
  const error = await t.throwsAsync(SocketPlace.claim(join(folder, `${name}n`)), {
    message: /has 108 bytes, and a Unix socket takes 107/,
  });
  t.like(error, { code: 'HP_AGENT_SOCKET', exit_code: 2 });
});

/** As root another user's folder can be made; without, somebody else's are root's and fine. */
const root_only = process.getuid?.() === 0 ? test : test.skip;
const NOBODY = 65_534;

for (const [what, make, message] of [
  ['a folder that others may write', (path: string) => makeFolder(path, 0o777), /mode 0777/],
  ['a folder that its group may write', (path: string) => makeFolder(path, 0o770), /mode 0770/],
  ['a symbolic link', async (path: string) => symlinkSync('/', path), /symbolic link/],
  ['a file', async (path: string) => writeFileSync(path, ''), /is not a folder/],
] as const) {
  test(`a state folder is refused when it is ${what}`, async (t) => {
    const path = join(await folderOf(t), 'state');
    await make(path);
    const error = await t.throwsAsync(ensureSafeFolder(path), { message });
    t.like(error, { code: 'HP_PATH_UNSAFE', exit_code: 5 });
  });
}

root_only("another user's folder and another user's socket are refused", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, 'state');
  await makeFolder(path, 0o700);
  await chown(path, NOBODY, NOBODY);
  await t.throwsAsync(ensureSafeFolder(path), { message: /belongs to user 65534, not to you/ });
  const socket = join(folder, 'a.sock');
  const server = createServer();
  t.teardown(() => server.close());
  await new Promise<void>((done) => server.listen(socket, done));
  await t.notThrowsAsync(checkSocketToTalkTo(socket));
  await chown(socket, NOBODY, NOBODY);
  await t.throwsAsync(checkSocketToTalkTo(socket), { code: 'HP_PATH_UNSAFE' });
});

test('a client talks to nobody in a folder where the socket could be replaced', async (t) => {
  const folder = await folderOf(t);
  const socket = join(folder, 'a.sock');
  const server = createServer();
  t.teardown(() => server.close());
  await new Promise<void>((done) => server.listen(socket, done));
  await chmod(folder, 0o777);
  await t.throwsAsync(checkSocketToTalkTo(socket), { message: /may be written by others/ });
  await chmod(folder, 0o1777);
  await t.notThrowsAsync(checkSocketToTalkTo(socket));
});

async function makeFolder(path: string, mode: number): Promise<void> {
  await mkdir(path);
  await chmod(path, mode);
}
