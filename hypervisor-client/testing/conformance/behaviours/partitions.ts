/**
 * A device cut into several regions, in a guest that makes partitions of it: more regions than the
 * VMM has devices. The VMM tells one size of the device; the guest chooses which region moves. One
 * VM for all.
 */
import type { ExecutionContext, TestFn } from 'ava';
import { MIB } from '../../../../base/units.ts';
import { hasCode } from '../../../errors.ts';
import { deviceOf } from '../../../spec.ts';
import type { Region, ResizeResult, Vm, VmSpec } from '../../../vm.ts';
import type { PartitionHand, PartitionedTarget } from '../target.ts';
import { BLOCK, REGION, until, type Vms } from '../vms.ts';

const COUNT = 4;
/** Time for a guest to see that it cannot. */
const PATIENCE_MS = 1_500;

interface Stage {
  vm: Vm | null;
  guest: PartitionHand | null;
}

export function describePartitions(test: TestFn, target: PartitionedTarget, vms: Vms): void {
  const stage: Stage = { vm: null, guest: null };
  describeOrder(test, target, vms, stage);
  describeChoice(test, target, stage);
  describeAdoption(test, target, vms, stage);
}

function here({ vm, guest }: Stage): { vm: Vm; guest: PartitionHand } {
  if (vm && guest) return { vm, guest };
  throw new Error('an earlier behaviour of this series did not get this far');
}

async function specOf(target: PartitionedTarget, vms: Vms): Promise<VmSpec> {
  const spec = await vms.spec({ id: 'partitions', boot_bytes: 512 * MIB });
  const regions = Array.from({ length: COUNT }, (_, index) => ({
    id: `part${index}`,
    max_bytes: REGION,
    initial_bytes: 0,
  }));
  return {
    ...spec,
    ...(await target.partitions.image(COUNT)),
    devices: [{ id: 'shared', guest_node: null, regions }],
  };
}

async function regionAt(vm: Vm, index: number): Promise<Region> {
  const region = (await vm.observe()).regions[index];
  if (region) return region;
  throw new Error(`the VM has no region ${index}`);
}

/** What is plugged of each region, in regions; the device has as much as all of them. */
async function pluggedOf(t: ExecutionContext, vm: Vm): Promise<number[]> {
  const { devices, regions } = await vm.observe();
  const plugged = regions.map(({ plugged_bytes }) => plugged_bytes / REGION);
  const sum_bytes = plugged.reduce((sum, count) => sum + count * REGION, 0);
  t.deepEqual(devices, [{ id: 'shared', requested_bytes: sum_bytes, plugged_bytes: sum_bytes }]);
  return plugged;
}

function isDone(t: ExecutionContext, result: ResizeResult): void {
  t.is(result.outcome, 'done', `${result.region_id}: ${result.reason}`);
  t.is(result.plugged_bytes, result.requested_bytes);
}

function describeOrder(test: TestFn, target: PartitionedTarget, vms: Vms, stage: Stage): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;
  const deadline = { deadline_ms: target.resize_ms };

  test.serial(name('a device cut into regions tells each of them, in its place'), async (t) => {
    stage.vm = await vms.launch(await specOf(target, vms));
    const { regions } = await stage.vm.observe();
    t.deepEqual(
      regions.map((one) => [one.id, one.device_id, one.partition, one.plugged_bytes]),
      [0, 1, 2, 3].map((index) => [`part${index}`, 'shared', index, 0]),
    );
    t.is(new Set(regions.map(({ pci_address }) => pci_address)).size, 1);
    stage.guest = await target.partitions.guest(stage.vm);
  });

  test.serial(
    name('a region that is not next in its device is refused, and so is a part'),
    async (t) => {
      const { vm } = here(stage);
      const result = await vm.resizeRegion('part1', REGION, deadline);
      t.is(result.outcome, 'refused');
      t.regex(result.reason ?? '', /part0 .* first/);
      const error = await t.throwsAsync(vm.resizeRegion('part0', BLOCK, deadline));
      t.true(hasCode(error, 'HP_VMM_BAD_SIZE'), String(error));
      t.deepEqual(await pluggedOf(t, vm), [0, 0, 0, 0]);
    },
  );

  test.serial(name('regions of one device that are asked for at once come in turn'), async (t) => {
    const { vm, guest } = here(stage);
    const ids = ['part0', 'part1', 'part2', 'part3'];
    const plugs = ids.map((id) => vm.resizeRegion(id, REGION, deadline));
    for (const result of await Promise.all(plugs)) isDone(t, result);
    t.deepEqual(await pluggedOf(t, vm), [1, 1, 1, 1]);
    for (const index of [0, 1, 3]) await guest.occupy(await regionAt(vm, index));
    const { regions } = await vm.observe();
    const resident = regions.map(({ resident_bytes }) => resident_bytes >= 16 * MIB);
    t.deepEqual(resident, [true, true, false, true], 'the host tells the regions apart');
  });
}

