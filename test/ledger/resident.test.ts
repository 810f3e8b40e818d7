/** What a VM really held lies within the bound that the meter tells, wherever looks fall. */
import test from 'ava';
import fc from 'fast-check';
import { GIB } from '../../base/units.ts';
import type { LedgerRecord } from '../../ledger/record.ts';
import { ResidentMeter } from '../../ledger/resident.ts';
import { PER_GIB_S } from '../../ledger/span.ts';
import { holds } from '../seed.ts';

const SOURCE = { folder: 'f', ledger: 'l', host: 'h' };
const REGIONS = ['vm1/r0', 'vm1/r1'] as const;

const move = fc.record({
  after_ms: fc.nat(1_000),
  what: fc.constantFrom('touch', 'plug', 'unplug', 'gone', 'ended', 'look'),
  region: fc.nat(REGIONS.length - 1),
  share: fc.integer({ min: 1, max: 100 }),
});
type Move = typeof move extends fc.Arbitrary<infer One> ? One : never;

interface Region {
  readonly id: string;
  plugged_bytes: number;
  held_bytes: number;
  /** Of this kind an operation is under way. */
  moving: 'plug' | 'unplug' | null;
}

/** A VM of a GiB of boot memory and two regions of one, and the meter beside it. */
class Host {
  readonly meter: ResidentMeter;
  readonly #regions: Region[] = REGIONS.map((id) => ({
    id,
    plugged_bytes: 0,
    held_bytes: 0,
    moving: null,
  }));
  #boot_bytes = 0;
  #now_ms = 0;
  held_gib_s = 0;

  constructor(to_ms: number) {
    this.meter = new ResidentMeter({ from_ms: 0, to_ms });
    this.#say({ kind: 'permit', from_bytes: 0, to_bytes: GIB });
    this.#say({ kind: 'launch', bytes: GIB });
  }

  #say(about: Pick<LedgerRecord, 'kind'> & Partial<LedgerRecord>): void {
    const at_ms = this.#now_ms;
    const record = { seq: 1, at_ms, vm_id: 'vm1', cause_seq: [], hash: '', ...about };
    this.meter.take({ source: SOURCE, record, wall_ms: at_ms }, 'f');
  }

  get #held_bytes(): number {
    return this.#regions.reduce((sum, { held_bytes }) => sum + held_bytes, this.#boot_bytes);
  }

  wait(for_ms: number): void {
    this.held_gib_s += (this.#held_bytes * for_ms) / PER_GIB_S;
    this.#now_ms += for_ms;
  }

  look(): void {
    this.#say({ kind: 'resident', host_bytes: this.#held_bytes });
  }

  play({ after_ms, what, region: index, share }: Move): void {
    this.wait(after_ms);
    const region = this.#regions[index];
    if (!region) return;
    const { id: region_id, moving, plugged_bytes } = region;
    const about = { region_id, operation_id: region_id };
    const [from_bytes, to_bytes] = moving === 'plug' ? [0, GIB] : [GIB, 0];
    if (what === 'look') this.look();
    else if (what === 'touch') this.#touch(region, share / 100);
    else if (what === 'gone' && moving === 'unplug') region.held_bytes = 0;
    else if (what === 'ended' && moving) {
      region.plugged_bytes = to_bytes;
      if (moving === 'unplug') region.held_bytes = 0;
      region.moving = null;
      const kind = moving === 'plug' ? 'populated' : 'emptied';
      this.#say({ kind, ...about, from_bytes, to_bytes, vmm_bytes: to_bytes });
    } else if ((what === 'plug' || what === 'unplug') && !moving) {
      if ((what === 'plug') === plugged_bytes > 0) return;
      region.moving = what;
      const size = what === 'plug' ? { from_bytes: 0, to_bytes: GIB } : { from_bytes, to_bytes };
      this.#say({ kind: what, ...about, ...size });
    }
  }

  #touch(region: Region, share: number): void {
    this.#boot_bytes += share * (GIB - this.#boot_bytes);
    // What is being plugged may be touched before anybody says that it is there.
    const most = region.moving === 'plug' ? GIB : region.moving ? 0 : region.plugged_bytes;
    region.held_bytes += share * Math.max(0, most - region.held_bytes);
  }
}

test('what a VM held is within the bound, whatever came and went between the looks', async (t) => {
  const property = fc.property(fc.array(move, { maxLength: 40 }), fc.nat(2_000), (moves, rest) => {
    const to_ms = moves.reduce((sum, { after_ms }) => sum + after_ms, rest);
    const host = new Host(to_ms);
    for (const one of moves) host.play(one);
    if (moves.length % 2 === 0) host.look();
    host.wait(rest);
    const found = host.meter.of('f', to_ms);
    if (!found) return;
    const off = Math.abs(found.gib_s - host.held_gib_s);
    if (off <= found.error_gib_s + 1e-9) return;
    throw new Error(`${found.gib_s} +/- ${found.error_gib_s}, and it held ${host.held_gib_s}`);
  });
  await holds(t, property, { runs: 1_000 });
});
