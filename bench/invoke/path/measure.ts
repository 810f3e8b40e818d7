/** Calls of an echo and round trips of a bare channel, in turns. */
import { join } from 'node:path';
import type { AgentClient } from '../../../agent/api/client.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import type { Invocation } from '../../../autoscaler/replay/agent-api.ts';
import { hostClock } from '../../../base/clock.ts';
import { newOwnedFolder } from '../../../base/owned-folder.ts';
import { cacheDir, runtimeDir } from '../../../base/paths.ts';
import type { Progress } from '../../../base/progress.ts';
import { MEMORY_BLOCK_BYTES } from '../../../base/units.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { openHypervisor } from '../../../hypervisor-client/index.ts';
import type { Vm } from '../../../hypervisor-client/vm.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import { ensureGuest } from '../../../images/index.ts';
import { guestKernelArguments } from '../../../images/kernel/arguments.ts';
import { callFailed } from '../../errors.ts';
import { ECHO_FUNCTION, echoFunction } from './echo-function.ts';
import { RawChannel } from './raw-channel.ts';
import { pathCallOf, type PathCall } from './stages.ts';
import { type PathSummary, type PathTimes, summarizePath } from './summary.ts';

/** In a round, of each. */
const SMALL = 20;
const LARGE = 2;

export interface PathOptions {
  readonly mechanism: MechanismName;
  readonly vcpus: number;
  readonly rounds: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const ASKED = {
  function: ECHO_FUNCTION,
  invocation_id: '',
  payload: Buffer.of(),
  content_type: 'application/octet-stream',
  timeout_ms: null,
  http: null,
} as const;
const HOPS = { method: 'GET', path: '/hops', headers: [] } as const;

type PathApi = Pick<AgentClient, 'deploy' | 'invoke'>;

/**
 * Throws HP_BENCH_CALL, HP_IMAGE_*, HP_VMM_*. The function stays deployed: it ends with its agent.
 */
export async function measurePath(api: PathApi, options: PathOptions): Promise<PathSummary> {
  const { mechanism, vcpus, rounds, signal } = options;
  const spec = await echoFunction(mechanism, { vcpus, cache_dir: cacheDir(), signal });
  const owned = await newOwnedFolder(runtimeDir(), 'bench');
  try {
    await api.deploy(spec, { signal });
    const vm = await channelVm(join(owned.path, 'channel'), spec.boot_bytes, options);
    try {
      const channel = new RawChannel(await vm.guestChannel());
      await channel.greeted();
      return summarizePath(await inTurns(api, channel, rounds, signal));
    } finally {
      await vm.shutdown();
    }
  } finally {
    await owned.remove();
  }
}

/** A guest that nobody asks for anything but to answer. */
async function channelVm(
  run_dir: string,
  boot_bytes: number,
  { vcpus, progress, signal }: PathOptions,
): Promise<Vm> {
  const guest = { variant: 'hotmem', progress, cache_dir: cacheDir(), signal } as const;
  const { kernel_path, initrd_path } = await ensureGuest(guest);
  const hypervisor = await openHypervisor('qemu');
  return await hypervisor.launch(
    {
      id: 'bench-channel',
      run_dir,
      kernel_path,
      initrd_path,
      kernel_arguments: guestKernelArguments({
        partitions: 'none',
        init_on_alloc: false,
        guest_huge_pages: false,
      }),
      vcpus,
      boot_bytes,
      devices: [deviceOf({ id: 'r0', max_bytes: MEMORY_BLOCK_BYTES, initial_bytes: 0 })],
      backing: 'anonymous',
      accelerator: 'auto',
    },
    { signal },
  );
}

async function inTurns(
  api: PathApi,
  channel: RawChannel,
  rounds: number,
  signal: AbortSignal,
): Promise<PathTimes> {
  const nothing = new Uint8Array();
  const large = Uint8Array.from({ length: PROTOCOL.payload_bytes }, (_, index) => index % 251);
  const times = {
    ping_ms: Array.of<number>(),
    sent_ms: Array.of<number>(),
    hops_ms: Array.of<number>(),
  };
  const calls = Array.of<PathCall>();
  const echoes = Array.of<PathCall>();
  // The first of each starts, connects and translates what the others find there.
  await channel.ping();
  await called(api, nothing, signal);
  await called(api, large, signal);
  await channel.sent(large);
  for (let round = 0; round < rounds; round += 1) {
    for (let index = 0; index < SMALL; index += 1) {
      times.ping_ms.push(await channel.ping());
      calls.push(await called(api, nothing, signal));
    }
    times.hops_ms.push(await hops(api, signal));
    for (let index = 0; index < LARGE; index += 1) {
      times.sent_ms.push(await channel.sent(large));
      echoes.push(await called(api, large, signal));
    }
  }
  return { ...times, calls, echoes, large_bytes: large.length };
}

async function called(api: PathApi, payload: Uint8Array, signal: AbortSignal): Promise<PathCall> {
  const from_ms = hostClock.nowMs();
  const asked = { ...ASKED, payload: Buffer.from(payload) };
  const reply = await api.invoke(asked, { signal });
  const here_ms = hostClock.nowMs();
  assertEchoed(reply, reply.answer?.bytes.length ?? null, payload.length);
  return pathCallOf(reply, from_ms, here_ms);
}

/** What bare processes take for the hops of a call, in the guest of the echo (ms). */
async function hops(api: PathApi, signal: AbortSignal): Promise<number> {
  const reply = await api.invoke({ ...ASKED, http: HOPS }, { signal });
  const ms = Number(reply.answer ? Buffer.from(reply.answer.bytes).toString() : Number.NaN);
  if (ms >= 0) return ms;
  throw callFailed(`the hops of bare processes gave ${ms}: ${reply.error_code} ${reply.reason}`);
}

function assertEchoed(reply: Invocation, came_bytes: number | null, sent_bytes: number): void {
  if (reply.outcome === 'done' && came_bytes === sent_bytes) return;
  const { error_code, reason } = reply;
  throw callFailed(`an echo of ${sent_bytes} bytes gave ${came_bytes}: ${error_code} ${reason}`);
}
