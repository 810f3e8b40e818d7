/** `hotplane agent`: from an empty state folder to an agent that serves, and back. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { hostClock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import type { Hypervisor, VmHandle } from '../hypervisor-client/vm.ts';
import { AgentServer } from './api/server.ts';
import { HostAgent } from './executor/host-agent.ts';
import type { GuestImages } from './executor/images.ts';
import { endLeftovers } from './state/leftovers.ts';
import { lockStateDir } from './state/lock.ts';

export interface DaemonOptions {
  readonly socket_path: string;
  readonly state_dir: string;
  readonly host_limit_bytes: number;
  readonly version: string;
  readonly log: Logger;
  /** The VMM for new VMs, and the driver of a VM found in the state folder. */
  readonly openHypervisor: () => Promise<Hypervisor>;
  readonly openDriver: (vmm: VmHandle['vmm']) => Promise<Hypervisor>;
  readonly prepareImages: () => Promise<GuestImages>;
  readonly onServing: () => void;
  /** Aborts when the agent is to stop. */
  readonly signal: AbortSignal;
}

/**
 * Serves until `signal` aborts; afterwards none of its VMs and sockets is left. Throws
 * HP_AGENT_FATAL, after the same end, when the agent found a fault of its own.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { log, state_dir, signal, socket_path } = options;
  const vms_dir = join(state_dir, 'vms');
  await mkdir(vms_dir, { recursive: true, mode: 0o700 });
  const unlock = await lockStateDir(state_dir);
  try {
    const hypervisor = await options.openHypervisor();
    const { vmm, version, accelerator } = await hypervisor.probe();
    log.info({ vmm, vmm_version: version, accelerator }, 'the VMM is usable');
    const { first_id } = await endLeftovers(vms_dir, options.openDriver, log);
    const images = await options.prepareImages();
    if (signal.aborted) return;
    const agent = new HostAgent({
      clock: hostClock,
      hypervisor,
      images,
      log,
      host_limit_bytes: options.host_limit_bytes,
      vms_dir,
      version: options.version,
      first_id,
    });
    await serve(agent, options);
    log.info({ socket: socket_path }, 'stopped');
  } finally {
    await unlock();
  }
}

async function serve(agent: HostAgent, options: DaemonOptions): Promise<void> {
  const { socket_path, log, signal } = options;
  const server = await AgentServer.listen({ agent, socket_path, log });
  log.info({ socket: socket_path, host_limit_bytes: options.host_limit_bytes }, 'serving');
  options.onServing();
  const asked = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([asked, agent.fatal]);
  log.info(
    { reason: String(signal.reason ?? 'HP_AGENT_FATAL') },
    'stopping: no new calls, VMs are being shut down',
  );
  const closed = server.close(LIMITS.agent_drain_ms + LIMITS.agent_close_ms);
  try {
    await agent.stop(LIMITS.agent_drain_ms);
  } finally {
    await closed;
  }
}
