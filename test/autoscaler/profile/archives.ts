/** Archives of profile runs, with nothing in them but what a test says. */
import type { ProfileArchive, ProfiledCall } from '../../../autoscaler/profile/archive.ts';
import { standInSpec } from '../../../autoscaler/profile/profile-plan.ts';
import { MIB } from '../../../base/units.ts';
import { FACTS } from '../replay-rig.ts';
import { callOf } from './calls.ts';

const OPTIONS = { mechanism: 'hotmem', concurrency: 8, keep_alive_ms: 1_000 } as const;

/** `executes_ms`: of each warm call of `instance`, beside 3 ms until it begins to answer. */
export function archiveOf(
  instance: string,
  executes_ms: readonly number[],
  mechanism: 'hotmem' | 'virtio-mem' = 'hotmem',
): ProfileArchive {
  const spec = { ...standInSpec('f', 64 * MIB, OPTIONS), name: 'f', mechanism };
  const calls = executes_ms.map((execute_ms, index): ProfiledCall => {
    const at_ms = index * 100;
    return callOf({
      invocation_id: `p${index}`,
      instance,
      instance_id: `i${index}`,
      received_at_ms: at_ms,
      assigned_at_ms: at_ms + 1,
      first_byte_at_ms: at_ms + 3,
      finished_at_ms: at_ms + 3 + execute_ms,
    });
  });
  return {
    manifest: {
      schema_version: 1,
      kind: 'profile',
      status: 'complete',
      ...FACTS,
      command: [...FACTS.command],
      workload: { path: 'w', sha256: 'aa', test_name: 't', duration_s: 1, document: '{}' },
      seed: 1,
      seed_is_drawn: false,
      instances: [
        {
          name: instance,
          application: 'f',
          function: 'f',
          distribution: null,
          rate_per_s: null,
          arrivals: calls.length,
          payload_bytes: 2,
          payload_sha256: 'bb',
          stands_in: false,
        },
      ],
      functions: [
        { spec, is_deployed_here: true, vmm: 'fake', accelerator: 'tcg', guest_kernel: '6.12' },
      ],
      not_used: [],
      clock_start_ms: 0,
      observed_ms: 1,
      drained: true,
      error: null,
    },
    calls,
    operations: [],
    memory: [],
    load: [],
    accesses: null,
    torn_files: [],
    missing_files: [],
  };
}
