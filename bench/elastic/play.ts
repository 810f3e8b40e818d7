/** One play: an invocation for each of its works at the same time, then everything given back. */
import { emulated } from '../../agent/model/work.ts';
import type { AgentClient } from '../../agent/api/client.ts';
import { heardStatus } from '../../agent/api/heard-status.ts';
import type { FunctionStatus } from '../../agent/model/messages.ts';
import type { Clock } from '../../base/clock.ts';
import { gibSeconds } from './figures.ts';
import { elasticFunction, type PlannedPlay } from './plan.ts';
import type { RecordKeeper } from '../record-keeper.ts';
import type { PlayLine } from './records.ts';

export type ElasticApi = Pick<AgentClient, 'invoke' | 'drain' | 'status' | 'watch'>;

export async function runPlay(
  api: ElasticApi,
  recorder: RecordKeeper,
  { play, mechanism, round }: PlannedPlay,
  clock: Clock,
  signal: AbortSignal,
): Promise<PlayLine> {
  const name = elasticFunction(mechanism);
  const from_ms = clock.nowMs();
  const replies = await Promise.all(
    play.works.map(async (work, index) => {
      const invocation_id = `${play.name} ${round}-${index + 1}`;
      return await api.invoke({ function: name, invocation_id, ...emulated(work) }, { signal });
    }),
  );
  const to_ms = clock.nowMs();
  await api.drain(name, { signal });
  const [status] = (await heardStatus(api, name, { clock, signal })).functions;
  const failed = replies.filter(({ outcome }) => outcome !== 'done');
  const [first] = failed;
  const steps = recorder.stepsOf(name);
  const window = { from_ms, to_ms };
  return {
    play: play.name,
    round,
    mechanism,
    ...window,
    planned_gib_s: play.used_gib_s,
    plugged_gib_s: status
      ? gibSeconds(steps, (step) => step.plugged_bytes - status.function.boot_bytes, window)
      : null,
    used_gib_s: gibSeconds(steps, (step) => step.region_used_bytes, window),
    failed: failed.length,
    reason: first ? `${first.error_code}: ${first.reason}` : null,
    pages_migrated: status?.pages_migrated ?? null,
    oom_kills: status?.oom_kills ?? null,
    left_bytes: status ? leftOf(status) : [],
  };
}

/** What VMM, guest and host say of all regions together. */
function leftOf({ regions }: FunctionStatus): (number | null)[] {
  const sum = (part: (region: FunctionStatus['regions'][number]) => number | null) =>
    regions.reduce<number | null>((total, region) => {
      const bytes = part(region);
      return total === null || bytes === null ? null : total + bytes;
    }, 0);
  return [
    sum((region) => region.plugged_bytes),
    sum((region) => region.guest_plugged_bytes),
    sum((region) => region.resident_bytes),
  ];
}
