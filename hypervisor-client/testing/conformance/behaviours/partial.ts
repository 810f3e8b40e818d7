/** A guest that cannot or will not give memory back. One VM for all. */
import type { TestFn } from 'ava';
import { MIB } from '../../../../base/units.ts';
import { hasCode } from '../../../errors.ts';
import type { Target } from '../target.ts';
import { BLOCK, emptyStage, eventsOf, REGION, type VmStage, until, type Vms } from '../vms.ts';

/** Little enough that most of a full region finds no other place. */
const KEEP_BYTES = 48 * MIB;
/** Time enough to move what can be moved, and for two nudges. */
const PATIENCE_MS = 4_000;

export function describePartial(test: TestFn, target: Target, vms: Vms): void {
  const stage = emptyStage();
  describeStuck(test, target, stage, vms);
  describeOthers(test, target, stage);
  describeAfter(test, target, stage, vms);
}

function describeStuck(test: TestFn, target: Target, stage: VmStage, vms: Vms): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;

  test.serial(name('an unplug of memory in use ends partial or refused, in numbers'), async (t) => {
    stage.vm = await vms.launch(await vms.spec({ regions: 2, id: 'full', boot_bytes: 192 * MIB }));
    stage.guest = await target.guest(stage.vm);
    for (const id of ['r0', 'r1']) {
      t.is(
        (await stage.vm.resizeRegion(id, REGION, { deadline_ms: target.resize_ms })).outcome,
        'done',
      );
    }
    await stage.guest.fill(KEEP_BYTES);
    const result = await stage.vm.resizeRegion('r0', 0, { deadline_ms: PATIENCE_MS });
    t.is(result.outcome, result.plugged_bytes === REGION ? 'refused' : 'partial');
    t.is(result.error_code, 'HP_VMM_STALLED');
    t.true(result.plugged_bytes > 0 && result.plugged_bytes <= REGION);
    t.is(result.plugged_bytes % BLOCK, 0);
    t.true(result.nudges >= 1, 'the guest was asked again');
    t.true((result.resident_bytes ?? Infinity) <= result.plugged_bytes);
  });

  test.serial(name('an unplug leaves its target, so the guest can only give more'), async (t) => {
    const { regions } = await stage.vm.observe();
    t.is(regions[0]?.requested_bytes, 0);
    t.true((regions[0]?.plugged_bytes ?? 0) > 0);
  });

  test.serial(name('asking again carries on once the guest has freed memory'), async (t) => {
    const resizing = stage.vm.resizeRegion('r0', 0, { deadline_ms: target.resize_ms });
    // The guest has tried and gone to sleep on it; only a nudge wakes it up in time.
    await until('the target is set', 5_000, async () => {
      return (await stage.vm.observe()).regions[0]?.requested_bytes === 0;
    });
    await stage.guest.free();
    const result = await resizing;
    t.is(result.outcome, 'done', result.reason ?? '');
    t.is(result.plugged_bytes, 0);
    t.is(result.resident_bytes, 0);
    const { regions } = await stage.vm.observe();
    t.is(regions[1]?.plugged_bytes, REGION, 'the neighbour kept its memory');
  });
}

function describeOthers(test: TestFn, target: Target, stage: VmStage): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;

  test.serial(
    name('a plug does not wait for the end of an unplug that gets nowhere'),
    async (t) => {
      await stage.guest.fill(KEEP_BYTES);
      const deadline_ms = 2 * PATIENCE_MS;
      const stuck = stage.vm.resizeRegion('r1', 0, { deadline_ms });
      await until('the target is set', 5_000, async () => {
        return (await stage.vm.observe()).regions[1]?.requested_bytes === 0;
      });
      const plug = await stage.vm.resizeRegion('r0', 2 * BLOCK, { deadline_ms: target.resize_ms });
      t.is(plug.outcome, 'done', plug.reason ?? '');
      const unplug = await stuck;
      // What was plugged may be the room that the unplug lacked.
      t.true(['done', 'partial', 'refused'].includes(unplug.outcome), unplug.outcome);
      const over_ms = unplug.plugged_at_ms ?? unplug.requested_at_ms + deadline_ms;
      t.true((plug.plugged_at_ms ?? Infinity) < over_ms, `${plug.plugged_at_ms} ${over_ms}`);
      // Where both move at once nobody waits; else the plug's time is told apart.
      const took_ms = (plug.plugged_at_ms ?? Infinity) - plug.requested_at_ms;
      const waited = target.profile.resizes_at_once === 'all' ? 0 : took_ms;
      t.true(
        unplug.waited_ms >= waited && unplug.waited_ms < deadline_ms,
        `${unplug.waited_ms} ms`,
      );
      await stage.guest.free();
      const back = await stage.vm.resizeRegion('r0', 0, { deadline_ms: target.resize_ms });
      t.is(back.outcome, 'done', back.reason ?? '');
    },
  );
}

function describeAfter(test: TestFn, target: Target, stage: VmStage, vms: Vms): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;

  test.serial(name('a VM is taken over with its regions as they are'), async (t) => {
    const before = await stage.vm.observe();
    await stage.vm.release();
    const error = await t.throwsAsync(stage.vm.observe());
    t.true(hasCode(error, 'HP_VMM_RELEASED'), String(error));
    stage.vm = vms.keep(await target.hypervisor().adopt(stage.vm.handle));
    const after = await stage.vm.observe();
    t.deepEqual(
      after.regions.map(({ id, plugged_bytes, pci_address }) => [id, plugged_bytes, pci_address]),
      before.regions.map(({ id, plugged_bytes, pci_address }) => [id, plugged_bytes, pci_address]),
    );
    stage.guest = await target.guest(stage.vm);
    const result = await stage.vm.resizeRegion('r1', 0, { deadline_ms: target.resize_ms });
    t.is(result.outcome, 'done', result.reason ?? '');
  });

  test.serial(name('a guest that panics is told, and the VM is over'), async (t) => {
    const events = eventsOf(stage.vm);
    stage.guest.panic();
    const types = (await events).map((event) => event.type);
    t.true(types.includes('guest-panicked'), types.join(', '));
    t.is(types.at(-1), 'exited');
    t.is((await stage.vm.observe()).state, 'panicked');
    await stage.vm.shutdown();
  });
}
