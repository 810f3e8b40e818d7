/** What may differ between drivers is what the profile says, neither more nor less. */
import type { TestFn } from 'ava';
import { VMM_LIMITS } from '../../../limits.ts';
import { MIB } from '../../../../base/units.ts';
import { isHotplaneError } from '../../../../base/errors.ts';
import type { ResizeResult, VmSpec } from '../../../vm.ts';
import type { DriverProfile } from '../profiles.ts';
import type { Target } from '../target.ts';
import { junkPath, REGION, traces, type Vms } from '../vms.ts';

/** What every driver leaves for the kernel. */
const BOOT_BYTES_MIN = 64 * MIB;
/** So many that the fewest devices have the most regions. */
const REGIONS_PER_DEVICE = VMM_LIMITS.regions_per_device;
const ACCELERATORS = ['kvm', 'tcg'] as const;

export function describeDifferences(test: TestFn, target: Target, vms: Vms): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;
  const { profile } = target;

  /**
   * The code that a start ends with. The kernel is missing, so nothing ever starts:
   * HP_VMM_BAD_IMAGE says that all the rest of the specification was taken.
   */
  const codeOf = async (changes: Partial<VmSpec>): Promise<string> => {
    const spec = await vms.spec();
    const kernel_path = junkPath(spec.run_dir);
    const start = vms.launch({ ...spec, kernel_path, boot_bytes: 1_024 * MIB, ...changes });
    const error = await start.then(
      () => null,
      (reason: unknown) => reason,
    );
    return isHotplaneError(error) ? error.code : String(error);
  };

  test.serial(name('probe tells what the table of differences says'), async (t) => {
    const { version, accelerator, ...seen } = await target.hypervisor().probe();
    t.log(`version ${version}, ${accelerator}`);
    t.like(seen, {
      devices_per_vm: profile.devices_per_vm,
      regions_per_vm: profile.regions_per_vm,
      plugged_per_device: profile.plugged_per_device,
    });
    t.true(profile.accelerators.includes(accelerator));
    t.true(isAtLeast(version, profile.oldest_version), version);
  });

  test.serial(name('accelerators, devices and paths are taken or refused as listed'), async (t) => {
    for (const accelerator of ACCELERATORS) {
      const listed = profile.accelerators.includes(accelerator);
      t.is((await codeOf({ accelerator })) === 'HP_VMM_BAD_IMAGE', listed, accelerator);
    }
    t.is(await codeOf({ devices: devices(profile.devices_per_vm) }), 'HP_VMM_BAD_IMAGE');
    t.is(await codeOf({ devices: devices(profile.devices_per_vm + 1) }), 'HP_VMM_BAD_SPEC');
    const most = Math.ceil(profile.regions_per_vm / REGIONS_PER_DEVICE);
    t.is(await codeOf({ devices: devices(most, null, REGIONS_PER_DEVICE) }), 'HP_VMM_BAD_IMAGE');
    t.is(await codeOf({ devices: devices(most + 1, null, REGIONS_PER_DEVICE) }), 'HP_VMM_BAD_SPEC');
    for (const character of ',"\' ') {
      const code = await codeOf({ kernel_path: `/nowhere/a${character}b` });
      const refused = profile.refused_in_paths.includes(character);
      t.is(code, refused ? 'HP_VMM_BAD_SPEC' : 'HP_VMM_BAD_IMAGE', `a path with ${character}`);
    }
  });

  test.serial(name('a device takes as much boot memory as listed, and no more'), async (t) => {
    for (const [guest_node, taken_bytes] of [
      [null, profile.device_boot_bytes],
      [1, profile.node_boot_bytes],
    ] as const) {
      const boot_bytes = BOOT_BYTES_MIN + taken_bytes;
      const one = { devices: devices(1, guest_node) };
      t.is(await codeOf({ ...one, boot_bytes }), 'HP_VMM_BAD_IMAGE', `node ${guest_node}`);
      const less = { ...one, boot_bytes: boot_bytes - 2 * MIB };
      t.is(await codeOf(less), 'HP_VMM_BAD_SPEC', `node ${guest_node}`);
    }
  });

  test.serial(name('the sockets of a VM are those listed'), async (t) => {
    const vm = await vms.launch(await vms.spec({ id: 'sockets' }));
    const seen = await traces(vm.handle.spec.run_dir);
    t.deepEqual(seen.toSorted(), [...profile.sockets, 'vm.json'].toSorted());
    await vm.shutdown();
  });
}

/** Regions were asked for all at once: did they move side by side? By their own time stamps. */
export function movedAtOnce(results: readonly ResizeResult[]): DriverProfile['resizes_at_once'] {
  const first_ms = Math.min(...results.map(({ plugged_at_ms }) => plugged_at_ms ?? Infinity));
  const started = results.filter(({ accepted_at_ms }) => (accepted_at_ms ?? Infinity) <= first_ms);
  return started.length > 1 ? 'all' : 'one';
}

function devices(
  count: number,
  guest_node: number | null = null,
  regions_per_device = 1,
): VmSpec['devices'] {
  return Array.from({ length: count }, (_, index) => ({
    id: `d${index}`,
    guest_node,
    regions: Array.from({ length: regions_per_device }, (__, place) => ({
      id: `r${index}-${place}`,
      max_bytes: REGION,
      initial_bytes: 0,
    })),
  }));
}

function isAtLeast(text: string, oldest: readonly [number, number]): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? [];
  const [oldest_major, oldest_minor] = oldest;
  return Number(major) === oldest_major
    ? Number(minor) >= oldest_minor
    : Number(major) > oldest_major;
}
