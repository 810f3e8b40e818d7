/** Which bursts are fired, in which order. Pure. */
import { PLAIN_SPEC } from '../../agent/model/spec.ts';
import type { MechanismName } from '../../agent/model/mechanism.ts';
import type { FunctionSpec } from '../../autoscaler/replay/agent-api.ts';
import { nodeBootBytes } from '../../hypervisor-client/host/guest-node.ts';
import { MEMORY_BLOCK_BYTES, MIB } from '../../base/units.ts';
import type { InvokeOptions } from './options.ts';

/** One burst: so many invocations at once, each of which needs an instance of its own. */
export interface BurstPlan {
  /** Number of the burst in the run, from 1. */
  readonly burst: number;
  readonly round: number;
  readonly mechanism: MechanismName;
  readonly starts: number;
}

/** Lone starts are cheap and few of them make a poor median. */
const LONE_STARTS_A_ROUND = 3;
/** Kept out of the way: every burst drains what it started. */
const KEEP_ALIVE_MS = 3_600_000;
/** Of the VM itself, beside what guest nodes take. */
const KERNEL_BYTES = 256 * MIB;

/** Mechanisms take turns; every second round runs backwards, so that drift hits all alike. */
export function burstsOf({ mechanisms, starts, rounds }: InvokeOptions): BurstPlan[] {
  return Array.from({ length: rounds }, (_, index) => {
    const forward = starts.flatMap((count) =>
      Array.from({ length: count === 1 ? LONE_STARTS_A_ROUND : 1 }, () => count).flatMap((many) =>
        mechanisms.map((mechanism) => ({ round: index + 1, mechanism, starts: many })),
      ),
    );
    return index % 2 === 0 ? forward : forward.toReversed();
  })
    .flat()
    .map((one, index) => ({ burst: index + 1, ...one }));
}

/** The function of a mechanism: regions of one memory block, as many as the largest burst. */
export function specOf(
  mechanism: MechanismName,
  options: Pick<InvokeOptions, 'starts' | 'vcpus'>,
): FunctionSpec {
  const concurrency = Math.max(...options.starts);
  return {
    name: functionName(mechanism),
    mechanism,
    limit_bytes: MEMORY_BLOCK_BYTES,
    concurrency,
    vcpus: options.vcpus,
    boot_bytes: KERNEL_BYTES + concurrency * nodeBootBytes(MEMORY_BLOCK_BYTES),
    keep_alive_ms: KEEP_ALIVE_MS,
    ...PLAIN_SPEC,
  };
}

export const functionName = (mechanism: MechanismName): string => `bench-${mechanism}`;
