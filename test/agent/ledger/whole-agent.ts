/** A whole agent with a ledger, for tests that kill it; its VMs are simulated, and end with it. */
import { join } from 'node:path';
import { pino } from 'pino';
import { runDaemon } from '../../../agent/daemon.ts';
import { FakeHypervisor } from '../../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB } from '../../../base/units.ts';
import { FAKE_IMAGES } from '../../fakes/host.ts';

const [folder = ''] = process.argv.slice(2);
const hypervisor = new FakeHypervisor(hostClock);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort('SIGTERM'));
await runDaemon({
  socket_path: join(folder, 'a.sock'),
  state_dir: join(folder, 'state'),
  host_limit_bytes: 4 * GIB,
  version: 'test',
  log: pino({ level: 'silent' }),
  ledger: { host: 'h1', when_full: 'stop-grants', kept_bytes: GIB },
  openHypervisor: async () => await Promise.resolve(hypervisor),
  drivers: [hypervisor],
  prepareImages: async () => await Promise.resolve(FAKE_IMAGES),
  onServing: () => process.send?.('ready'),
  signal: stop.signal,
});
process.disconnect();
