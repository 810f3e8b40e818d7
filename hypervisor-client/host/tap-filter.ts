/**
 * What a VM may send into the bridge: packets of its own addresses, to nobody who is in a pool of
 * such addresses too. As a classic BPF program for tc, which every kernel with cls_bpf takes. Pure.
 */
import { assert } from '../../base/assert.ts';

/** Addresses from the first on, each a number. */
export interface Ipv4Range {
  readonly first: number;
  readonly count: number;
}

export interface TapFilter {
  /** The one source on the link: `02:00:00:00:00:01`. */
  readonly mac: string;
  /** Sources of packets. */
  readonly own: Ipv4Range;
  /** Where packets may not go, even by way of a router. */
  readonly closed: readonly Ipv4Range[];
}

/** Jumps are bytes: more ranges than these do not fit. */
const RANGES_MAX = 32;

/** TC_ACT_OK and TC_ACT_SHOT, of a filter that decides itself (`direct-action`). */
const PASS = 0;
const DROP = 2;

/** Of BPF: load a word or half a word of the packet, compare, answer. */
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const EQUAL = 0x15;
const ABOVE = 0x25;
const AT_LEAST = 0x35;
const ANSWER = 0x06;

const IPV4 = 0x0800;
const ARP = 0x0806;
/** Bytes from the beginning of a frame. */
const AT = { source: 6, kind: 12, ip_source: 26, ip_target: 30, arp_mac: 22, arp_source: 28 };

/** An instruction; where it jumps, the name of a place, or null for the next one. */
interface Step {
  readonly code: number;
  readonly value: number;
  readonly met?: string | null;
  readonly otherwise?: string | null;
}

/** The program as `tc filter ... bpf bytecode` takes it: their number, then each with a comma. */
export function tapFilterCode(filter: TapFilter): string {
  assert(filter.closed.length <= RANGES_MAX, 'a configuration has fewer pools');
  const high = Number.parseInt(filter.mac.replaceAll(':', '').slice(0, 8), 16);
  const low = Number.parseInt(filter.mac.replaceAll(':', '').slice(8), 16);
  const isMac = (at: number): Step[] => [
    { code: LOAD_WORD, value: at },
    { code: EQUAL, value: high, otherwise: 'drop' },
    { code: LOAD_HALF, value: at + 4 },
    { code: EQUAL, value: low, otherwise: 'drop' },
  ];
  const isOwn = (at: number): Step[] => [
    { code: LOAD_WORD, value: at },
    { code: AT_LEAST, value: filter.own.first, otherwise: 'drop' },
    { code: ABOVE, value: filter.own.first + filter.own.count - 1, met: 'drop' },
  ];
  const places: readonly (readonly [string, readonly Step[]])[] = [
    ['start', [...isMac(AT.source), { code: LOAD_HALF, value: AT.kind }]],
    ['kind', [{ code: EQUAL, value: IPV4, met: 'ip' }]],
    ['arp', [{ code: EQUAL, value: ARP, otherwise: 'drop' }]],
    ['arp-own', [...isMac(AT.arp_mac), ...isOwn(AT.arp_source), { code: ANSWER, value: PASS }]],
    ['ip', [...isOwn(AT.ip_source), { code: LOAD_WORD, value: AT.ip_target }]],
    ...filter.closed.map(({ first, count }, index): [string, Step[]] => [
      `closed-${index}`,
      [
        { code: AT_LEAST, value: first, otherwise: `closed-${index + 1}` },
        { code: ABOVE, value: first + count - 1, otherwise: 'drop' },
      ],
    ]),
    [`closed-${filter.closed.length}`, [{ code: ANSWER, value: PASS }]],
    ['drop', [{ code: ANSWER, value: DROP }]],
  ];
  return assemble(places);
}

function assemble(places: readonly (readonly [string, readonly Step[]])[]): string {
  const steps = places.flatMap(([, some]) => some);
  const starts = new Map<string, number>();
  let at = 0;
  for (const [name, some] of places) {
    starts.set(name, at);
    at += some.length;
  }
  const distance = (index: number, name: string | null | undefined): number => {
    const to = name === null || name === undefined ? index + 1 : (starts.get(name) ?? -1);
    assert(to > index && to - index - 1 < 256, 'a jump leads forward, and not far');
    return to - index - 1;
  };
  const isJump = ({ code }: Step): boolean => [EQUAL, ABOVE, AT_LEAST].includes(code);
  const lines = steps.map((step, index) => {
    const jumps = isJump(step)
      ? [distance(index, step.met), distance(index, step.otherwise)]
      : [0, 0];
    return [step.code, ...jumps, step.value].join(' ');
  });
  return `${steps.length},${lines.join(',')},`;
}
