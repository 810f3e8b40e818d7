/** The fake as a target of the conformance suite: a driver that launches it, and a hand in it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';
import { CloudHypervisor } from '../../../hypervisor-client/cloud-hypervisor/client.ts';
import type { CloudHypervisorDriverOptions } from '../../../hypervisor-client/cloud-hypervisor/driver/driver.ts';
import { CloudHypervisorDriver } from '../../../hypervisor-client/cloud-hypervisor/driver/driver.ts';
import { chFiles, zoneOf } from '../../../hypervisor-client/cloud-hypervisor/driver/layout.ts';
import {
  FAKE_PROGRAM,
  type FakeSettingsPatch,
} from '../../../hypervisor-client/testing/fake-cloud-hypervisor/index.ts';
import { CH_SERVER } from '../../../hypervisor-client/cloud-hypervisor/rest-server.ts';
import { Transport } from '../../../hypervisor-client/rest/transport.ts';
import { deviceBytes } from '../../../hypervisor-client/spec.ts';
import type { Vm } from '../../../hypervisor-client/vm.ts';
import type {
  DiskLook,
  GuestHand,
  NicLook,
  TargetImage,
  PartitionTarget,
} from '../../../hypervisor-client/testing/conformance/target.ts';

export interface FakeHost {
  readonly root: string;
  driver(
    settings?: FakeSettingsPatch,
    options?: CloudHypervisorDriverOptions,
  ): CloudHypervisorDriver;
  image(): Promise<TargetImage>;
  cleanUp(): Promise<void>;
}

/** A folder with an image the fake boots, and drivers that start it. */
export async function fakeHost(): Promise<FakeHost> {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-fake-'));
  const image = {
    kernel_path: join(root, 'kernel'),
    initrd_path: join(root, 'initrd'),
    kernel_arguments: [],
  };
  await writeFile(image.kernel_path, 'fake-kernel\n');
  await writeFile(image.initrd_path, 'fake-initrd\n');
  return {
    root,
    driver: (settings = {}, options = {}) =>
      new CloudHypervisorDriver({
        command: [
          process.execPath,
          FAKE_PROGRAM,
          '--fake',
          JSON.stringify({ proc_root: root, hello: '', ...settings }),
        ],
        proc_root: root,
        probeAccelerator: async () => ({ accelerator: 'kvm', reason: 'the fake needs none' }),
        ...options,
      }),
    image: async () => image,
    cleanUp: async () => await rm(root, { recursive: true, force: true }),
  };
}

/** Changes settings of a running fake, or makes its guest do something. */
export async function tellFake(
  vm: Vm,
  body: FakeSettingsPatch & { readonly guest_does?: 'panic' | 'reboot' | 'poweroff' },
): Promise<void> {
  const { api_path } = chFiles(vm.handle.spec.run_dir);
  const transport = new Transport(CH_SERVER, { socket_path: api_path });
  try {
    await transport.call({ method: 'PUT', route: 'fake.set', body });
  } finally {
    await transport.close();
  }
}

/** The hand in a modelled guest; memory in use is what an unplug does not get. */
export async function takeFakeGuest(vm: Vm): Promise<GuestHand> {
  await vm.guestChannel();
  const { devices } = vm.handle.spec;
  const up = async (): Promise<true | null> => {
    const { state } = await vm.observe();
    return state === 'running' ? true : null;
  };
  await waitFor(up, { clock: hostClock, deadline_ms: 5_000 });
  const use = async (share: number): Promise<void> => {
    const in_use = devices.map((one) => [zoneOf(one.id), deviceBytes(one) * share]);
    await tellFake(vm, { guest: { in_use: Object.fromEntries(in_use) } });
  };
  return {
    hold: async () => {},
    fill: async () => await use(0.5),
    free: async () => await use(0),
    disk: async (serial) => await fakeDisk(vm, serial),
    nic: async () => await fakeNic(vm),
    panic: () => void tellFake(vm, { guest_does: 'panic' }),
    reboot: () => void tellFake(vm, { guest_does: 'reboot' }),
  };
}

/** What a guest would be told by its device, by the configuration of the server. */
async function fakeNic(vm: Vm): Promise<NicLook | null> {
  const { api_path } = chFiles(vm.handle.spec.run_dir);
  await using ch = new CloudHypervisor({ socket_path: api_path });
  const { config } = await ch.observe.info();
  const [nic] = config.net ?? [];
  return nic ? { mac: nic.mac ?? '', mtu_bytes: nic.mtu ?? 0 } : null;
}

/** What a guest would read: by the configuration that the server was given. */
async function fakeDisk(vm: Vm, serial: string): Promise<DiskLook> {
  const { api_path } = chFiles(vm.handle.spec.run_dir);
  await using ch = new CloudHypervisor({ socket_path: api_path });
  const { config } = await ch.observe.info();
  const disk = config.disks?.find((one) => one.serial === serial);
  const text = await readFile(disk?.path ?? '', 'utf8');
  return { read_only: disk?.readonly === true, first_line: text.split('\n')[0] ?? '' };
}

/** Modelled guests with partitions; who lives in which is told from outside. */
export function fakePartitions(host: FakeHost): PartitionTarget {
  return {
    image: async (count) => ({
      ...(await host.image()),
      kernel_arguments: [`hotmem=all/${count}`],
    }),
    guest: async (vm) => {
      await vm.guestChannel();
      const used = new Map<string, readonly number[]>();
      const change = async (zone: string, partitions: readonly number[]): Promise<void> => {
        used.set(zone, partitions);
        await tellFake(vm, { guest: { used: Object.fromEntries(used) } });
      };
      const inUse = (zone: string): readonly number[] => used.get(zone) ?? [];
      return {
        occupy: async ({ device_id, partition }) => {
          const zone = zoneOf(device_id);
          await change(zone, [...inUse(zone), partition]);
        },
        leave: async ({ device_id, partition }) => {
          const zone = zoneOf(device_id);
          await change(
            zone,
            inUse(zone).filter((one) => one !== partition),
          );
        },
      };
    },
  };
}
