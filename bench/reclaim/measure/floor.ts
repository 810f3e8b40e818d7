/** Times the host's own discard with a process of ours. */
import { execa } from 'execa';
import { BENCH_LIMITS } from '../../limits.ts';
import { toolEnvironment } from '../../../base/tool-environment.ts';
import { toolFailed } from '../../errors.ts';
import type { FloorLine } from '../results/records.ts';

export interface FloorRequest {
  readonly program: string;
  readonly round: number;
  readonly backing: FloorLine['backing'];
  readonly region_bytes: number;
  readonly touched_bytes: number;
  readonly signal?: AbortSignal | undefined;
}

export async function measureFloor(request: FloorRequest): Promise<FloorLine> {
  const { program, round, backing, region_bytes, touched_bytes, signal } = request;
  const result = await execa(program, [String(region_bytes), String(touched_bytes), backing], {
    reject: false,
    timeout: BENCH_LIMITS.floor_ms,
    env: toolEnvironment(),
    extendEnv: false,
    ...(signal ? { cancelSignal: signal } : {}),
  });
  const figures = /^(\d+) (\d+) (\d+) (\d+)$/.exec(result.stdout.trim())?.slice(1).map(Number);
  const [discard_ns, host_huge_bytes, resident_bytes, resident_after_bytes] = figures ?? [];
  if (
    discard_ns === undefined ||
    host_huge_bytes === undefined ||
    resident_bytes === undefined ||
    resident_after_bytes === undefined
  ) {
    throw toolFailed('the floor program', result.stderr || String(result.shortMessage), result);
  }
  return {
    round,
    backing,
    region_bytes,
    touched_bytes,
    discard_ms: discard_ns / 1e6,
    host_huge_bytes,
    resident_bytes,
    resident_after_bytes,
  };
}
