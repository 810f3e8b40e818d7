/** The line of `hotplane status` about where the instances of a function are reached. */
import test from 'ava';
import { regionStatusSchema } from '../../agent/model/messages.ts';
import { nothingOf } from '../../agent/model/fields.ts';
import { networkText } from '../../cli/network-text.ts';

const on_bridge = { network: { bridge: 'br0' } };
const regionOf = (instance_id: string | null, address: string | null) => ({
  ...nothingOf(regionStatusSchema),
  nodes: [],
  id: 'r0',
  vm_id: 'vm1',
  max_bytes: 1,
  permit_bytes: 1,
  instance_id,
  address,
});
const many = Array.from({ length: 10 }, (_, index) => regionOf(`i${index}`, `10.0.8.${index}`));

test('each instance is named with its address, and a region without one is not', (t) => {
  const regions = [regionOf('i1', '10.0.8.1'), regionOf(null, null), regionOf('i2', '10.0.8.3')];
  const told = networkText({ function: on_bridge, regions });
  t.is(told, '  network     br0: i1 10.0.8.1, i2 10.0.8.3\n');
});

test('of many instances the first are named', (t) => {
  const told = networkText({ function: on_bridge, regions: many });
  t.regex(told, /br0: i0 10\.0\.8\.0, .*, i7 10\.0\.8\.7, and 2 more\n$/);
});

test('without an instance the bridge is told, and without a network nothing', (t) => {
  const told = networkText({ function: on_bridge, regions: [regionOf(null, null)] });
  t.is(told, '  network     br0: no instance\n');
  t.is(networkText({ function: { network: null }, regions: many }), '');
});
