/** An agent in this process, with real VMs of the kernel with the series. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { prepareImages } from '../../agent/executor/built-images.ts';
import { HostAgent } from '../../agent/executor/host-agent.ts';
import type { CoreConfig } from '../../agent/model/config.ts';
import { hostClock } from '../../base/clock.ts';
import { silentProgress } from '../../base/progress.ts';
import { openHypervisor } from '../../hypervisor-client/index.ts';

/** It ends with the test, and its VMs with it; it may have been stopped before. */
export async function realAgent(
  t: Pick<ExecutionContext, 'teardown'>,
  host_limit_bytes: number,
  bounds: Partial<CoreConfig> = {},
): Promise<HostAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-real-'));
  const log = pino({ level: 'warn' });
  const signal = new AbortController().signal;
  const wanted = { mechanisms: ['hotmem'], guest_kernel: 'series', signal, log } as const;
  const agent = new HostAgent({
    clock: hostClock,
    hypervisor: await openHypervisor('qemu'),
    images: await prepareImages({ ...wanted, progress: silentProgress }),
    log,
    host_limit_bytes,
    bounds,
    vms_dir: folder,
    version: 'test',
  });
  t.teardown(async () => {
    await agent.stop(0);
    await rm(folder, { recursive: true, force: true });
  });
  return agent;
}
