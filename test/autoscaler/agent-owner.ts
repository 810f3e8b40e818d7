/**
 * A replay's part: starts a private agent (a program that notes its end) and waits to be killed.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startAgentProcess } from '../../autoscaler/replay/agent-process.ts';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { FakeAgent } from './fake-agent.ts';
import { FakeClock } from './fake-clock.ts';

const [folder = '', note = '', answers = ''] = process.argv.slice(2);
const program = join(PROJECT_ROOT, 'test', 'cli', 'fixture', 'program.ts');
const api = new FakeAgent({ clock: new FakeClock(), plug_ms: 1, unplug_ms: 1 });
const log_path = join(folder, 'agent.log');
const status = api.status.bind(api);
api.status = async (...args) => {
  // Its first line says that it takes signals, and its owner's end, from now on.
  if (!(await isUp())) throw new Error('connection refused');
  if (answers === 'true') return await status(...args);
  process.stdout.write('started');
  throw new Error('connection refused');
};

async function isUp(): Promise<boolean> {
  return (await readFile(log_path, 'utf8')).includes('working');
}

await startAgentProcess(
  {
    command: () => [process.execPath, program, note, 'serve'],
    connect: () => api,
    log_path,
    runtime_dir: join(folder, 'run'),
    clock: hostClock,
    onWaiting: () => {},
  },
  new AbortController().signal,
);
process.stdout.write('started');
