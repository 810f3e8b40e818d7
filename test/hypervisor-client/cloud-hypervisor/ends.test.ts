/** A server whose process outlives its socket, as one does that gives much memory back. */
import test, { type ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { hostClock } from '../../../base/clock.ts';
import { readStartTicks } from '../../../base/process.ts';
import { CloudHypervisor } from '../../../hypervisor-client/cloud-hypervisor/index.ts';
import { chFiles } from '../../../hypervisor-client/cloud-hypervisor/driver/layout.ts';
import { CloudHypervisorVm } from '../../../hypervisor-client/cloud-hypervisor/driver/vm.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { VMM_LIMITS } from '../../../hypervisor-client/limits.ts';
import { leastVm } from '../lifecycle/vm-spec.ts';
import { fakeStage } from './stage.ts';

const SLOW_S = (3 * VMM_LIMITS.watch_again_ms) / 1_000;

async function vmOf(t: ExecutionContext, root: string, live_s: number): Promise<CloudHypervisorVm> {
  const child = spawn('sleep', [String(live_s)], { stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
  const { pid = 0 } = child;
  const pid_start_ticks = (await readStartTicks(pid)) ?? 0;
  const spec = leastVm(root);
  return new CloudHypervisorVm({
    handle: { schema_version: 2, vmm: 'cloud-hypervisor', pid, pid_start_ticks, spec },
    ch: new CloudHypervisor({ socket_path: chFiles(root).api_path }),
    backings: [],
    pci_addresses: [],
    exited: null,
    cgroup: null,
    clock: hostClock,
    proc_root: '/proc',
    readHugePages: () => ({ total: 0, free: 0 }),
    looks_at_nodes: false,
  });
}

test('a VM whose server is slow to end is told as stopped', async (t) => {
  const { root, fake } = await fakeStage(t);
  const vm = await vmOf(t, root, SLOW_S);
  t.teardown(async () => await vm.release());
  await fake.close();
  t.is((await vm.observe()).state, 'stopped');
});

test('who asks while a VM is released is told so', async (t) => {
  const { root } = await fakeStage(t, { faults: [{ kind: 'silence' }] });
  const vm = await vmOf(t, root, 60);
  const told = t.throwsAsync(vm.observe());
  await hostClock.sleep(100);
  await vm.release();
  const error = await told;
  t.true(hasCode(error, 'HP_VMM_RELEASED'), String(error));
});
