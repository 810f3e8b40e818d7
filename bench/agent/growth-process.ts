/**
 * The agent as it is, whose instances grow and shrink, over VMs and guests that are models: what a
 * growth takes here is the agent's own share, with no emulated CPU beside it.
 */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { runDaemon } from '../../agent/daemon.ts';
import { FakeHypervisor, NO_FAULTS } from '../../agent/testing/fake-hypervisor.ts';
import { HISTORY_POLICY } from '../../autoscaler/policy/history.ts';
import { hostClock } from '../../base/clock.ts';
import { GIB } from '../../base/units.ts';
import { NO_IMAGES } from './no-images.ts';
import type { GrowthTime } from './child-messages.ts';
import { timeGrowths } from './growth-timer.ts';
import { NO_COUNTERS, serveParent, tellParent } from './own-usage.ts';

/** Nothing of it is real memory. */
const HOST_LIMIT_BYTES = 1024 * GIB;
/** Of a plug or an unplug: so long that an unplug is met by a guest that waits. */
const RESIZE_MS = 5;

const [socket_path = ''] = process.argv.slice(2);
let growths: GrowthTime[] = [];

interface Launching {
  readonly how: Parameters<FakeHypervisor['launch']>;
  readonly vm: ReturnType<FakeHypervisor['launch']>;
}

class TimedHypervisor extends FakeHypervisor {
  override async launch(...how: Launching['how']): Launching['vm'] {
    const vm = await super.launch(...how);
    const model = this.vms.find((one) => one === vm);
    if (model) timeGrowths(model, (time) => growths.push(time));
    return vm;
  }
}

const hypervisor = new TimedHypervisor(hostClock, NO_FAULTS, { resize_ms: RESIZE_MS });
await runDaemon({
  socket_path,
  state_dir: join(dirname(socket_path), 'state'),
  host_limit_bytes: HOST_LIMIT_BYTES,
  version: 'bench',
  policy: HISTORY_POLICY,
  log: pino({ level: 'silent' }),
  openHypervisor: async () => hypervisor,
  drivers: [hypervisor],
  prepareImages: async () => NO_IMAGES,
  onServing: () => tellParent({ type: 'ready' }),
  signal: serveParent(() => {
    const told = growths;
    growths = [];
    return { ...NO_COUNTERS, growths: told };
  }),
});
// Left alone by its parent, there is nobody else to tidy up.
if (!process.connected) await rm(dirname(socket_path), { recursive: true, force: true });
process.exit(0);
