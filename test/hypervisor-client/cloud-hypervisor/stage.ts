/** A fake in the test's own process, with a booted VM of two regions, and a client for it. */
import type { ExecutionContext } from 'ava';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FakeCloudHypervisor,
  type FakeSettingsPatch,
} from '../../../hypervisor-client/testing/fake-cloud-hypervisor/index.ts';
import {
  CloudHypervisor,
  type VmConfig,
} from '../../../hypervisor-client/cloud-hypervisor/index.ts';

const MIB = 1024 * 1024;

export interface FakeStage {
  readonly root: string;
  readonly socket_path: string;
  readonly events_path: string;
  readonly fake: FakeCloudHypervisor;
  readonly ch: CloudHypervisor;
}

export function configIn(root: string): VmConfig {
  return {
    payload: { kernel: join(root, 'kernel'), cmdline: 'console=ttyS0' },
    memory: {
      size: 0,
      hotplug_method: 'VirtioMem',
      zones: [
        { id: 'base', size: 256 * MIB },
        { id: 'region-r0', size: 2 * MIB, hotplug_size: 256 * MIB },
        { id: 'region-r1', size: 2 * MIB, hotplug_size: 256 * MIB },
      ],
    },
    serial: { mode: 'Null' },
    console: { mode: 'Off' },
  };
}

/** Ended with the test. `deadline_ms` is that of calls which name none. */
export async function fakeStage(
  t: ExecutionContext,
  settings: FakeSettingsPatch = {},
  deadline_ms = 2_000,
): Promise<FakeStage> {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-ch-'));
  const socket_path = join(root, 'ch.sock');
  const events_path = join(root, 'events.json');
  await writeFile(join(root, 'kernel'), 'fake-kernel\n');
  const event_monitor = `path=${events_path}`;
  const fake = new FakeCloudHypervisor({ socket_path, event_monitor, settings });
  await fake.listen();
  const ch = new CloudHypervisor({ socket_path, deadline_ms });
  t.teardown(async () => {
    await ch.close();
    await fake.close().catch(() => undefined);
    await rm(root, { recursive: true, force: true });
  });
  return { root, socket_path, events_path, fake, ch };
}

/** A stage whose VM runs. Faults come after the boot. */
export async function bootedStage(
  t: ExecutionContext,
  settings: FakeSettingsPatch = {},
  deadline_ms = 2_000,
): Promise<FakeStage> {
  const { faults, ...rest } = settings;
  const stage = await fakeStage(t, { ...rest, guest: { boot_ms: 1, ...rest.guest } }, deadline_ms);
  await stage.ch.lifecycle.create(configIn(stage.root));
  await stage.ch.lifecycle.boot();
  if (faults) stage.fake.set({ faults });
  return stage;
}
