/** An agent with many simulated VMs that have done something, and its page on loopback. */
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { HttpSurface } from '../../../agent/http/surface.ts';
import { emulated } from '../../../agent/model/work.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB, MIB } from '../../../base/units.ts';
import {
  type FakeFaults,
  FakeHypervisor,
  NO_FAULTS,
} from '../../../agent/testing/fake-hypervisor.ts';
import { type Served, serve } from '../api/serving.ts';
import { specOf, WORK } from '../core/world.ts';

export interface BusyAgent extends Served {
  readonly surface: HttpSurface;
  readonly port: number;
}

/** No VM yet. */
export async function agentWithPage(
  t: Pick<ExecutionContext, 'teardown'>,
  host_limit_bytes: number = 8 * GIB,
  own: Parameters<typeof serve>[2] = {},
): Promise<BusyAgent> {
  let unplugs = 0;
  const faults: FakeFaults = {
    ...NO_FAULTS,
    resize: (kind) => {
      unplugs += kind === 'unplug' ? 1 : 0;
      return kind === 'unplug' && unplugs === 2 ? 'refuse' : 'none';
    },
  };
  const hypervisor = new FakeHypervisor(hostClock, faults, { resize_ms: 20 });
  const served = await serve(t, host_limit_bytes, { hypervisor, ...own });
  const log = pino({ level: 'silent' });
  const surface = await HttpSurface.listen({ host: '127.0.0.1', port: 0 }, log);
  t.teardown(() => surface.close());
  surface.attach(served.agent);
  surface.serving();
  return { ...served, surface, port: surface.server.port ?? 0 };
}

/** `vms` functions with a VM each; half of their instances run at once, and some stay. */
export async function makeBusy({ client, agent }: BusyAgent, vms: number): Promise<void> {
  const names = Array.from({ length: vms }, (_, index) => `resize-image-${index}`);
  const shape = { concurrency: 8, limit_bytes: 128 * MIB, keep_alive_ms: 600_000 };
  await Promise.all(names.map((name) => client.deploy(specOf(name, shape))));
  const calls = names.flatMap((name, index) => {
    const many = 1 + (index % 3);
    return Array.from({ length: many }, (_, call) =>
      agent.invoke(name, `${name}-${call}`, emulated(WORK)),
    );
  });
  await Promise.all(calls);
  const drained = names.filter((_, index) => index % 4 === 3);
  await Promise.all(drained.map((name) => client.drain(name)));
}
