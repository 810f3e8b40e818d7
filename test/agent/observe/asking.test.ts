/** Many VMs are asked a few at a time, and none waits for one that is silent. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { Asking } from '../../../agent/observe/asking.ts';
import type { StatusSource } from '../../../agent/observe/status.ts';
import type { VmObservation } from '../../../hypervisor-client/vm.ts';
import { Pieces } from '../../../base/pieces.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { hostOf } from './many-vms.ts';

const PIECES = new Pieces(1_000);
const FEW = AGENT_LIMITS.status_asks;
const { status_patience_ms, status_unread, status_vm_ms } = AGENT_LIMITS;
const SEEN: VmObservation = {
  state: 'running',
  devices: [],
  regions: [],
  resident_bytes: 7,
  observed_at_ms: 1,
};

/** `many` VMs of which those answer `at once`; how many were asked so far. */
function vmsOf(many: number, answers: (index: number) => boolean) {
  const asked = { count: 0 };
  const vms = [...hostOf(many, 1).vms.values()].map((vm, index) => {
    const source: StatusSource = {
      present: { vmm: true, guest: false },
      vmm_answered_at_ms: null,
      guest_answered_at_ms: null,
      residentBytes: () => null,
      stats: async () => null,
      observe: () => {
        asked.count += 1;
        return answers(index) ? Promise.resolve(SEEN) : new Promise(() => undefined);
      },
    };
    return { vm, source };
  });
  return { vms, asked };
}

test('silent VMs are asked a few at a time, and the next ones a moment later', async (t) => {
  const clock = new FakeClock();
  const { vms, asked } = vmsOf(3 * FEW, () => false);
  const told = new Asking(vms, clock, PIECES).take(3 * FEW);
  for (const count of [FEW, 2 * FEW, 3 * FEW]) {
    await clock.advance(0);
    t.is(asked.count, count);
    await clock.advance(status_patience_ms - 1);
    t.is(asked.count, count);
    await clock.advance(1);
  }
  await clock.advance(status_vm_ms);
  for (const one of await told) t.deepEqual(one.unanswered, ['vmm']);
});

test('VMs that answer wait for none that is silent, and keep their order', async (t) => {
  const clock = new FakeClock();
  const { vms, asked } = vmsOf(4 * FEW, (index) => index !== 1);
  const told = new Asking(vms, clock, PIECES).take(4 * FEW);
  await clock.advance(0);
  t.is(asked.count, 4 * FEW);
  await clock.advance(status_vm_ms);
  t.deepEqual(
    (await told).map(({ vm, seen }) => [vm.id, seen]),
    vms.map(({ vm }, index) => [vm.id, index === 1 ? null : SEEN]),
  );
});

test('while nobody takes answers few are asked for, and more with each that is taken', async (t) => {
  const clock = new FakeClock();
  const many = 4 * status_unread;
  const { vms, asked } = vmsOf(many, () => true);
  const asking = new Asking(vms, clock, PIECES);
  const ids: string[] = [];
  for (let taken = 0; taken < many; taken += 1) {
    await clock.advance(10 * status_patience_ms);
    const most = Math.min(many, taken + status_unread + FEW);
    t.true(asked.count <= most && asked.count >= Math.min(many, taken + 1), `${asked.count}`);
    for (const { vm } of await asking.take(1)) ids.push(vm.id);
  }
  t.deepEqual(
    ids,
    vms.map(({ vm }) => vm.id),
  );
});

test('who waits for one that is silent lets the others be asked, however many have answered', async (t) => {
  const clock = new FakeClock();
  const many = 4 * status_unread;
  const { vms, asked } = vmsOf(many, (index) => index > 0);
  const asking = new Asking(vms, clock, PIECES);
  const first = asking.take(1);
  await clock.advance(0);
  t.is(asked.count, many);
  await clock.advance(status_vm_ms);
  t.deepEqual((await first)[0]?.unanswered, ['vmm']);
  t.is((await asking.take(many - 1)).length, many - 1);
});

test('once nobody wants it, no more are asked', async (t) => {
  const clock = new FakeClock();
  const { vms, asked } = vmsOf(5 * FEW, () => false);
  const asking = new Asking(vms, clock, PIECES);
  await clock.advance(0);
  asking.stop();
  await clock.advance(10 * status_patience_ms);
  t.is(asked.count, FEW);
});

test('one who has stopped asks no more either when it held as much as it may', async (t) => {
  const clock = new FakeClock();
  const { vms, asked } = vmsOf(4 * status_unread, () => true);
  const asking = new Asking(vms, clock, PIECES);
  await clock.advance(10 * status_patience_ms);
  const at_rest = asked.count;
  asking.stop();
  await clock.advance(10 * status_patience_ms);
  t.is(asked.count, at_rest);
});
