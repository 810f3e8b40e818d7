/** The book against the host: what can never run is refused, and every VMM process is booked. */
import test from 'ava';
import { pino } from 'pino';
import { HostAgent } from '../../../agent/executor/host-agent.ts';
import { FakeHypervisor } from '../../../agent/testing/fake-hypervisor.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FAKE_IMAGES } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { emulated } from '../../../agent/model/work.ts';

function hostOf(host_limit_bytes: number): { agent: HostAgent; clock: FakeClock } {
  const clock = new FakeClock();
  const agent = new HostAgent({
    clock,
    hypervisor: new FakeHypervisor(clock),
    images: FAKE_IMAGES,
    log: pino({ level: 'silent' }),
    host_limit_bytes,
    vms_dir: '/nonexistent/vms',
    version: 'test',
    vmm_overhead_bytes: 100 * MIB,
    host_cpus: 2,
  });
  return { agent, clock };
}

const NEVER: readonly {
  readonly name: string;
  readonly spec: Partial<FunctionSpec>;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
}[] = [
  {
    name: 'an instance larger than the host',
    spec: { limit_bytes: 64 * GIB },
    code: 'HP_AGENT_NO_MEMORY',
    details: { limit_bytes: 4 * GIB, region_bytes: 64 * GIB, instances: 1 },
  },
  {
    name: 'one that fits only without boot memory and VMM',
    spec: { limit_bytes: 4 * GIB - 256 * MIB, boot_bytes: 256 * MIB },
    code: 'HP_AGENT_NO_MEMORY',
    details: { needed_bytes: 4 * GIB + 100 * MIB, vmm_overhead_bytes: 100 * MIB },
  },
  {
    name: 'all instances of a static function together',
    spec: { mechanism: 'static', limit_bytes: GIB, concurrency: 4 },
    code: 'HP_AGENT_NO_MEMORY',
    details: { instances: 4 },
  },
  {
    name: 'more vCPUs than CPUs',
    spec: { vcpus: 64 },
    code: 'HP_AGENT_TOO_MANY_VCPUS',
    details: { vcpus: 64, host_cpus: 2 },
  },
];

for (const { name, spec, code, details } of NEVER) {
  test(`refused at deploy with numbers: ${name}`, async (t) => {
    const { agent } = hostOf(4 * GIB);
    const error = await t.throwsAsync(agent.deploy(specOf('f', spec)));
    t.like(error, { code, details });
    t.deepEqual(agent.dump().functions, []);
    agent.close();
  });
}

test('what fits when the host is empty is refused only while it is not', async (t) => {
  const { agent, clock } = hostOf(GIB);
  await clock.until(agent.deploy(specOf('a', { limit_bytes: 384 * MIB })));
  await clock.until(agent.invoke('a', 'x', emulated(WORK)));
  const error = await t.throwsAsync(agent.deploy(specOf('b', { limit_bytes: 384 * MIB })));
  t.like(error, { code: 'HP_AGENT_NO_MEMORY', details: { granted_bytes: 740 * MIB } });
  await clock.until(agent.stop(0));
});

test('capacity, granted and free are of one book: boot memory, VMM and regions', async (t) => {
  const { agent, clock } = hostOf(2 * GIB);
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 1e6 })));
  await clock.until(agent.invoke('f', 'x', emulated(WORK)));
  const granted_bytes = (256 + 100 + 128) * MIB;
  const status = await clock.until(agent.status('', true));
  t.like(status, { host_limit_bytes: 2 * GIB, granted_bytes, free_bytes: 2 * GIB - granted_bytes });
  t.like(JSON.parse(status.state_json ?? ''), { granted_bytes });
  t.is(agent.grantedBytes(), granted_bytes);
  await clock.until(agent.stop(0));
  t.is(agent.grantedBytes(), 0);
});
