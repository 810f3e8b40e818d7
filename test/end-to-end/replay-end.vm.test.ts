/**
 * Goal: however a replay is left alone or ended, it leaves no agent and no VM. Method: a short
 * trace against real VMs; its readers go away, or it is killed with SIGKILL.
 */
import test from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { waitFor } from '../../base/wait.ts';
import { processesOf, scratchFolder, socketsOf } from './command.ts';

const TRACE = 'app,func,end_timestamp,duration\na,f,1.2,0.2\na,f,3.2,0.2\n';
const ARGS = (
  'replay --trace trace.csv --functions 1 --memory-scale 0.1 --keep-alive 1 --vmm qemu ' +
  '--mechanism virtio-mem --out out'
).split(' ');

/** A shell runs `script` with the command as its arguments, in `folder`. */
async function start(folder: string, script: string) {
  await writeFile(join(folder, 'trace.csv'), TRACE);
  const command = [process.execPath, join(PROJECT_ROOT, 'bin', 'hotplane.js'), ...ARGS];
  return spawn('bash', ['-c', script, 'bash', ...command], {
    cwd: folder,
    env: { ...process.env, HOTPLANE_RUNTIME_DIR: join(folder, 'run') },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

async function nothingLeft(folder: string): Promise<true | null> {
  const run = join(folder, 'run');
  const folders = existsSync(run) ? readdirSync(run) : [];
  const left = [...processesOf(folder), ...socketsOf(folder), ...folders];
  return left.length === 0 ? true : null;
}

test.serial('a replay whose only reader goes away is finished, and leaves nothing', async (t) => {
  t.timeout(420_000);
  const folder = await scratchFolder(t);
  const shell = await start(folder, '"$@" 2>&1 | head -1; exit "${PIPESTATUS[0]}"');
  const [code] = await once(shell, 'exit');
  t.is(code, 0);
  t.true(await nothingLeft(folder));
  t.regex(await readFile(join(folder, 'out', 'manifest.json'), 'utf8'), /"status": "complete"/);
});

test.serial('a replay killed with SIGKILL takes its agent and its VMs with it', async (t) => {
  t.timeout(420_000);
  const folder = await scratchFolder(t);
  const replay = await start(folder, 'exec "$@"');
  const clock = hostClock;
  const vm = () => (processesOf(folder).some((line) => line.includes('console.log')) ? true : null);
  t.true(await waitFor(vm, { clock, deadline_ms: 180_000, longest_pause_ms: 100 }), 'a VM runs');
  replay.kill('SIGKILL');
  await once(replay, 'exit');
  const gone = await waitFor(() => nothingLeft(folder), { clock, deadline_ms: 180_000 });
  t.true(gone, processesOf(folder).join('\n'));
});