function describeChoice(test: TestFn, target: PartitionedTarget, stage: Stage): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;
  const deadline = { deadline_ms: target.resize_ms };

  test.serial(name('the region that nobody uses is given back, its neighbours stay'), async (t) => {
    const { vm, guest } = here(stage);
    isDone(t, await vm.resizeRegion('part2', 0, deadline));
    t.deepEqual(await pluggedOf(t, vm), [1, 1, 0, 1]);
    await guest.leave(await regionAt(vm, 1));
    const result = await vm.resizeRegion('part1', 0, deadline);
    isDone(t, result);
    t.true((result.resident_before_bytes ?? 0) > 0, 'pages of the process that ended');
    t.is(result.resident_bytes, 0);
    t.deepEqual(await pluggedOf(t, vm), [1, 0, 0, 1]);
  });

  test.serial(name('an unplug of a region in use is refused and taken back'), async (t) => {
    const { vm, guest } = here(stage);
    const result = await vm.resizeRegion('part3', 0, { deadline_ms: PATIENCE_MS });
    t.is(result.outcome, 'refused');
    t.is(result.error_code, 'HP_VMM_STALLED');
    t.is(result.plugged_bytes, REGION);
    t.deepEqual(await pluggedOf(t, vm), [1, 0, 0, 1]);
    // Nothing is draining any more: another one starts on the same device.
    isDone(t, await vm.resizeRegion('part1', REGION, deadline));
    await guest.occupy(await regionAt(vm, 1));
    t.deepEqual(await pluggedOf(t, vm), [1, 1, 0, 1]);
  });

  test.serial(
    name('a guest that gives back another region than meant is seen through'),
    async (t) => {
      const { vm, guest } = here(stage);
      const stuck = vm.resizeRegion('part3', 0, { deadline_ms: target.resize_ms });
      await until('the target is lower', target.resize_ms, async () => {
        const [device] = (await vm.observe()).devices;
        return (device?.requested_bytes ?? 0) < 3 * REGION;
      });
      const [first, last] = [await regionAt(vm, 0), await regionAt(vm, 3)];
      await guest.leave(first);
      await until('the guest gave the first one back', target.resize_ms, async () => {
        return (await vm.observe()).regions[0]?.plugged_bytes === 0;
      });
      t.is((await vm.observe()).regions[3]?.plugged_bytes, REGION, 'the one in use is still there');
      await guest.leave(last);
      isDone(t, await stuck);
      isDone(t, await vm.resizeRegion('part0', 0, deadline));
      t.deepEqual(await pluggedOf(t, vm), [0, 1, 0, 0]);
    },
  );
}

function describeAdoption(test: TestFn, target: PartitionedTarget, vms: Vms, stage: Stage): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;
  const deadline = { deadline_ms: target.resize_ms };

  test.serial(
    name('regions of one device are known again when the VM is taken over'),
    async (t) => {
      const { vm } = here(stage);
      const before = await vm.observe();
      await vm.release();
      const taken = vms.keep(await target.hypervisor().adopt(vm.handle));
      stage.vm = taken;
      stage.guest = null;
      const after = await taken.observe();
      t.deepEqual(after.devices, before.devices);
      t.deepEqual(after.regions, before.regions);
      isDone(t, await taken.resizeRegion('part0', REGION, deadline));
      t.deepEqual(await pluggedOf(t, taken), [1, 1, 0, 0]);
      isDone(t, await taken.resizeRegion('part0', 0, deadline));
      await taken.shutdown();
    },
  );

  test.serial(name('devices with one region and with several live in one VM'), async (t) => {
    const spec = await specOf(target, vms);
    const own = deviceOf({ id: 'own', max_bytes: REGION, initial_bytes: 0 });
    await t.notThrowsAsync(async () => {
      const vm = await vms.launch({ ...spec, id: 'mixed', devices: [own, ...spec.devices] });
      const { regions } = await vm.observe();
      t.deepEqual(
        regions.map(({ id }) => id),
        ['own', 'part0', 'part1', 'part2', 'part3'],
      );
      await vm.shutdown();
    });
  });
}
