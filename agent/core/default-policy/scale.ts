/**
 * How many instances and VMs: one start for each that waits, one stop for each idle too long. Pure.
 */
import { isFreeHome } from '../../model/parts.ts';
import type { FunctionView, Scale, VmView } from '../policy.ts';

const NO_STOPS: Scale['stops'] = [];
/** A VM that will take work soon. */
const COMING: ReadonlySet<VmView['phase']> = new Set(['booting', 'filling', 'adopting']);
const NO_ENDS: Scale['ends'] = [];

/**
 * One start for each waiting invocation that no start under way was made for; an instance idle for
 * `keep_alive_ms` is stopped. One more VM at a time while regions are wanting, and a VM beyond the
 * first ends when it was quiet for `keep_alive_ms`.
 */
export function scaleToQueue(view: FunctionView): Scale {
  const { now_ms, queued, vms, spec } = view;
  const many = spec.max_vms > 1;
  let starting = 0;
  let stops: { vm_id: string; instance_id: string }[] | null = null;
  let wake_at_ms: number | null = null;
  for (const { id, instances } of vms) {
    for (const { phase, idle_since_ms, id: instance_id } of instances) {
      if (phase === 'starting') starting += 1;
      if (phase !== 'idle') continue;
      const due_ms = idle_since_ms + spec.keep_alive_ms;
      if (due_ms <= now_ms) (stops ??= []).push({ vm_id: id, instance_id });
      else if (wake_at_ms === null || due_ms < wake_at_ms) wake_at_ms = due_ms;
    }
  }
  const starts = Math.max(0, queued - starting);
  let launches = 0;
  let ends = NO_ENDS;
  if (many) {
    const quiet = quietVms(view);
    const quiet_ms = quiet.wake_at_ms;
    if (wake_at_ms === null || (quiet_ms !== null && quiet_ms < wake_at_ms)) wake_at_ms = quiet_ms;
    launches = launchesFor(view, starts);
    ends = quiet.ids;
  }
  return { starts, stops: stops ?? NO_STOPS, launches, ends, plugged: 0, wake_at_ms };
}

/** One more VM where regions are wanting for so many starts, and none is on its way. */
export function launchesFor(
  { vms, spec }: Pick<FunctionView, 'vms' | 'spec'>,
  starts: number,
): number {
  const present = vms.filter(({ phase }) => phase !== 'lost');
  if (present.length >= spec.max_vms) return 0;
  if (present.some(({ phase }) => COMING.has(phase))) return 0;
  return starts > freeRegions(present) ? 1 : 0;
}

/** So many VMs that all of these starts have a region, those on their way counted. */
export function launchesForAll(
  { vms, spec }: Pick<FunctionView, 'vms' | 'spec'>,
  starts: number,
): number {
  const present = vms.filter(({ phase }) => phase !== 'lost');
  const coming = present.filter(({ phase }) => COMING.has(phase)).length;
  const lacking = starts - freeRegions(present) - coming * spec.concurrency;
  const most = Math.max(0, spec.max_vms - present.length);
  return Math.min(most, Math.max(0, Math.ceil(lacking / spec.concurrency)));
}

/** Regions of all that run in which an instance can start. */
export function freeRegions(vms: readonly VmView[]): number {
  let count = 0;
  for (const { phase, regions, retiring } of vms) {
    if (phase !== 'running' || retiring) continue;
    for (const region of regions) if (isFreeHome(regions, region)) count += 1;
  }
  return count;
}

function quietVms({ vms, spec, now_ms }: FunctionView): {
  ids: readonly string[];
  wake_at_ms: number | null;
} {
  const ids: string[] = [];
  let wake_at_ms: number | null = null;
  for (const { id, phase, quiet_since_ms } of vms.slice(1)) {
    if (phase !== 'running' || quiet_since_ms === null) continue;
    const due_ms = quiet_since_ms + spec.keep_alive_ms;
    if (due_ms <= now_ms) ids.push(id);
    else if (wake_at_ms === null || due_ms < wake_at_ms) wake_at_ms = due_ms;
  }
  return { ids, wake_at_ms };
}
