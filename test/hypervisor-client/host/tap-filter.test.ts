/** Goal: what leaves a VM is its own, and goes to no other VM, whatever its kernel does. */
import test from 'ava';
import fc from 'fast-check';
import { tapFilterCode } from '../../../hypervisor-client/host/tap-filter.ts';
import { holds } from '../../seed.ts';

const PASS = 0;
const DROP = 2;
const OWN = { first: 0x0a_00_08_06, count: 3 };
const POOLS = [
  { first: 0x0a_00_08_00, count: 2_048 },
  { first: 0xc0_a8_07_80, count: 128 },
];
const MAC = '02:68:0a:00:08:06';
const CODE = tapFilterCode({ mac: MAC, own: OWN, closed: POOLS });

/** What the kernel's machine answers for a packet; 0 where it would have to read behind it. */
function answerOf(code: string, packet: Buffer): number {
  const [count = '', ...lines] = code.split(',').filter(Boolean);
  const steps = lines.map((line) => line.split(' ').map(Number));
  if (Number(count) !== steps.length) throw new Error('it says another length than it has');
  let value = 0;
  for (let at = 0; at < steps.length; at += 1) {
    const [what = 0, then = 0, otherwise = 0, k = 0] = steps[at] ?? [];
    const jump = (holds_true: boolean): number => (holds_true ? then : otherwise);
    if (what === 0x20 || what === 0x28) {
      const size = what === 0x20 ? 4 : 2;
      if (k + size > packet.length) return 0;
      value = size === 4 ? packet.readUInt32BE(k) : packet.readUInt16BE(k);
    } else if (what === 0x15) at += jump(value === k);
    else if (what === 0x25) at += jump(value > k);
    else if (what === 0x35) at += jump(value >= k);
    else if (what === 0x06) return k;
    else throw new Error(`no such instruction: ${what}`);
  }
  throw new Error('it ran off its end');
}

interface Packet {
  readonly mac: string;
  readonly kind: number;
  readonly source: number;
  readonly target: number;
  readonly arp_mac: string;
}

function bytesOf({ mac, kind, source, target, arp_mac }: Packet): Buffer {
  const packet = Buffer.alloc(60);
  const writeMac = (text: string, at: number): void => {
    packet.set(Buffer.from(text.replaceAll(':', ''), 'hex'), at);
  };
  writeMac('02:00:00:00:00:01', 0);
  writeMac(mac, 6);
  packet.writeUInt16BE(kind, 12);
  if (kind === 0x0806) {
    writeMac(arp_mac, 22);
    packet.writeUInt32BE(source, 28);
    packet.writeUInt32BE(target, 38);
  } else {
    packet.writeUInt32BE(source, 26);
    packet.writeUInt32BE(target, 30);
  }
  return packet;
}

const near = (first: number, count: number) =>
  fc.integer({ min: first - 2, max: first + count + 1 });
const address = fc.oneof(
  near(OWN.first, OWN.count),
  ...POOLS.flatMap(({ first, count }) => [near(first, 1), near(first + count - 1, 1)]),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
);
const mac = fc.constantFrom(MAC, '02:68:0a:00:08:07', '03:68:0a:00:08:06');
const packet = fc.record({
  mac,
  kind: fc.constantFrom(0x0800, 0x0806, 0x86dd, 0x8100),
  source: address,
  target: address,
  arp_mac: mac,
});
const isIn = (value: number, { first, count }: { first: number; count: number }): boolean =>
  value >= first && value < first + count;

test('a packet passes when its sources are its own and it goes to no pool', async (t) => {
  await holds(
    t,
    fc.property(packet, (one) => {
      const is_own = one.mac === MAC && isIn(one.source, OWN);
      const goes_out = !POOLS.some((pool) => isIn(one.target, pool));
      const passes =
        (one.kind === 0x0800 && is_own && goes_out) ||
        (one.kind === 0x0806 && is_own && one.arp_mac === MAC);
      t.is(answerOf(CODE, bytesOf(one)), passes ? PASS : DROP, JSON.stringify(one));
    }),
  );
});

test('as many pools as a configuration may have fit', (t) => {
  const many = Array.from({ length: 16 }, (_, k) => ({ first: 2 ** 24 * (k + 1), count: 65_536 }));
  const code = tapFilterCode({ mac: MAC, own: OWN, closed: many });
  const to = (target: number): number =>
    answerOf(code, bytesOf({ mac: MAC, kind: 0x0800, source: OWN.first, target, arp_mac: MAC }));
  for (const { first, count } of many) {
    t.is(to(first), DROP);
    t.is(to(first + count), PASS);
  }
});
