/** The agent with a real VMM and a real guest: memory really moves, and three observers agree. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { hostClock } from '../../base/clock.ts';
import { silentProgress } from '../../base/progress.ts';
import { GIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { openHypervisor } from '../../hypervisor-client/index.ts';
import { isAlive } from '../../base/process.ts';
import type { Capabilities, Hypervisor, Vm } from '../../hypervisor-client/vm.ts';
import type { FunctionStatus } from '../../agent/model/messages.ts';
import type { AgentRecord, Operation } from '../../agent/model/records.ts';
import { prepareImages } from '../../agent/executor/built-images.ts';
import { HostAgent } from '../../agent/executor/host-agent.ts';
import { specOf } from './core/world.ts';
import { heardFunction } from './heard.ts';
import { pending } from './pending.ts';
import { isUnknownOr, recorded } from './recorded.ts';
import { emulated } from '../../agent/model/work.ts';

const LIMIT_BYTES = 256 * MIB;
const WORK = { anonymous_bytes: 100 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 200 };
const DEADLINE_MS = 120_000;
/** Longer than the starts of others are behind: who is ready first serves none of their calls. */
const AT_ONCE = { ...WORK, wall_ms: 10_000 };
/** An instance stays until all have been looked at, however far apart they began; then not. */
const LONG_MS = 600_000;
const SHORT_MS = 1_500;

interface RealHost {
  readonly agent: HostAgent;
  readonly records: AgentRecord[];
  /** Of the records until now. */
  readonly operations: () => readonly Operation[];
  readonly vms: Vm[];
}

async function withRealHost(
  mechanisms: readonly string[],
  use: (host: RealHost) => Promise<void>,
  changes: Partial<Capabilities> = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-real-'));
  const log = pino({ level: 'warn' });
  const signal = new AbortController().signal;
  const guest_kernel = 'series';
  const progress = silentProgress;
  const images = await prepareImages({ mechanisms, guest_kernel, progress, signal, log });
  const driver = await openHypervisor('qemu');
  const vms: Vm[] = [];
  const hypervisor: Hypervisor = {
    kind: driver.kind,
    probe: async () => ({ ...(await driver.probe()), ...changes }),
    adopt: (handle) => driver.adopt(handle),
    runs: (process) => driver.runs(process),
    launch: async (spec, options) => {
      const vm = await driver.launch(spec, options);
      vms.push(vm);
      return vm;
    },
  };
  const agent = new HostAgent({
    clock: hostClock,
    hypervisor,
    images,
    log,
    host_limit_bytes: 4 * GIB,
    vms_dir: folder,
    version: 'test',
  });
  const records: AgentRecord[] = [];
  const watch = agent.watch({ memory_interval_ms: 100 });
  const reading = (async () => {
    for await (const record of watch) records.push(record);
  })();
  try {
    const operations = () => records.flatMap(({ operation }) => operation ?? []);
    await use({ agent, records, operations, vms });
  } finally {
    await agent.stop(0);
    await reading;
    await rm(folder, { recursive: true });
  }
}

async function until(
  agent: HostAgent,
  holds: (status: FunctionStatus) => boolean,
): Promise<FunctionStatus | null> {
  return await waitFor(
    async () => {
      const status = await heardFunction(agent, 'f');
      return holds(status) ? status : null;
    },
    { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 100 },
  );
}

/** All of it is back, by the book and by all three observers, of which the guest may be last. */
async function givenBack(agent: HostAgent): Promise<FunctionStatus | null> {
  return await until(agent, (status) => Object.values(sums(status)).every((sum) => sum === 0));
}

function sums(status: FunctionStatus): Record<string, number | null> {
  const sum = (pick: (region: FunctionStatus['regions'][number]) => number | null): number =>
    status.regions.reduce((total, region) => total + (pick(region) ?? Number.NaN), 0);
  return {
    permits: status.permits_bytes,
    vmm: sum((region) => region.plugged_bytes),
    guest: status.guest_plugged_bytes,
    resident: sum((region) => region.resident_bytes),
  };
}

