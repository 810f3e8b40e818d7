/**
 * Runs inside a nested machine with two NUMA nodes: boots a guest under KVM whose regions lie on
 * one node of the machine each, has it use all of them, and prints one JSON line of what the
 * machine's kernel says of each. Arguments: driver, kernel, initramfs, kernel arguments.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../../base/system-error.ts';
import { MIB } from '../../../base/units.ts';
import { readHostNodes } from '../../../hypervisor-client/host/host-nodes.ts';
import { openNamed } from '../../../hypervisor-client/index.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import {
  type RealGuest,
  takeGuest,
} from '../../../hypervisor-client/testing/conformance/guest/hand.ts';
import type { Vm, VmSpec } from '../../../hypervisor-client/vm.ts';

const DEADLINE_MS = 240_000;
const TRIES = 5;
/** What the guest leaves free of its memory: it runs on. */
const KEPT_BYTES = 80 * MIB;
const [driver = '', kernel_path = '', initrd_path = '', ...kernel_arguments] =
  process.argv.slice(2);
const command = process.env['CLOUD_HYPERVISOR'];

const run_dir = await mkdtemp('/tmp/hotplane-nodes-');
const hypervisor = await openNamed(driver, {
  cloud_hypervisor: command === undefined ? {} : { command: [command] },
});
const device = (id: string, max_bytes: number, host_node: number | null) => ({
  ...deviceOf({ id, max_bytes, initial_bytes: 0 }),
  host_node,
});
const spec: VmSpec = {
  id: 'nodes',
  run_dir: join(run_dir, 'vm'),
  kernel_path,
  initrd_path,
  kernel_arguments,
  vcpus: 1,
  boot_bytes: 256 * MIB,
  // A third of the bound memory is near.
  devices: [device('near', 128 * MIB, 0), device('far', 256 * MIB, 1)],
  backing: 'anonymous',
  accelerator: 'kvm',
};
/** One that is emulated twice can take longer to come up than a driver waits for its channel. */
async function taken(vm: Vm): Promise<RealGuest> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await takeGuest(vm);
    } catch (error) {
      if (codeOf(error) !== 'HP_VMM_CHANNEL' || tries === TRIES) throw error;
    }
  }
}

try {
  const beyond = { ...spec, devices: [device('near', 128 * MIB, 7)] };
  const refused = await hypervisor.launch(beyond).then(() => null, codeOf);
  const vm = await hypervisor.launch(spec);
  try {
    const guest = await taken(vm);
    const outcomes: string[] = [];
    for (const { id, regions } of spec.devices) {
      const bytes = regions[0]?.max_bytes ?? 0;
      const { outcome } = await vm.resizeRegion(id, bytes, { deadline_ms: DEADLINE_MS });
      outcomes.push(outcome);
    }
    await guest.fill(KEPT_BYTES);
    const { regions } = await vm.observe();
    const told = regions.map(({ id, plugged_bytes, resident_bytes, node_bytes }) => {
      return { id, plugged_bytes, resident_bytes, node_bytes };
    });
    const nodes = readHostNodes();
    process.stdout.write(`${JSON.stringify({ refused, outcomes, nodes, regions: told })}\n`);
  } finally {
    await vm.shutdown();
  }
} finally {
  await rm(run_dir, { recursive: true, force: true });
}
