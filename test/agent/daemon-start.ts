/**
 * A whole agent without VMs, in a process of its own that nothing but what it opened keeps alive.
 * At `fails_at` it cannot go on. Prints the code of the error, and never calls process.exit.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { runDaemon } from '../../agent/daemon.ts';
import { FakeHypervisor } from '../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';

const [folder = '', fails_at = ''] = process.argv.slice(2);
const socket_path = join(folder, 'a.sock');
const fail = (step: string): void => {
  if (fails_at === step) throw new Error(step);
};
const hypervisor = new FakeHypervisor(hostClock);

try {
  await runDaemon({
    socket_path,
    state_dir: join(folder, 'state'),
    runtime_dir: folder,
    host_limit_bytes: 2 ** 30,
    version: 'test',
    log: pino({ level: 'silent' }),
    openHypervisor: async () => {
      fail('hypervisor');
      return hypervisor;
    },
    drivers: [],
    prepareImages: async () => {
      fail('images');
      // Comes between the claim of the place and the listening.
      if (fails_at === 'listen') writeFileSync(socket_path, '');
      return { imageFor: () => Promise.reject(new Error('no VM is started here')) };
    },
    onServing: () => fail('serving'),
    signal: new AbortController().signal,
  });
} catch (error) {
  if (isHotplaneError(error)) console.log(error.code);
  else console.log(error instanceof Error ? error.message : String(error));
}
