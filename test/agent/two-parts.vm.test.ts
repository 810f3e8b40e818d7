/**
 * Goal: an instance whose memory is on two nodes of the host has it there as its function says, by
 * the host's word, what is in use of each part is told by its guest, and all of it comes back to
 * the host.
 * Method: an agent with a real VM. The host may have one node, so the near part is bound to none.
 */
import test from 'ava';
import type { Operation } from '../../agent/model/records.ts';
import { emulated } from '../../agent/model/work.ts';
import { hostClock } from '../../base/clock.ts';
import { GIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { specOf } from './core/world.ts';
import { heardFunction } from './heard.ts';
import { realAgent } from './real-agent.ts';
import { isUnknownOr, recorded } from './recorded.ts';
import { SERIES_REVISION } from '../series-revision.ts';

/** The first revision of the series in which a process can have several partitions. */
const REVISION = 11;
const onJoiningKernel = SERIES_REVISION >= REVISION ? test.serial : test.serial.skip;

const DEADLINE_MS = 60_000;
const TOUCHED_BYTES = 256 * MIB;
const NOTHING = { anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };
const TIERS = { far_node: 0, share: 0.25, table: null };
const SIZES = { mechanism: 'hotmem', limit_bytes: 512 * MIB, concurrency: 1, keep_alive_ms: 1e6 };

onJoiningKernel(
  'what an instance touched is resident by its share, and gone after it',
  async (t) => {
    const agent = await realAgent(t, 3 * GIB, { node_limits: [{ node: 0, bytes: GIB }] });
    await agent.deploy(specOf('f', { ...SIZES, tiers: TIERS }));
    const resident = async (): Promise<readonly (number | null)[]> => {
      const { regions } = await heardFunction(agent, 'f');
      return regions.map(({ resident_bytes }) => resident_bytes);
    };
    const work = { ...NOTHING, anonymous_bytes: TOUCHED_BYTES };
    t.like(await agent.invoke('f', 'one', emulated(work)), { outcome: 'done', cold: true });
    const [near_bytes, far_bytes] = await resident();
    const all_bytes = (near_bytes ?? 0) + (far_bytes ?? 0);
    t.log(`${(near_bytes ?? 0) / MIB} MiB near, ${(far_bytes ?? 0) / MIB} MiB far`);
    t.true(all_bytes >= TOUCHED_BYTES);
    t.true(Math.abs((near_bytes ?? 0) / all_bytes - TIERS.share) <= 0.01);
    const told = (await heardFunction(agent, 'f')).regions.map((one) => one.plugged_bytes);
    t.deepEqual(told, [128 * MIB, 384 * MIB]);
    t.like(await agent.invoke('f', 'two', emulated(NOTHING)), { outcome: 'done', cold: false });
    await agent.drain('f');
    const gone = await waitFor(
      async () => ((await resident()).every((bytes) => bytes === 0) ? true : null),
      { clock: hostClock, deadline_ms: DEADLINE_MS },
    );
    t.true(gone, 'both parts are back at the host');
    // As large as both parts together, though neither could hold it.
    const large = { ...NOTHING, anonymous_bytes: 480 * MIB };
    t.like(await agent.invoke('f', 'three', emulated(large)), { outcome: 'done', cold: true });
    const beyond = { ...NOTHING, anonymous_bytes: 640 * MIB };
    const { outcome, failure } = await agent.invoke('f', 'four', emulated(beyond));
    t.is(outcome, 'failed');
    t.is(failure?.code, 'HP_AGENT_INSTANCE_OOM');
    t.like(await agent.invoke('f', 'five', emulated(work)), { outcome: 'done', cold: true });
  },
);

const HELD_MS = 10_000;

for (const [mechanism, run] of [
  ['hotmem', onJoiningKernel],
  ['numa', test.serial],
] as const) {
  run(
    `${mechanism}: what is in use of each part while a call runs is told by the guest`,
    async (t) => {
      const agent = await realAgent(t, 3 * GIB, { node_limits: [{ node: 0, bytes: GIB }] });
      await agent.deploy(specOf('f', { ...SIZES, mechanism, tiers: TIERS }));
      const work = { ...NOTHING, anonymous_bytes: TOUCHED_BYTES, wall_ms: HELD_MS };
      const call = agent.invoke('f', 'held', emulated(work));
      const used = await waitFor(
        async () => {
          const { functions } = await agent.status('f');
          const [near, far] = functions[0]?.regions.map(({ used_bytes }) => used_bytes) ?? [];
          const is_told = typeof near === 'number' && typeof far === 'number';
          return is_told && near + far >= TOUCHED_BYTES ? { near, far } : null;
        },
        { clock: hostClock, deadline_ms: DEADLINE_MS },
      );
      const { near = 0, far = 0 } = used ?? {};
      t.log(`${near / MIB} MiB near, ${far / MIB} MiB far`);
      t.true(near + far >= TOUCHED_BYTES, 'it is told');
      t.true(Math.abs(near / (near + far) - TIERS.share) <= 0.02);
      t.true(near + far <= TOUCHED_BYTES + 64 * MIB);
      t.like(await call, { outcome: 'done' });
      await agent.drain('f');
      const usedNow = async (): Promise<readonly (number | null)[]> =>
        (await heardFunction(agent, 'f')).regions.map((one) => one.used_bytes);
      // The VMM is told of the end before its guest counts it.
      const gone = await waitFor(
        async () => ((await usedNow()).every((bytes) => bytes === 0) ? true : null),
        { clock: hostClock, deadline_ms: DEADLINE_MS },
      );
      t.true(gone, `${(await usedNow()).join()} bytes are in use of no instance`);
    },
  );
}

const CHOSEN = {
  far_node: 0,
  share: null,
  table: {
    slo_ms: 60_000,
    source: 'modelled',
    note: 'stated for this test',
    rows: [
      { share: 0.25, latency_ms: 30_000 },
      { share: 0.5, latency_ms: 10 },
    ],
  },
} as const;

onJoiningKernel(
  'hotmem: unused far memory gives way to near memory when calls come often',
  async (t) => {
    const agent = await realAgent(t, 3 * GIB, { node_limits: [{ node: 0, bytes: GIB }] });
    const operations: Operation[] = [];
    const watch = agent.watch({ records: ['operation'] });
    void (async () => {
      for await (const { operation } of watch) if (operation) operations.push(operation);
    })();
    await agent.deploy(specOf('f', { ...SIZES, keep_alive_ms: 20_000, tiers: CHOSEN }));
    const work = { ...NOTHING, anonymous_bytes: 64 * MIB };
    const plugged = async (): Promise<readonly number[]> =>
      (await heardFunction(agent, 'f')).regions.map((one) => (one.plugged_bytes ?? 0) / MIB);
    t.like(await agent.invoke('f', 'first', emulated(work)), { outcome: 'done', cold: true });
    t.deepEqual(await plugged(), [128, 384]);
    const cede = await waitFor(
      async () => {
        const { outcome } = await agent.invoke('f', 'again', emulated(work));
        t.is(outcome, 'done');
        return operations.find(({ cause }) => cause === 'cede') ?? null;
      },
      { clock: hostClock, deadline_ms: DEADLINE_MS },
    );
    t.deepEqual(await plugged(), [256, 256]);
    // Of each the guest may have been late; of both together it is heard.
    const moved = await waitFor(
      async () => {
        const status = await heardFunction(agent, 'f');
        return status.guest_plugged_bytes === 512 * MIB ? status : null;
      },
      { clock: hostClock, deadline_ms: DEADLINE_MS },
    );
    t.is(moved?.pages_migrated, 0);
    // It was over before the other began, which says nothing of their records.
    const [gain] = await recorded(
      () => operations,
      1,
      ({ cause }) => cause === 'gain',
    );
    t.log(`gain ${took(gain)} ms, cede ${took(cede)} ms`);
    for (const one of [gain, cede]) {
      t.like(one, { outcome: 'done', error_code: null, plugged_bytes: 256 * MIB });
      t.true(isUnknownOr(one?.guest_plugged_bytes ?? null, 256 * MIB));
      t.true(isUnknownOr(one?.pages_migrated ?? null, 0));
    }
    // More than the far part has: the rest lies where it was plugged.
    const large = { ...NOTHING, anonymous_bytes: 448 * MIB };
    t.like(await agent.invoke('f', 'large', emulated(large)), { outcome: 'done', cold: false });
    const { regions } = await heardFunction(agent, 'f');
    const [near, far] = regions.map(({ resident_bytes }) => (resident_bytes ?? 0) / MIB);
    t.log(`${near} MiB near, ${far} MiB far of 448 touched`);
    t.true((near ?? 0) > 128, 'beyond what it had near at its start');
    t.true((near ?? 0) + (far ?? 0) >= 448);
    await agent.drain('f');
    t.deepEqual(await plugged(), [0, 0]);
  },
);

const took = (one: Operation | null | undefined): string =>
  ((one?.plugged_at_ms ?? Number.NaN) - (one?.decided_at_ms ?? Number.NaN)).toFixed(0);

for (const mechanism of ['hotmem', 'numa']) {
  test.serial(`${mechanism}: with nothing near there is one region, on the far node`, async (t) => {
    const agent = await realAgent(t, 3 * GIB, { node_limits: [{ node: 0, bytes: GIB }] });
    const tiers = { ...TIERS, share: 0 };
    await agent.deploy(specOf('f', { ...SIZES, mechanism, tiers }));
    const work = { ...NOTHING, anonymous_bytes: TOUCHED_BYTES };
    t.like(await agent.invoke('f', 'one', emulated(work)), { outcome: 'done', cold: true });
    const { regions } = await heardFunction(agent, 'f');
    t.is(regions.length, 1);
    t.like(regions[0], { host_node: 0, plugged_bytes: SIZES.limit_bytes });
    t.true((regions[0]?.resident_bytes ?? 0) >= TOUCHED_BYTES);
    t.true((regions[0]?.used_bytes ?? 0) > 0);
    await agent.drain('f');
    const after = (await heardFunction(agent, 'f')).regions.map((one) => one.plugged_bytes);
    t.deepEqual(after, [0]);
  });
}
