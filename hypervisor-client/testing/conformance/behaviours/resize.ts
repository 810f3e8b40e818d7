/** Plug and unplug, from before the guest is up until every region moved. One VM for all. */
import type { ExecutionContext, TestFn } from 'ava';
import { hostClock } from '../../../../base/clock.ts';
import { waitFor } from '../../../../base/wait.ts';
import { MIB } from '../../../../base/units.ts';
import { hasCode } from '../../../errors.ts';
import type { ResizeResult } from '../../../vm.ts';
import type { Target } from '../target.ts';
import {
  BLOCK,
  emptyStage,
  eventsOf,
  inOrder,
  pluggedOf,
  REGION,
  type VmStage,
  until,
  type Vms,
} from '../vms.ts';
import { movedAtOnce } from './differences.ts';

export function describeResize(test: TestFn, target: Target, vms: Vms): void {
  const stage = emptyStage();
  describeStart(test, target, stage, vms);
  describePlug(test, target, stage);
  describeUnplug(test, target, stage);
}

function isDone(t: ExecutionContext, result: ResizeResult): void {
  t.is(result.outcome, 'done', `${result.region_id}: ${result.reason}`);
  t.is(result.plugged_bytes, result.requested_bytes);
  t.true(inOrder(result));
  t.is(result.error_code, null);
}

function describeStart(test: TestFn, target: Target, stage: VmStage, vms: Vms): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;

  test.serial(name('a VM that was launched runs, with its regions empty'), async (t) => {
    stage.vm = await vms.launch(
      await vms.spec({ regions: target.many_regions, boot_bytes: 384 * MIB }),
    );
    const { state, regions, resident_bytes } = await stage.vm.observe();
    t.is(state, 'running');
    t.is(regions.length, target.many_regions);
    t.true(resident_bytes > 0);
    for (const region of regions) {
      t.is(region.max_bytes, REGION);
      t.deepEqual([region.requested_bytes, region.plugged_bytes, region.resident_bytes], [0, 0, 0]);
      t.regex(region.pci_address, /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/);
    }
    t.is(new Set(regions.map((region) => region.pci_address)).size, target.many_regions);
  });

  test.serial(name('a plug before the guest is up is refused, and not done later'), async (t) => {
    // A VMM may say nothing for as long as such a plug lasts: that is another outcome.
    const answered = async () => {
      const plug = await stage.vm.resizeRegion('r0', REGION, { deadline_ms: 50 });
      return plug.error_code?.endsWith('_TIMEOUT') ? null : plug;
    };
    const result = await waitFor(answered, { clock: hostClock, deadline_ms: target.resize_ms });
    t.is(result?.outcome, 'refused', result?.reason ?? 'the VMM never answered');
    t.is(result?.error_code, 'HP_VMM_STALLED');
    t.is(result?.plugged_bytes, 0);
    stage.guest = await target.guest(stage.vm);
    const { regions } = await stage.vm.observe();
    t.is(regions[0]?.requested_bytes, 0);
    t.is(regions[0]?.plugged_bytes, 0);
  });
}

