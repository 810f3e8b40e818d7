/** A guest that cannot or will not give memory back. One VM for all. */
import type { TestFn } from 'ava';
import { MIB } from '../../../../base/units.ts';
import { hasCode } from '../../../errors.ts';
import type { Vm } from '../../../vm.ts';
import type { GuestHand, Target } from '../target.ts';
import { BLOCK, eventsOf, REGION, until, type Vms } from '../vms.ts';

/** Little enough that most of a full region finds no other place. */
const KEEP_BYTES = 48 * MIB;
/** Time enough to move what can be moved, and for two nudges. */
const PATIENCE_MS = 4_000;

export function describePartial(test: TestFn, target: Target, vms: Vms): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;
  let vm: Vm;
  let guest: GuestHand;

  test.serial(name('an unplug of memory in use ends partial or refused, in numbers'), async (t) => {
    vm = await vms.launch(await vms.spec({ regions: 2, id: 'full', boot_bytes: 192 * MIB }));
    guest = await target.guest(vm);
    for (const id of ['r0', 'r1']) {
      t.is((await vm.resizeRegion(id, REGION, { deadline_ms: target.resize_ms })).outcome, 'done');
    }
    await guest.fill(KEEP_BYTES);
    const result = await vm.resizeRegion('r0', 0, { deadline_ms: PATIENCE_MS });
    t.is(result.outcome, result.plugged_bytes === REGION ? 'refused' : 'partial');
    t.is(result.error_code, 'HP_VMM_STALLED');
    t.true(result.plugged_bytes > 0 && result.plugged_bytes <= REGION);
    t.is(result.plugged_bytes % BLOCK, 0);
    t.true(result.nudges >= 1, 'the guest was asked again');
    t.true((result.resident_bytes ?? Infinity) <= result.plugged_bytes);
  });

  test.serial(name('an unplug leaves its target, so the guest can only give more'), async (t) => {
    const { regions } = await vm.observe();
    t.is(regions[0]?.requested_bytes, 0);
    t.true((regions[0]?.plugged_bytes ?? 0) > 0);
  });

  test.serial(name('asking again carries on once the guest has freed memory'), async (t) => {
    const resizing = vm.resizeRegion('r0', 0, { deadline_ms: target.resize_ms });
    // The guest has tried and gone to sleep on it; only a nudge wakes it up in time.
    await until('the target is set', 5_000, async () => {
      return (await vm.observe()).regions[0]?.requested_bytes === 0;
    });
    await guest.free();
    const result = await resizing;
    t.is(result.outcome, 'done', result.reason ?? '');
    t.is(result.plugged_bytes, 0);
    t.is(result.resident_bytes, 0);
    const { regions } = await vm.observe();
    t.is(regions[1]?.plugged_bytes, REGION, 'the neighbour kept its memory');
  });

  test.serial(name('a VM is taken over with its regions as they are'), async (t) => {
    const before = await vm.observe();
    await vm.release();
    const error = await t.throwsAsync(vm.observe());
    t.true(hasCode(error, 'HP_VMM_RELEASED'), String(error));
    vm = vms.keep(await target.hypervisor().adopt(vm.handle));
    const after = await vm.observe();
    t.deepEqual(
      after.regions.map(({ id, plugged_bytes, pci_address }) => [id, plugged_bytes, pci_address]),
      before.regions.map(({ id, plugged_bytes, pci_address }) => [id, plugged_bytes, pci_address]),
    );
    guest = await target.guest(vm);
    const result = await vm.resizeRegion('r1', 0, { deadline_ms: target.resize_ms });
    t.is(result.outcome, 'done', result.reason ?? '');
  });

  test.serial(name('a guest that panics is told, and the VM is over'), async (t) => {
    const events = eventsOf(vm);
    guest.panic();
    const types = (await events).map((event) => event.type);
    t.true(types.includes('guest-panicked'), types.join(', '));
    t.is(types.at(-1), 'exited');
    t.is((await vm.observe()).state, 'panicked');
    await vm.shutdown();
  });
}