test.serial('virtio-mem: two at once plug two regions, keep-alive gives both back', async (t) => {
  await withRealHost(['virtio-mem'], async ({ agent, records, operations, vms }) => {
    const spec = { limit_bytes: LIMIT_BYTES, keep_alive_ms: LONG_MS };
    await agent.deploy(specOf('f', spec));
    const both = await Promise.all([
      agent.invoke('f', 'one', emulated(AT_ONCE)),
      agent.invoke('f', 'two', emulated(AT_ONCE)),
    ]);
    for (const reply of both) t.like(reply, { outcome: 'done', cold: true, failure: null });
    const busy = await until(agent, (status) => status.guest_plugged_bytes === 2 * LIMIT_BYTES);
    t.truthy(busy, 'both regions are plugged by the guest too');
    // The instances still hold what they touched: it is resident, wherever the guest put it.
    t.true((busy?.vm_resident_bytes ?? 0) > 2 * WORK.anonymous_bytes);

    await agent.deploy(specOf('f', { ...spec, keep_alive_ms: SHORT_MS }), null, { update: true });
    const idle = await givenBack(agent);
    // Exactly nothing: a region's backing is whole pages of its own, so no rounding is due.
    t.deepEqual(
      sums(idle ?? (await heardFunction(agent, 'f'))),
      { permits: 0, vmm: 0, guest: 0, resident: 0 },
      'keep-alive passed and the regions were unplugged',
    );
    const ended = await recorded(operations, 4);
    await agent.remove('f');
    for (const vm of vms) {
      const { pid, pid_start_ticks } = vm.handle;
      t.false(await isAlive({ pid, start_ticks: pid_start_ticks }), 'no VMM is left');
    }
    const plugs = ended.filter(({ kind }) => kind === 'plug');
    const unplugs = ended.filter(({ kind }) => kind === 'unplug');
    t.is(plugs.length, 2);
    t.is(unplugs.length, 2);
    t.is(operations().length, ended.length, 'nothing more was moved');
    for (const operation of ended) checkOperation(t, operation);
    const steps = records.flatMap(({ memory }) => memory ?? []);
    t.true(steps.every((step) => step.committed_bytes >= step.plugged_bytes));
    t.is(Math.max(...steps.map((step) => step.plugged_bytes)), 256 * MIB + 2 * LIMIT_BYTES);
    t.deepEqual(steps.at(-1)?.resident_bytes, 0);
  });
});

/** Whether both points were reached, the one not before the other. */
function follows(at_ms: number | null, before_ms: number | null): boolean {
  return at_ms !== null && before_ms !== null && at_ms >= before_ms;
}

function checkOperation(
  t: { is: (a: unknown, b: unknown) => void; true: (value: boolean, message: string) => void },
  operation: Operation,
): void {
  t.is(operation.outcome, 'done');
  t.is(operation.error_code, null);
  t.true(follows(operation.accepted_at_ms, operation.requested_at_ms), 'accepted after requested');
  t.true(follows(operation.plugged_at_ms, operation.accepted_at_ms), 'moved after accepted');
  if (operation.kind === 'plug') {
    t.true(follows(operation.sandbox_at_ms, operation.decided_at_ms), 'the sandbox came after');
    t.true(follows(operation.instance_ready_at_ms, operation.plugged_at_ms), 'ready when plugged');
  } else {
    t.true(follows(operation.gone_at_ms, operation.stop_at_ms), 'gone after the stop');
    t.true(follows(operation.requested_at_ms, operation.gone_at_ms), 'unplugged after gone');
    t.true(follows(operation.resident_at_ms, operation.plugged_at_ms), 'the host saw it last');
    // What it says once it is heard was seen in the status.
    t.true(isUnknownOr(operation.guest_plugged_bytes, 0), `${operation.guest_plugged_bytes}`);
  }
}

test.serial('hotmem: four instances on one device, each in a region of its own', async (t) => {
  const use = async ({ agent, operations, vms }: RealHost): Promise<void> => {
    const size = { limit_bytes: 128 * MIB, boot_bytes: 512 * MIB };
    const spec = { mechanism: 'hotmem', concurrency: 4, ...size } as const;
    await agent.deploy(specOf('f', { ...spec, keep_alive_ms: LONG_MS }));
    const work = { ...AT_ONCE, anonymous_bytes: 64 * MIB };
    const calls = ['one', 'two', 'three', 'four'].map((id) =>
      agent.invoke('f', id, emulated(work)),
    );
    for (const reply of await Promise.all(calls)) {
      t.like(reply, { outcome: 'done', cold: true, failure: null });
    }
    t.is(vms[0]?.handle.spec.devices.length, 1);
    const busy = await until(agent, (status) => status.guest_plugged_bytes === 4 * 128 * MIB);
    t.truthy(busy, 'all partitions are plugged, by the word of the guest too');
    const resident = busy?.regions.map(({ resident_bytes }) => resident_bytes ?? 0) ?? [];
    t.true(
      resident.every((bytes) => bytes >= work.anonymous_bytes),
      resident.join(' '),
    );

    await agent.deploy(specOf('f', { ...spec, keep_alive_ms: SHORT_MS }), null, { update: true });
    const idle = await givenBack(agent);
    t.deepEqual(sums(idle ?? (await heardFunction(agent, 'f'))), {
      permits: 0,
      vmm: 0,
      guest: 0,
      resident: 0,
    });
    const ended = await recorded(operations, 8);
    await agent.remove('f');
    t.is(operations().length, 8, 'nothing more was moved');
    for (const { kind, outcome, error_code, guest_plugged_bytes } of ended) {
      t.deepEqual([outcome, error_code], ['done', null]);
      if (kind === 'unplug') t.true(isUnknownOr(guest_plugged_bytes, 0), `${guest_plugged_bytes}`);
    }
  };
  await withRealHost(['hotmem'], use, { devices_per_vm: 1 });
});

