/** What is held of a VM that nobody watches: nothing that was seen of its regions. */
import test from 'ava';
import { MemoryObserver } from '../../../agent/observe/observations.ts';
import type { MemoryStep } from '../../../agent/model/records.ts';
import type { ResizeResult, VmObservation } from '../../../hypervisor-client/vm.ts';
import { MIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { specOf } from '../core/world.ts';

const SEEN: VmObservation = {
  state: 'running',
  devices: [],
  regions: [
    {
      id: 'r0',
      device_id: 'd0',
      partition: 0,
      max_bytes: MIB,
      pci_address: '0000:00:10.0',
      requested_bytes: 0,
      plugged_bytes: 0,
      resident_bytes: 0,
    },
  ],
  resident_bytes: 7,
  observed_at_ms: 1,
};

const PLUGGED: ResizeResult = {
  region_id: 'r0',
  outcome: 'done',
  before_bytes: 0,
  requested_bytes: MIB,
  plugged_bytes: MIB,
  resident_before_bytes: 0,
  resident_bytes: 3,
  requested_at_ms: 1,
  waited_ms: 0,
  accepted_at_ms: 1,
  plugged_at_ms: 2,
  resident_at_ms: null,
  nudges: 0,
  error_code: null,
  reason: null,
};

function observed() {
  const told: MemoryStep[] = [];
  const watch = { is_on: false };
  const observer = new MemoryObserver({
    clock: new FakeClock(),
    spec: specOf('f'),
    vm_id: 'vm1',
    committedBytes: () => 1,
    observe: () => Promise.resolve(SEEN),
    publish: (step) => told.push(step),
    isWatched: () => watch.is_on,
  });
  return { observer, watch, told };
}

test('what was seen is told and not held where nobody watches', async (t) => {
  const { observer, told } = observed();
  await observer.look();
  t.is(told.length, 1);
  t.is(observer.last, null);
  observer.note();
  observer.learn(PLUGGED);
  observer.close();
  t.is(told.length, 1, 'there is nothing to tell a later step of');
});

test('who watches hears of each step, until the last one, which is nothing', async (t) => {
  const { observer, watch, told } = observed();
  await observer.look();
  watch.is_on = true;
  await observer.look();
  observer.learn(PLUGGED);
  t.is(observer.last?.resident_bytes, 10);
  observer.note();
  observer.close();
  t.deepEqual(
    told.map((step) => [step.committed_bytes, step.region_resident_bytes]),
    [
      [1, 0],
      [1, 0],
      [1, 3],
      [0, 0],
    ],
  );
});

test('once nobody watches any more it is dropped with the next resize', async (t) => {
  const { observer, watch } = observed();
  watch.is_on = true;
  await observer.look();
  t.not(observer.last, null);
  watch.is_on = false;
  observer.learn(PLUGGED);
  t.is(observer.last, null);
});
