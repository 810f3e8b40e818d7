/**
 * Says whether VMMs can be limited below a folder, and tries it with a process of its own, as
 * whoever runs it. Argument: the folder.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { whyNotDelegated } from '../../../agent/pressure/delegation.ts';
import { messageOf } from '../../../base/errors.ts';

const [folder = ''] = process.argv.slice(2);

/** What the kernel says to it. */
function tryIt(): string {
  const group = join(folder, 'hotplane-try');
  const child = spawn('sleep', ['1000']);
  try {
    mkdirSync(group);
    writeFileSync(join(group, 'cgroup.procs'), String(child.pid));
    writeFileSync(join(group, 'memory.max'), String(2 ** 30));
    writeFileSync(join(folder, '../hog/cgroup.procs'), String(child.pid));
    return 'done';
  } catch (error) {
    return messageOf(error);
  } finally {
    child.kill('SIGKILL');
    try {
      rmdirSync(group);
    } catch {
      // It was never made.
    }
  }
}

const why = whyNotDelegated(folder, { proc: '/proc' });
process.stdout.write(JSON.stringify({ why, kernel: tryIt() }));
