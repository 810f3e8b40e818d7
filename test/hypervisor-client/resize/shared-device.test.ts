/** Devices cut into regions, against the model of a guest with partitions. No clock, no VM. */
import test from 'ava';
import fc from 'fast-check';
import { MEMORY_BLOCK_BYTES as REGION } from '../../../base/units.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { SharedDevice } from '../../../hypervisor-client/resize/shared-device.ts';
import { recoverShares, shareOut } from '../../../hypervisor-client/resize/shares.ts';
import { Partitions } from '../../../hypervisor-client/testing/fake-cloud-hypervisor/partitions.ts';
import { holds } from '../../seed.ts';

const LIMIT = () => 1_000;

/** A device under the driver, the guest behind it, and who lives where. */
class World {
  readonly guest: Partitions;
  readonly used = new Set<number>();
  readonly device: SharedDevice;
  requested_bytes = 0;

  constructor(count: number) {
    this.guest = new Partitions(count, count * REGION);
    const setTarget = async (bytes: number): Promise<void> => {
      this.requested_bytes = bytes;
      this.settle();
    };
    this.device = new SharedDevice(
      { id: 'd0', guest_node: null, regions: regionsOf(count) },
      {
        setTarget,
        nudge: setTarget,
        sizes: async () => this.sizes,
        resident: async () => this.guest.resident_bytes,
      },
    );
  }

  get sizes() {
    const { plugged_bytes } = this.guest;
    return { requested_bytes: this.requested_bytes, plugged_bytes };
  }

  /** The guest does what it can. */
  settle(): void {
    this.guest.use([...this.used]);
    while (this.guest.plugged_bytes !== this.requested_bytes) {
      if (!this.guest.step(this.requested_bytes, [...this.used])) return;
    }
  }

  occupy(index: number): void {
    this.used.add(index);
    this.settle();
  }

  leave(index: number): void {
    this.used.delete(index);
    this.settle();
  }

  /** One whole resize, without its waits. */
  async resize(index: number, bytes: number): Promise<number> {
    const port = this.device.portOf(index);
    await port.look(true, LIMIT);
    await port.setTarget(bytes, LIMIT);
    await port.look(false, LIMIT);
    return (await port.look(true, LIMIT)).plugged_bytes;
  }

  get shown(): readonly boolean[] {
    const { resident_bytes } = this.guest;
    const shares = this.device.sharesAt({ ...this.sizes, resident_bytes });
    return shares.map(({ plugged_bytes }) => plugged_bytes === REGION);
  }
}

type Step = readonly ['start' | 'end' | 'stuck' | 'stuck-beside-an-end', number];

const pick = (of: readonly number[], number: number): number | undefined => of[number % of.length];

/** Does a step if it can be done now; what the agent asks for, in the order in which it asks. */
async function play(world: World, [kind, number]: Step): Promise<boolean> {
  const used = [...world.used].toSorted((a, b) => a - b);
  if (kind === 'start') {
    const next = world.shown.indexOf(false);
    if (next === -1) return true;
    const plugged_bytes = await world.resize(next, REGION);
    world.occupy(next);
    return plugged_bytes === REGION;
  }
  const index = pick(used, number);
  if (index === undefined) return true;
  if (kind === 'end') {
    world.leave(index);
    return (await world.resize(index, 0)) === 0;
  }
  const beside = pick(
    used.filter((one) => one !== index),
    number + 1,
  );
  const kept_bytes = await world.resize(index, 0);
  if (kind === 'stuck-beside-an-end' && beside !== undefined) world.leave(beside);
  const port = world.device.portOf(index);
  const seen = await port.look(true, LIMIT);
  await port.setTarget(REGION, LIMIT);
  if (kind === 'stuck-beside-an-end' && beside !== undefined) {
    if ((await world.resize(beside, 0)) !== 0) return false;
  }
  return kept_bytes === REGION && seen.plugged_bytes === REGION;
}

test('whatever starts, ends and gets stuck, each region is shown as the guest has it', async (t) => {
  const step = fc.tuple(
    fc.constantFrom<Step[0]>('start', 'start', 'end', 'stuck', 'stuck-beside-an-end'),
    fc.nat(16),
  );
  await holds(
    t,
    fc.asyncProperty(
      fc.integer({ min: 2, max: 6 }),
      fc.array(step, { maxLength: 30 }),
      async (count, steps) => {
        const world = new World(count);
        for (const one of steps) {
          if (!(await play(world, one))) return false;
          const { plugged } = world.guest;
          if (plugged.some((is, index) => is !== world.shown[index])) return false;
          if ([...world.used].some((index) => !plugged[index])) return false;
        }
        return true;
      },
    ),
    { runs: 300 },
  );
});