function describePlug(test: TestFn, target: Target, stage: VmStage): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;
  const deadline = { deadline_ms: target.resize_ms };

  test.serial(name('a plug is done when all of it is plugged'), async (t) => {
    const result = await stage.vm.resizeRegion('r0', REGION, deadline);
    isDone(t, result);
    t.is(result.before_bytes, 0);
    t.is(result.resident_at_ms, null);
    const { regions } = await stage.vm.observe();
    const plugged = regions.filter((region) => region.plugged_bytes > 0);
    t.deepEqual(
      plugged.map((region) => [region.id, region.requested_bytes]),
      [['r0', REGION]],
    );
  });

  test.serial(name('the same value is done at once'), async (t) => {
    const result = await stage.vm.resizeRegion('r0', REGION, deadline);
    isDone(t, result);
    t.is(result.before_bytes, REGION);
    t.is(result.nudges, 0);
  });

  test.serial(name('a wrong argument is told by its code and moves nothing'), async (t) => {
    const wrong: readonly (readonly [
      string,
      number,
      'HP_VMM_BAD_SIZE' | 'HP_VMM_UNKNOWN_REGION',
    ])[] = [
      ['r0', -BLOCK, 'HP_VMM_BAD_SIZE'],
      ['r0', REGION + BLOCK, 'HP_VMM_BAD_SIZE'],
      ['r0', BLOCK + 4096, 'HP_VMM_BAD_SIZE'],
      ['r0', 1.5, 'HP_VMM_BAD_SIZE'],
      ['r0', Number.NaN, 'HP_VMM_BAD_SIZE'],
      ['no-such-region', BLOCK, 'HP_VMM_UNKNOWN_REGION'],
    ];
    for (const [id, bytes, code] of wrong) {
      const error = await t.throwsAsync(stage.vm.resizeRegion(id, bytes, deadline));
      t.true(hasCode(error, code), `${id} to ${bytes}: ${String(error)}`);
    }
    t.is(await pluggedOf(stage.vm, 'r0'), REGION);
  });

  test.serial(name('a resize that is aborted withdraws what it asked for'), async (t) => {
    const signal = AbortSignal.abort();
    const result = await stage.vm.resizeRegion('r1', REGION, { ...deadline, signal });
    t.is(result.error_code, 'HP_VMM_ABORTED');
    const { regions } = await stage.vm.observe();
    const requested_bytes = regions[1]?.requested_bytes ?? Number.NaN;
    t.true(requested_bytes <= result.plugged_bytes, `${requested_bytes}`);
    await until('what had been plugged is given back', target.resize_ms, async () => {
      return (await pluggedOf(stage.vm, 'r1')) === requested_bytes;
    });
  });
}

function describeUnplug(test: TestFn, target: Target, stage: VmStage): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;
  const deadline = { deadline_ms: target.resize_ms };

  test.serial(name('an unplug is done at every block boundary, on the host too'), async (t) => {
    await stage.guest.hold(100 * MIB);
    const { regions } = await stage.vm.observe();
    t.true((regions[0]?.resident_bytes ?? 0) >= 90 * MIB, 'touched memory is resident');
    await stage.guest.free();
    for (const bytes of [REGION - BLOCK, REGION / 2, BLOCK, 0]) {
      const result = await stage.vm.resizeRegion('r0', bytes, deadline);
      isDone(t, result);
      t.true(
        (result.resident_bytes ?? Infinity) <= bytes,
        `${result.resident_bytes} resident of ${bytes}`,
      );
      t.not(result.resident_at_ms, null);
      t.is(await pluggedOf(stage.vm, 'r0'), bytes);
    }
  });

  test.serial(name('a region takes one resize at a time, others go on beside it'), async (t) => {
    const first = stage.vm.resizeRegion('r0', REGION, deadline);
    const second = await t.throwsAsync(stage.vm.resizeRegion('r0', 0, deadline));
    const other = stage.vm.resizeRegion('r1', REGION, deadline);
    t.true(hasCode(second, 'HP_VMM_BUSY'));
    isDone(t, await first);
    isDone(t, await other);
  });

  test.serial(name('many regions are plugged and unplugged at once'), async (t) => {
    for (const bytes of [REGION, 0]) {
      const { regions } = await stage.vm.observe();
      const results = await Promise.all(
        regions.map((region) => stage.vm.resizeRegion(region.id, bytes, deadline)),
      );
      for (const result of results) isDone(t, result);
      t.is(movedAtOnce(results), target.profile.resizes_at_once);
      const after = await stage.vm.observe();
      t.true(after.regions.every((region) => region.plugged_bytes === bytes));
      t.true(after.regions.every((region) => region.resident_bytes <= bytes));
    }
  });

  test.serial(name('shutdown leaves nothing, twice as well as once'), async (t) => {
    const events = eventsOf(stage.vm);
    await stage.vm.shutdown();
    await stage.vm.shutdown();
    t.is((await events).at(-1)?.type, 'exited');
    const { state, resident_bytes } = await stage.vm.observe();
    t.deepEqual([state, resident_bytes], ['stopped', 0]);
  });
}
