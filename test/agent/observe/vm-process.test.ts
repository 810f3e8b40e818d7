import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import test from 'ava';
import { vmProcess } from '../../../agent/observe/vm-process.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';

test('a process is told by its program and the arguments it really has', async (t) => {
  const child = spawn('/bin/sleep', ['60'], { argv0: 'qemu a' });
  t.teardown(() => child.kill('SIGKILL'));
  const seen = await vmProcess(child.pid ?? 0);
  t.is(seen.vmm_path, realpathSync('/bin/sleep'));
  t.deepEqual(seen.vmm_command, ['qemu a', '60']);
  t.is(seen.vmm_pid, child.pid ?? 0);
});

test('an argument longer than the limit is cut', async (t) => {
  const long = 'x'.repeat(AGENT_LIMITS.vmm_argument_chars + 10);
  const child = spawn('/bin/sh', ['-c', 'read line', long]);
  t.teardown(() => child.kill('SIGKILL'));
  const { vmm_command } = await vmProcess(child.pid ?? 0);
  t.is(vmm_command.at(-1)?.length, AGENT_LIMITS.vmm_argument_chars);
});

test('a process that is not there is told as not known', async (t) => {
  t.deepEqual(await vmProcess(2 ** 22 + 1), {
    vmm_pid: 2 ** 22 + 1,
    vmm_path: null,
    vmm_command: [],
  });
});
