/**
 * Goal: what an instance with two partitions uses of each stands as it was told, by the guest
 * kernel's own word; who outgrows both is ended; and both are given back whole, without a page
 * moved.
 * Method: a real VM whose two regions are partitions, and the built-in program, which keeps what it
 * touched.
 */
import test, { type ExecutionContext } from 'ava';
import { MIB } from '../../base/units.ts';
import { type StartRequest, stoppedSchema } from '../../guest/protocol/protocol.ts';
import { ASK_MS, type BootedGuest, bootGuest, REGION_BYTES } from './booted-guest.ts';
import { SERIES_REVISION } from '../series-revision.ts';

/** The first revision of the series in which a process can have several partitions. */
const REVISION = 11;
const onJoiningKernel = SERIES_REVISION >= REVISION ? test : test.skip;

const RESIZE = { deadline_ms: 60_000 } as const;
const NEAR_BYTES = 128 * MIB;
const ALL_BYTES = NEAR_BYTES + REGION_BYTES;
const TOUCHED_BYTES = 192 * MIB;
const NOTHING = { anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0 } as const;

type Weights = readonly [number, number];

function both(guest: BootedGuest, [near_weight, far_weight]: Weights): Partial<StartRequest> {
  const [region_pci = '', far_pci = ''] = guest.pci;
  const places = { region_pci, far_pci, far_node: -1, near_weight, far_weight };
  return { attach: 'hotmem', attach_timeout_ms: 90_000, ...places };
}

async function plugBoth(t: ExecutionContext, guest: BootedGuest): Promise<void> {
  for (const [region, bytes] of [
    ['r0', NEAR_BYTES],
    ['r1', REGION_BYTES],
  ] as const) {
    t.is((await guest.vm.resizeRegion(region, bytes, RESIZE)).outcome, 'done', region);
  }
}

/** What the guest's kernel says of each, in the order of the regions. */
async function told(guest: BootedGuest) {
  const { partitions, pages_migrated } = await guest.stats();
  const parts = guest.pci.map((pci) => partitions.find((one) => one.region_pci === pci));
  return { used: parts.map((one) => one?.used_bytes ?? 0), parts, pages_migrated };
}

async function stop(guest: BootedGuest, instance: string): Promise<number> {
  const request = { type: 'stop', instance } as const;
  return (await guest.channel.ask(request, stoppedSchema, ASK_MS)).value.peak_bytes;
}

onJoiningKernel(
  'what is used of both stands as the weights say, and all of it comes back',
  async (t) => {
    const guest = await bootGuest(t, 'partitions');
    let is_there = false;
    const first = guest.start('w1-2', both(guest, [1, 2])).finally(() => {
      is_there = true;
    });
    t.is((await guest.vm.resizeRegion('r0', NEAR_BYTES, RESIZE)).outcome, 'done');
    t.like((await told(guest)).used, [0, 0]);
    t.false(is_there, 'its other region holds nothing');
    t.is((await guest.vm.resizeRegion('r1', REGION_BYTES, RESIZE)).outcome, 'done');
    await first;
    const before = await told(guest);
    for (const weights of [
      [1, 2],
      [1, 3],
      [1, 1],
      [170, 255],
    ] as const) {
      const name = `w${weights.join('-')}`;
      if (name !== 'w1-2') await guest.start(name, both(guest, weights));
      await guest.work(name, { ...NOTHING, anonymous_bytes: TOUCHED_BYTES });
      const { used, parts } = await told(guest);
      const [near_bytes = 0, far_bytes = 0] = used;
      const share = near_bytes / (near_bytes + far_bytes);
      const wanted = weights[0] / (weights[0] + weights[1]);
      t.log(`${name}: ${near_bytes / MIB} MiB near, ${far_bytes / MIB} far: ${share.toFixed(4)}`);
      t.true(near_bytes + far_bytes >= TOUCHED_BYTES, name);
      t.true(Math.abs(share - wanted) <= 0.01, `${name}: ${share}, not ${wanted}`);
      t.deepEqual(
        parts.map((one) => one?.users),
        [1, 1],
      );
      t.true((await stop(guest, name)) >= TOUCHED_BYTES, 'the most it had is that of both');
      t.deepEqual((await told(guest)).used, [0, 0], `${name}: nothing of it is left in either`);
    }
    for (const region of ['r0', 'r1']) {
      const ended = await guest.vm.resizeRegion(region, 0, RESIZE);
      t.like(ended, { outcome: 'done', plugged_bytes: 0, resident_bytes: 0 }, region);
    }
    t.is((await told(guest)).pages_migrated - before.pages_migrated, 0);
  },
);

onJoiningKernel('who outgrows both is ended, and told as out of memory', async (t) => {
  const guest = await bootGuest(t, 'partitions');
  await plugBoth(t, guest);
  await guest.start('large', both(guest, [1, 3]));
  // The near one has room when the far one is full.
  const most_bytes = ALL_BYTES - 24 * MIB;
  const work = { ...NOTHING, anonymous_bytes: most_bytes };
  t.like(await guest.work('large', work), { anonymous_bytes: most_bytes });
  const beyond = guest.work('large', { ...NOTHING, anonymous_bytes: 2 * ALL_BYTES });
  await t.throwsAsync(beyond, { message: /oom/ });
  t.like(await guest.exitOf('large'), { reason: 'oom', signal: 9 });
  t.true((await stop(guest, 'large')) > most_bytes);
  t.deepEqual((await told(guest)).used, [0, 0]);
});

onJoiningKernel('a start that asks for what no partition is refused', async (t) => {
  const guest = await bootGuest(t, 'partitions');
  await plugBoth(t, guest);
  const [near_pci = ''] = guest.pci;
  for (const [wrong, message] of [
    [{ near_weight: 0 }, /bad-request/],
    [{ far_weight: 256 }, /bad-request/],
    [{ far_node: 2 }, /bad-request/],
    [{ far_pci: near_pci }, /bad-request/],
    [{ attach: 'none' }, /bad-request/],
    [{ grow_wait_ms: 100 }, /bad-request/],
    [{ far_pci: '0000:7f:00.0' }, /far region .*attach-refused/],
  ] as const) {
    const refused = guest.start('wrong', { ...both(guest, [1, 1]), ...wrong });
    await t.throwsAsync(refused, { message }, JSON.stringify(wrong));
  }
  await guest.start('right', both(guest, [1, 1]));
  const second = guest.start('second', both(guest, [1, 1]));
  await t.throwsAsync(second, { message: /attach-refused/ }, 'each partition has one instance');
});
