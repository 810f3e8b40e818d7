/** How regions lie in devices. */
import test from 'ava';
import { deviceName, layoutOf } from '../../../agent/model/layout.ts';
import { LIMITS } from '../../../base/limits.ts';
import { VMM_LIMITS } from '../../../hypervisor-client/limits.ts';
import { specOf } from '../core/world.ts';

const layout = (mechanism: string, concurrency: number, devices_per_vm: number) =>
  layoutOf(specOf('f', { mechanism, concurrency }), devices_per_vm);

test('each region is a device as long as there are enough of them', (t) => {
  t.deepEqual(layout('hotmem', 28, 28), { regions_per_device: 1, devices: 28 });
  t.is(deviceName(layout('hotmem', 28, 28), 27), 'r27');
});

test('with more instances than devices, a device has as few regions as will do', (t) => {
  t.deepEqual(layout('hotmem', 4, 1), { regions_per_device: 4, devices: 1 });
  t.deepEqual(layout('hotmem', 29, 28), { regions_per_device: 2, devices: 15 });
  const two = layout('hotmem', 29, 28);
  t.deepEqual(
    [0, 1, 2, 28].map((index) => deviceName(two, index)),
    ['d0', 'd0', 'd1', 'd14'],
  );
});

test('every number of instances that may be asked for finds its place on every driver', (t) => {
  for (const devices_per_vm of [4, 28, 192]) {
    for (let concurrency = 1; concurrency <= LIMITS.regions_per_vm; concurrency += 1) {
      const { regions_per_device, devices } = layout('hotmem', concurrency, devices_per_vm);
      t.true(devices <= devices_per_vm, `${concurrency} on ${devices_per_vm}`);
      t.true(devices * regions_per_device >= concurrency);
      t.true(devices * regions_per_device <= LIMITS.regions_per_vm);
      t.true(regions_per_device <= VMM_LIMITS.regions_per_device);
    }
  }
});

test('a guest that makes no partitions has a device for each region, whatever the number', (t) => {
  for (const mechanism of ['static', 'virtio-mem', 'numa']) {
    t.deepEqual(layout(mechanism, 29, 28), { regions_per_device: 1, devices: 29 }, mechanism);
  }
});