test('a region given back instead of another leaves that one asked for, and the VMM is told', async (t) => {
  const world = new World(3);
  for (const index of [0, 1, 2]) {
    await world.resize(index, REGION);
    world.occupy(index);
  }
  const stuck = world.device.portOf(2);
  await stuck.setTarget(0, LIMIT);
  world.leave(0);
  t.deepEqual(world.shown, [false, true, true]);
  t.is((await stuck.look(true, LIMIT)).plugged_bytes, REGION);
  t.is(world.requested_bytes, REGION, 'the region in use is wanted back still');
  world.leave(2);
  t.is((await stuck.look(true, LIMIT)).plugged_bytes, 0);
  t.deepEqual(world.guest.plugged, [false, true, false]);
});

test('a device that is parked has what is plugged as its target, region by region', async (t) => {
  const world = new World(3);
  for (const index of [0, 1]) {
    await world.resize(index, REGION);
    world.occupy(index);
  }
  await world.device.portOf(1).setTarget(0, LIMIT);
  await world.device.park(LIMIT);
  t.is(world.requested_bytes, 2 * REGION);
  world.leave(1);
  t.deepEqual(world.guest.plugged, [true, true, false], 'nothing of it moves');
  // The next one is asked for beside both, not instead of the one that was to go.
  t.is(await world.resize(2, REGION), REGION);
  t.deepEqual(world.guest.plugged, [true, true, true]);
});

test('a VM that was taken over shows what is plugged, as far as pages tell', async (t) => {
  const world = new World(4);
  for (const index of [0, 1, 2, 3]) {
    await world.resize(index, REGION);
    world.occupy(index);
  }
  world.leave(1);
  await world.resize(1, 0);
  const resident_bytes = world.guest.resident_bytes;
  const shares = recoverShares(4, REGION, { ...world.sizes, resident_bytes });
  t.deepEqual(
    shares.map(({ plugged_bytes }) => plugged_bytes / REGION),
    [1, 0, 1, 1],
  );
  t.deepEqual(
    shares.map(({ requested_bytes }) => requested_bytes / REGION),
    [1, 0, 1, 1],
  );
});

test('a region that is not next is refused by name, and the target stays', async (t) => {
  const world = new World(3);
  const error = await t.throwsAsync(world.resize(2, REGION));
  t.true(hasCode(error, 'HP_VMM_REJECTED'), String(error));
  t.regex(error?.message ?? '', /plugs region r0 of device d0 first/);
  t.is(world.requested_bytes, 0);
});

test('a target that the VMM refused is not remembered', async (t) => {
  const world = new World(2);
  const refusing = new SharedDevice(
    { id: 'd0', guest_node: null, regions: regionsOf(2) },
    {
      setTarget: async () => await Promise.reject(new Error('no')),
      nudge: async () => undefined,
      sizes: async () => world.sizes,
      resident: async () => [0, 0],
    },
  );
  await t.throwsAsync(refusing.portOf(0).setTarget(REGION, LIMIT));
  const shares = refusing.sharesAt({ ...world.sizes, resident_bytes: [0, 0] });
  t.deepEqual(shares, [
    { requested_bytes: 0, plugged_bytes: 0 },
    { requested_bytes: 0, plugged_bytes: 0 },
  ]);
});

test('of regions without pages, the first ones are taken to be plugged', (t) => {
  const none = { requested_bytes: 0, plugged_bytes: 0 };
  const wanted = { requested_bytes: REGION, plugged_bytes: 0 };
  const look = { plugged_bytes: REGION, resident_bytes: null };
  const plugged = (before: Parameters<typeof shareOut>[0]) =>
    shareOut(before, REGION, look).map(({ plugged_bytes }) => plugged_bytes / REGION);
  t.deepEqual(plugged([none, none]), [1, 0]);
  t.deepEqual(plugged([none, wanted]), [0, 1]);
  t.deepEqual(
    plugged([
      { ...none, plugged_bytes: REGION },
      { ...wanted, plugged_bytes: REGION },
    ]),
    [0, 1],
  );
});

function regionsOf(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    id: `r${index}`,
    max_bytes: REGION,
    initial_bytes: 0,
  }));
}
