/**
 * Goal: an agent that fails on its way up holds nothing open. Method: its process ends by itself.
 */
import test from 'ava';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { SocketPlace } from '../../agent/api/socket.ts';
import { lockStateDir } from '../../agent/store/lock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';

const PROGRAM = join(PROJECT_ROOT, 'test', 'agent', 'daemon-start.ts');
const DEADLINE_MS = 60_000;

for (const [fails_at, told] of [
  ['hypervisor', 'hypervisor'],
  ['images', 'images'],
  ['listen', 'HP_AGENT_SOCKET'],
  ['serving', 'serving'],
] as const) {
  test(`a start that fails at '${fails_at}' is undone, last step first`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'hp-undo-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const ended = await execa(process.execPath, [PROGRAM, folder, fails_at], {
      timeout: DEADLINE_MS,
      reject: false,
    });
    t.false(ended.timedOut, 'nothing keeps the process alive');
    t.is(ended.stdout, told);
    t.is(ended.exitCode, 0);
    const socket = join(folder, 'a.sock');
    t.is(existsSync(socket), fails_at === 'listen', 'only what was not ours is there');
    if (fails_at !== 'listen') await (await SocketPlace.claim(socket)).release();
    await (await lockStateDir(join(folder, 'state')))();
  });
}
