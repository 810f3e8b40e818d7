/** The real program, where CLOUD_HYPERVISOR names it; without it tests are skipped, not passed. */
import test, { type ExecutionContext } from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';
import { probeAccelerator } from '../../../hypervisor-client/host/accelerator.ts';
import { CloudHypervisor } from '../../../hypervisor-client/cloud-hypervisor/index.ts';
import { endProcess, spawnDetached } from '../../../base/process.ts';
import { BINARY, MISSING } from './binary.ts';

/** `test`, or `test.skip` and one line of what is missing. */
export function realTest(): typeof test.serial | typeof test.skip {
  if (BINARY !== '') return test.serial;
  console.log(MISSING);
  return test.skip;
}

/** The same for a test with an ordinary guest, which needs a KVM that can run one. */
export async function realGuestTest(): Promise<typeof test.serial | typeof test.skip> {
  const { accelerator, reason } = await probeAccelerator();
  if (BINARY === '' || accelerator === 'kvm') return realTest();
  console.log(`skipped: no KVM to run an ordinary guest: ${reason}`);
  return test.skip;
}

export interface RealServer {
  readonly root: string;
  readonly socket_path: string;
  readonly events_path: string;
  readonly ch: CloudHypervisor;
}

/** A server without a VM, ended with the test. */
export async function realServer(t: ExecutionContext): Promise<RealServer> {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-real-'));
  const socket_path = join(root, 'ch.sock');
  const events_path = join(root, 'events.json');
  const started = await spawnDetached({
    file: BINARY,
    arguments: ['--api-socket', `path=${socket_path}`, '--event-monitor', `path=${events_path}`],
    stdout_path: join(root, 'out'),
    stderr_path: join(root, 'err'),
  });
  const ch = new CloudHypervisor({ socket_path });
  t.teardown(async () => {
    await ch.close();
    await endProcess(started, hostClock, 5_000);
    await rm(root, { recursive: true, force: true });
  });
  const up = async () => await ch.vmm.ping().catch(() => null);
  const found = await waitFor(up, { clock: hostClock, deadline_ms: 10_000 });
  if (!found) throw new Error(`${BINARY} does not answer`);
  return { root, socket_path, events_path, ch };
}
