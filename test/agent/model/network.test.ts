/** Goal: an address belongs to one instance of one VM, and no configuration leads astray. */
import test from 'ava';
import fc from 'fast-check';
import {
  ipv4Text,
  instanceNetwork,
  macOf,
  parseAddress,
  parseBridges,
  placeIn,
  type VmNetwork,
} from '../../../agent/model/network.ts';
import { holds } from '../../seed.ts';

const numberOf = (text: string): number => parseAddress(text) ?? Number.NaN;
const POOL = {
  bridge: 'br0',
  gateway: numberOf('10.0.0.1'),
  prefix_length: 16,
  first: numberOf('10.0.8.0'),
  count: 2_048,
};

test('a configuration names bridges with their gateways and pools', (t) => {
  t.deepEqual(parseBridges('br0=10.0.0.1/16:10.0.8.0/21'), [POOL]);
  const two = parseBridges('br0=10.0.0.1/16:10.0.8.0/21, lan.1=192.168.7.1/24:192.168.7.128/25');
  t.deepEqual(
    two?.map(({ bridge, count }) => [bridge, count]),
    [
      ['br0', 2_048],
      ['lan.1', 128],
    ],
  );
});

test('what cannot be a bridge with a pool is none', (t) => {
  const wrong: Readonly<Record<string, string>> = {
    'no pool': 'br0=10.0.0.1/16',
    'no address': 'br0=10.0.0.256/16:10.0.8.0/21',
    'a pool that does not begin where it should': 'br0=10.0.0.1/16:10.0.9.0/21',
    'a pool of another network': 'br0=10.0.0.1/16:10.1.8.0/21',
    'a pool larger than the network': 'br0=10.0.0.1/24:10.0.0.0/16',
    'a pool with the gateway in it': 'br0=10.0.8.1/16:10.0.8.0/21',
    'a pool without bounds': 'br0=10.0.0.1/8:10.128.0.0/9',
    'a name with what tools may take for more': 'br0;x=10.0.0.1/16:10.0.8.0/21',
    'a name too long for a device': 'a-bridge-too-long=10.0.0.1/16:10.0.8.0/21',
    'a bridge twice': 'br0=10.0.0.1/16:10.0.8.0/21,br0=10.0.0.1/16:10.0.16.0/21',
    nothing: '',
  };
  for (const [what, text] of Object.entries(wrong)) t.is(parseBridges(text), null, what);
});

test('an address is read as it is written', async (t) => {
  await holds(
    t,
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (address) => {
      t.is(parseAddress(ipv4Text(address)), address);
    }),
  );
});

test('instances of a VM have addresses in a row, and the VM one on the link of its own', (t) => {
  const vm = { ...POOL, first: POOL.first + 6, count: 3 };
  t.deepEqual(instanceNetwork(vm, 2), { address: '10.0.8.8/16', gateway: '10.0.0.1' });
  t.is(macOf(vm), '02:68:0a:00:08:06');
});

/** VMs that come and go: sizes to come, and places in the order of which one leaves. */
const moves = fc.array(
  fc.oneof(
    fc.record({ comes: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ goes: fc.nat(1_000) }),
  ),
  { maxLength: 200 },
);

test('no two VMs share an address, and a place is found while there is one', async (t) => {
  const pool = { ...POOL, first: numberOf('10.0.255.0'), count: 256 };
  await holds(
    t,
    fc.property(moves, (list) => {
      let vms: VmNetwork[] = [];
      for (const move of list) {
        if ('goes' in move) {
          vms = vms.filter((_, index) => index !== move.goes % Math.max(1, vms.length));
          continue;
        }
        const found = placeIn(pool, move.comes, vms);
        const used = new Set([numberOf('10.0.255.255')]);
        for (const { first, count } of vms) {
          for (let k = 0; k < count; k += 1) used.add(first + k);
        }
        const isFree = (at: number): boolean =>
          Array.from({ length: move.comes }, (_, k) => at + k).every(
            (one) => one < pool.first + pool.count && !used.has(one),
          );
        const places = Array.from({ length: pool.count }, (_, k) => pool.first + k);
        t.is(found?.first ?? null, places.find(isFree) ?? null, 'the lowest, or none');
        if (found) vms.push(found);
      }
    }),
  );
});

test('the addresses of another bridge are others', (t) => {
  const other = { ...POOL, bridge: 'br1', count: 2_048 };
  t.is(placeIn(POOL, 8, [other, null])?.first, POOL.first);
});
