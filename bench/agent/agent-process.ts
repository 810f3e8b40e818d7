/** The agent under measurement: the daemon as it is, over a VMM that does everything at once. */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { runDaemon } from '../../agent/daemon.ts';
import { FakeHypervisor, NO_FAULTS } from '../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../base/clock.ts';
import { GIB } from '../../base/units.ts';
import { NO_IMAGES } from './no-images.ts';
import { USUAL_OPTIONS } from './plan.ts';
import { openGuest } from './guests.ts';
import { serveParent, tellParent } from './own-usage.ts';

/** Room for 256 VMs with all of their regions plugged; nothing of it is real memory. */
const HOST_LIMIT_BYTES = 64 * 1024 * GIB;

/** As large as it is by default. */
const LEDGER = { host: 'bench', when_full: 'stop-grants', kept_bytes: GIB } as const;

const [socket_path = '', guests_path = '', http_path = '', recording = ''] = process.argv.slice(2);
const hypervisor = new FakeHypervisor(hostClock, NO_FAULTS, {
  resize_ms: 0,
  openGuest: (vm) => openGuest(guests_path, vm),
});
let errors = 0;
let first_error = '';
const log = pino(
  { level: 'error', base: null, serializers: { err: (error: unknown) => error } },
  {
    write: (line: string) => {
      errors += 1;
      first_error ||= line.slice(0, 1_000);
    },
  },
);
const signal = serveParent(() => {
  const { plug, unplug } = hypervisor.done;
  return { plugs: plug, unplugs: unplug, errors, first_error };
});
await runDaemon({
  socket_path,
  http: { path: http_path },
  state_dir: join(dirname(socket_path), 'state'),
  host_limit_bytes: HOST_LIMIT_BYTES,
  version: 'bench',
  bounds: { vms_max: Math.max(...USUAL_OPTIONS.vms, USUAL_OPTIONS.functions) },
  ...(recording === 'ledger' ? { ledger: LEDGER } : {}),
  log,
  openHypervisor: async () => hypervisor,
  drivers: [hypervisor],
  prepareImages: async () => NO_IMAGES,
  onServing: () => tellParent({ type: 'ready' }),
  signal,
});
// Left alone by its parent, there is nobody else to tidy up.
if (!process.connected) await rm(dirname(socket_path), { recursive: true, force: true });
process.exit(0);
