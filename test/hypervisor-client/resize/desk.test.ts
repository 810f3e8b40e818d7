/**
 * Who resizes which region when, with a clock that stands and resizes that end as the test wants.
 */
import test from 'ava';
import { MEMORY_BLOCK_BYTES as REGION } from '../../../base/units.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { ResizeDesk, type RegionOrder } from '../../../hypervisor-client/resize/desk.ts';
import { unasked } from '../../../hypervisor-client/resize/unasked.ts';
import type { DeviceSpec, ResizeResult } from '../../../hypervisor-client/vm.ts';
import { FakeClock } from '../../fakes/clock.ts';

const device = (id: string, regions: readonly string[]): DeviceSpec => ({
  id,
  guest_node: null,
  regions: regions.map((region) => ({ id: region, max_bytes: REGION, initial_bytes: 0 })),
});

/** A desk at which the regions of `shared` move in turn; `begun`: resizes that were let in. */
function rig() {
  const clock = new FakeClock();
  const begun: { readonly order: RegionOrder; readonly end: () => void }[] = [];
  const desk = new ResizeDesk({
    spec: {
      id: 'vm',
      run_dir: '/run',
      kernel_path: '/kernel',
      initrd_path: '/initrd',
      kernel_arguments: [],
      vcpus: 1,
      boot_bytes: REGION,
      devices: [device('shared', ['a', 'b']), device('c', ['c'])],
      backing: 'anonymous',
      accelerator: 'auto',
    },
    clock,
    stop: new AbortController().signal,
    turnOf: (placed) => (placed.device.id === 'shared' ? 'device shared' : null),
    pluggedAtMost: () => REGION,
    resize: async (order) => {
      const ended = Promise.withResolvers<ResizeResult>();
      const { target_bytes } = order;
      const requested_at_ms = clock.nowMs();
      const request = { region_id: order.placed.region.id, target_bytes, before_bytes: 0 };
      const by = { now_ms: clock.nowMs(), where: 'nowhere' };
      const end = () => ended.resolve(unasked({ ...request, requested_at_ms }, by));
      begun.push({ order, end });
      return await ended.promise;
    },
  });
  const ask = async (id: string) => await desk.ask(id, REGION, { deadline_ms: 100 });
  const names = () => begun.map(({ order }) => order.placed.region.id);
  return { clock, begun, ask, names };
}

test('what shares a turn moves one after another, what does not moves beside it', async (t) => {
  const { clock, begun, ask, names } = rig();
  const [first, second, beside] = [ask('a'), ask('b'), ask('c')];
  await clock.advance(40);
  t.deepEqual(names(), ['c', 'a']);
  begun[1]?.end();
  await first;
  await clock.advance(0);
  t.deepEqual(names(), ['c', 'a', 'b']);
  t.is(begun[0]?.order.deadline_ms, 100, 'c did not wait');
  t.is(begun[2]?.order.deadline_ms, 60, 'the wait of b counts to its deadline');
  for (const { end } of begun) end();
  await Promise.all([second, beside]);
});

test('a resize whose turn does not come is refused with the most it may have, and never begins', async (t) => {
  const { clock, begun, ask, names } = rig();
  const first = ask('a');
  const late = await clock.until(ask('b'));
  t.like(late, { outcome: 'refused', error_code: 'HP_VMM_BUSY', plugged_bytes: REGION });
  t.is(late.waited_ms, 100);
  t.regex(late.reason ?? '', /device shared .* 100 ms/);
  begun[0]?.end();
  await first;
  await clock.advance(1_000);
  t.deepEqual(names(), ['a']);
});

test('a region is resized by one at a time, and the target is of the latest', async (t) => {
  const { clock, begun, ask } = rig();
  const first = ask('c');
  const busy = await t.throwsAsync(ask('c'));
  t.true(hasCode(busy, 'HP_VMM_BUSY'), String(busy));
  begun[0]?.end();
  await first;
  t.true(begun[0]?.order.owner.isOurs());
  const second = ask('c');
  await clock.advance(0);
  t.false(begun[0]?.order.owner.isOurs());
  t.true(begun[1]?.order.owner.isOurs());
  begun[1]?.end();
  await second;
});

test('a resize whose turn does not come leaves the target to the one before it', async (t) => {
  const { clock, begun, ask } = rig();
  const first = ask('a');
  await clock.advance(0);
  begun[0]?.end();
  await first;
  const beside = ask('b');
  t.is((await clock.until(ask('a'))).error_code, 'HP_VMM_BUSY');
  t.true(begun[0]?.order.owner.isOurs());
  begun[1]?.end();
  await beside;
});
