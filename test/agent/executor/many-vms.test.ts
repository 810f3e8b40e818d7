/** An agent that comes back to a thousand VMs serves soon, and costs in proportion to them. */
import test, { type ExecutionContext } from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostAgent } from '../../../agent/executor/host-agent.ts';
import { StateFile } from '../../../agent/store/state-file.ts';
import { FakeHypervisor, NO_FAULTS } from '../../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { specOf } from '../core/world.ts';
import { earlierIn, QUIET_PARTS } from './next-agent.ts';

const MANY = 1_000;
const FEW = 250;
const REGIONS = 32;
const DEADLINE_MS = 120_000;
const LIMIT_BYTES = 64 * 1_024 * GIB;
const BOUNDS = { vms_max: MANY };

const usedMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** CPU time (ms) from an opened state to the last VM taken up, simulated VMs included. */
async function restartMs(t: ExecutionContext, count: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-many-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'state.db');
  const hypervisor = new FakeHypervisor(hostClock, NO_FAULTS, { resize_ms: 0 });
  const parts = {
    clock: hostClock,
    hypervisor,
    ...QUIET_PARTS,
    host_limit_bytes: LIMIT_BYTES,
    bounds: BOUNDS,
  };
  const store = await StateFile.open(path);
  const first = new HostAgent({ ...parts, store });
  const part = { mechanism: 'hotmem', concurrency: REGIONS, limit_bytes: 128 * MIB } as const;
  const names = Array.from({ length: count }, (_, at) => `f${at}`);
  await Promise.all(names.map((name) => first.deploy(specOf(name, part))));
  await first.release();
  store.close();
  const begun_ms = usedMs();
  const next_store = await StateFile.open(path);
  const before = { path, host_limit_bytes: LIMIT_BYTES, bounds: BOUNDS };
  const left = earlierIn(next_store, hypervisor, before);
  if (!left.earlier) throw new Error('the first agent left a state');
  const next = new HostAgent({ ...parts, store: next_store, ...left });
  const serves = (): true | null => {
    const vms = [...next.state.vms.values()];
    return vms.length === count && vms.every(({ phase }) => phase === 'running') ? true : null;
  };
  const is_up = await waitFor(serves, { clock: hostClock, deadline_ms: DEADLINE_MS });
  const used_ms = usedMs() - begun_ms;
  t.true(is_up, `${count} VMs are taken up`);
  await next.release();
  next_store.close();
  return used_ms;
}

test('an agent takes 1,000 VMs of 32 regions up in proportion to what 250 take', async (t) => {
  await restartMs(t, FEW);
  const before_ms = await restartMs(t, FEW);
  const many_ms = await restartMs(t, MANY);
  // Before and after: a host that others use makes the same work dearer at times.
  const few_ms = Math.max(before_ms, await restartMs(t, FEW));
  t.log(`${FEW} VMs: ${Math.round(few_ms)} ms of CPU time, ${MANY}: ${Math.round(many_ms)} ms`);
  t.true(many_ms < (2 * MANY * few_ms) / FEW, 'cost grows in proportion, within a factor of 2');
});
