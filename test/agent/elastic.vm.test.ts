/** Memory that follows its use in real guests: it grows and shrinks while invocations run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { prepareImages } from '../../agent/executor/built-images.ts';
import { HostAgent } from '../../agent/executor/host-agent.ts';
import type { FunctionStatus } from '../../agent/model/messages.ts';
import type { Operation } from '../../agent/model/records.ts';
import { emulated } from '../../agent/model/work.ts';
import { HISTORY_POLICY } from '../../autoscaler/policy/history.ts';
import { TRAINING_SERIES } from '../../autoscaler/trace/made-series.ts';
import { workOfSeries } from '../../autoscaler/trace/series-work.ts';
import { hostClock } from '../../base/clock.ts';
import { silentProgress } from '../../base/progress.ts';
import { GIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { openHypervisor } from '../../hypervisor-client/index.ts';
import { specOf } from './core/world.ts';
import { heardFunction } from './heard.ts';
import { recorded } from './recorded.ts';
import { SERIES_REVISION } from '../series-revision.ts';

/** The first revision of the series in which an instance can wait, and shrink in use. */
const REVISION = 8;
const CAN_WAIT = SERIES_REVISION >= REVISION;
const onWaitingKernel = CAN_WAIT ? test.serial : test.serial.skip;
const onOldKernel = CAN_WAIT ? test.serial.skip : test.serial;
const DEADLINE_MS = 180_000;
const INSTANCES = 4;

interface Elastic {
  readonly agent: HostAgent;
  readonly operations: Operation[];
}

/** An agent with one function of this mechanism. */
async function withFunction(
  mechanism: string,
  use: (host: Elastic) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-elastic-'));
  const log = pino({ level: 'warn' });
  const { signal } = new AbortController();
  const how = {
    mechanisms: [mechanism],
    guest_kernel: 'series',
    progress: silentProgress,
  } as const;
  const images = await prepareImages({ ...how, signal, log });
  const agent = new HostAgent({
    clock: hostClock,
    hypervisor: await openHypervisor('qemu'),
    images,
    log,
    host_limit_bytes: 4 * GIB,
    vms_dir: folder,
    version: 'test',
    policy: HISTORY_POLICY,
  });
  const operations: Operation[] = [];
  const watch = agent.watch({ records: ['operation'] });
  const reading = (async () => {
    for await (const { operation } of watch) if (operation) operations.push(operation);
  })();
  const sizes = { baseline_bytes: 128 * MIB, increment_bytes: 64 * MIB, history: false };
  const memory = { ...sizes, grow_wait_ms: 60_000, expression: null };
  const part = { mechanism, limit_bytes: 512 * MIB, concurrency: INSTANCES, keep_alive_ms: 500 };
  try {
    await agent.deploy(specOf('f', { ...part, memory }));
    await use({ agent, operations });
  } finally {
    await agent.stop(0);
    await reading;
    await rm(folder, { recursive: true });
  }
}

async function statusOf(agent: HostAgent): Promise<FunctionStatus> {
  return await heardFunction(agent, 'f');
}

function agreed(status: FunctionStatus): (number | null)[] {
  const sum = (pick: (region: FunctionStatus['regions'][number]) => number | null): number =>
    status.regions.reduce((total, region) => total + (pick(region) ?? Number.NaN), 0);
  const vmm = sum((region) => region.plugged_bytes);
  return [vmm, status.guest_plugged_bytes, sum((region) => region.resident_bytes)];
}

onOldKernel('hotmem: a kernel in which nobody can wait for memory is refused', async (t) => {
  const deploying = withFunction('hotmem', () => Promise.resolve(t.fail('it was deployed')));
  await t.throwsAsync(deploying, { message: /revision \d+ of the series/ });
});

onWaitingKernel(
  'hotmem: four instances grow when they wait and shrink while they run',
  async (t) => {
    await withFunction('hotmem', async ({ agent, operations }) => {
      const work = emulated(workOfSeries(TRAINING_SERIES, { time: 1, memory: 1 }));
      const names = Array.from({ length: INSTANCES }, (_, index) => `run ${index}`);
      const replies = await Promise.all(names.map((name) => agent.invoke('f', name, work)));
      for (const reply of replies) t.like(reply, { outcome: 'done', failure: null });
      const ended = await waitFor(
        async () => {
          const status = await statusOf(agent);
          // The guest counts it after its VMM was told.
          const is_back = agreed(status).every((bytes) => bytes === 0);
          return status.permits_bytes === 0 && is_back ? status : null;
        },
        { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 200 },
      );
      t.deepEqual(
        agreed(ended ?? (await statusOf(agent))),
        [0, 0, 0],
        'VMM, guest and host agree: all of it is back',
      );
      t.like(ended, { pages_migrated: 0, oom_kills: 0, memory: { denied: 0, waiting: 0 } });
      const all = () => operations;
      const grown = await recorded(all, INSTANCES, ({ cause }) => cause === 'grow');
      const shrunk = await recorded(all, INSTANCES, ({ cause }) => cause === 'shrink');
      t.true(grown.every(({ outcome }) => outcome === 'done'));
      // On a busy host one takes so long that it is cut for who waits, and is tried again.
      const whole = shrunk.filter(({ error_code }) => error_code !== 'HP_VMM_ABORTED');
      t.true(whole.length > 0);
      t.true(whole.every(({ outcome }) => outcome === 'done'));
      t.log(waitsOf(ended, operations));
    });
  },
);

test.serial('virtio-mem: an instance grows ahead of need, and keeps what it got', async (t) => {
  await withFunction('virtio-mem', async ({ agent, operations }) => {
    const work = emulated(workOfSeries(TRAINING_SERIES, { time: 1, memory: 1 }));
    t.like(await agent.invoke('f', 'one', work), { outcome: 'done', failure: null });
    await recorded(
      () => operations,
      1,
      ({ cause, outcome }) => cause === 'grow' && outcome === 'done',
    );
    t.false(operations.some(({ cause }) => cause === 'shrink'));
  });
});

/** NaN where a point was not reached. */
const between = (to: number | null, from: number | null): number => (to ?? NaN) - (from ?? NaN);

/** What growth cost, and of what: for people. */
function waitsOf(status: FunctionStatus | null, operations: readonly Operation[]): string {
  const { waits = 0, waited_ms = 0 } = status?.memory ?? {};
  const grown = operations.filter(({ cause, outcome }) => cause === 'grow' && outcome === 'done');
  const mean = (part: (operation: Operation) => number): string => {
    const sum = grown.reduce((total, operation) => total + part(operation), 0);
    return (sum / Math.max(1, grown.length)).toFixed(1);
  };
  return (
    `${waits} waits of ${(waited_ms / Math.max(1, waits)).toFixed(1)} ms; of a growth: decided ` +
    `to sent ${mean((one) => between(one.requested_at_ms, one.decided_at_ms))} ms, accepted ` +
    `${mean((one) => between(one.accepted_at_ms, one.requested_at_ms))} ms, plugged ` +
    `${mean((one) => between(one.plugged_at_ms, one.accepted_at_ms))} ms`
  );
}