test.serial('a guest below 512 MiB has huge pages where it is asked to have them', async (t) => {
  await withRealHost(['hotmem'], async ({ agent }) => {
    const work = emulated({ ...WORK, anonymous_bytes: 64 * MIB });
    const faultsWith = async (name: string, guest_huge_pages: boolean): Promise<number> => {
      const size = { limit_bytes: LIMIT_BYTES, boot_bytes: 256 * MIB, guest_huge_pages };
      await agent.deploy(specOf(name, { ...size, mechanism: 'hotmem' }));
      const { minor_faults } = await agent.invoke(name, name, work);
      await agent.remove(name);
      return minor_faults ?? Number.NaN;
    };
    const [small, huge] = [await faultsWith('f', false), await faultsWith('g', true)];
    t.true(small >= (64 * MIB) / 4_096, `${small} faults of small pages`);
    t.true(huge < small / 50, `${huge} faults of huge pages`);
  });
});

test.serial('static: plugged from boot to end, nothing moves in between', async (t) => {
  await withRealHost(['static'], async ({ agent, operations }) => {
    const spec = { limit_bytes: LIMIT_BYTES, keep_alive_ms: 200, mechanism: 'static' } as const;
    await agent.deploy(specOf('f', spec));
    t.like(await agent.invoke('f', 'one', emulated(WORK)), { outcome: 'done', cold: true });
    const idle = await until(agent, (one) => one.instances_idle + one.instances_stopping === 0);
    t.like(idle && sums(idle), { permits: 2 * LIMIT_BYTES, vmm: 2 * LIMIT_BYTES });
    await recorded(operations, 2);
    await agent.remove('f');
    t.deepEqual(
      operations().map(({ kind }) => kind),
      ['plug', 'plug'],
    );
  });
});

test.serial(
  'an invocation above the limit is killed alone and its region comes back',
  async (t) => {
    await withRealHost(['virtio-mem'], async ({ agent }) => {
      await agent.deploy(specOf('f', { limit_bytes: 128 * MIB, keep_alive_ms: 60_000 }));
      const well = await agent.invoke(
        'f',
        'well',
        emulated({ ...WORK, anonymous_bytes: 16 * MIB }),
      );
      t.is(well.outcome, 'done');
      const at_work = emulated({ ...WORK, anonymous_bytes: 0, wall_ms: 3_000 });
      const slow = pending(agent.invoke('f', 'neighbour', at_work));
      const greedy = await agent.invoke(
        'f',
        'greedy',
        emulated({ ...WORK, anonymous_bytes: 400 * MIB }),
      );
      t.is(greedy.outcome, 'failed');
      t.is(greedy.failure?.code, 'HP_AGENT_INSTANCE_OOM');
      t.is((await slow).outcome, 'done');
      const after = await until(agent, (status) => status.permits_bytes === 128 * MIB);
      t.truthy(after, 'the region of the killed instance was unplugged');
      await agent.remove('f');
    });
  },
);

test.serial('a VM that is killed fails its invocations; another one comes by itself', async (t) => {
  await withRealHost(['virtio-mem'], async ({ agent, vms }) => {
    await agent.deploy(specOf('f', { limit_bytes: 128 * MIB }));
    await agent.invoke('f', 'warm', emulated({ ...WORK, anonymous_bytes: 0, wall_ms: 1 }));
    const at_work = emulated({ ...WORK, anonymous_bytes: 0, wall_ms: 60_000 });
    const lost = pending(agent.invoke('f', 'lost', at_work));
    process.kill(vms[0]?.handle.pid ?? 0, 'SIGKILL');
    const reply = await lost;
    t.is(reply.outcome, 'failed');
    t.is((await agent.invoke('f', 'again', emulated({ ...WORK, wall_ms: 1 }))).outcome, 'done');
    await agent.remove('f');
    t.is(vms.length, 2);
  });
});
