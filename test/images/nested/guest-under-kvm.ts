/**
 * Runs inside the nested machine: boots our own guest under KVM there, moves a region, and prints
 * one JSON line of what it saw. Arguments: kernel, initramfs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { MIB } from '../../../base/units.ts';
import { helloSchema } from '../../../guest/protocol/protocol.ts';
import { openHypervisor } from '../../../hypervisor-client/index.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import { guestKernelArguments } from '../../../images/kernel/arguments.ts';

const DEADLINE_MS = 120_000;
const [kernel_path = '', initrd_path = ''] = process.argv.slice(2);

const run_dir = await mkdtemp('/tmp/hotplane-nested-guest-');
const began_ms = hostClock.nowMs();
const hypervisor = await openHypervisor('qemu');
const vm = await hypervisor.launch({
  id: 'nested-guest',
  run_dir: join(run_dir, 'vm'),
  kernel_path,
  initrd_path,
  kernel_arguments: guestKernelArguments({
    partitions: 'none',
    init_on_alloc: false,
    guest_huge_pages: false,
  }),
  vcpus: 1,
  boot_bytes: 256 * MIB,
  devices: [deviceOf({ id: 'r0', max_bytes: 128 * MIB, initial_bytes: 0 })],
  backing: 'anonymous',
  accelerator: 'auto',
});
try {
  const channel = await vm.guestChannel();
  const hello = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the guest never said hello')), DEADLINE_MS);
    let text = '';
    channel.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const line = text.split('\n').find((candidate) => candidate.includes('"hello"'));
      if (line === undefined || !text.endsWith('\n')) return;
      clearTimeout(timer);
      resolve(line);
    });
  });
  const hello_ms = hostClock.nowMs() - began_ms;
  const plug = await vm.resizeRegion('r0', 128 * MIB, { deadline_ms: DEADLINE_MS });
  const unplug = await vm.resizeRegion('r0', 0, { deadline_ms: DEADLINE_MS });
  process.stdout.write(
    `${JSON.stringify({
      accelerator: vm.accelerator,
      kernel: helloSchema.parse(JSON.parse(hello)).kernel,
      hello_ms: Math.round(hello_ms),
      plug: plug.outcome,
      unplug: unplug.outcome,
    })}\n`,
  );
} finally {
  await vm.shutdown();
  await rm(run_dir, { recursive: true, force: true });
}
