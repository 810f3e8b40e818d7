/**
 * A policy that answers anything: sizes beyond the region, candidates that were not offered, stops
 * of what is not there. Still pure: a function of seed and view.
 */
import { scaleToQueue } from '../../../agent/core/default-policy/scale.ts';
import type {
  Candidate,
  FunctionView,
  Policy,
  Scale,
  SizeView,
} from '../../../agent/core/policy.ts';
import { MIB } from '../../../base/units.ts';

/** A number below `below` that depends on all of its parts. */
function pick(below: number, ...parts: readonly (number | string)[]): number {
  let hash = 2_166_136_261;
  for (const char of parts.join('/'))
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619);
  return (hash >>> 0) % below;
}

function place(
  seed: number,
  view: FunctionView,
  candidates: readonly Candidate[],
): Candidate | null {
  const choice = pick(candidates.length + 2, seed, view.now_ms, view.queued, 'place');
  const [first] = candidates;
  if (choice === candidates.length + 1 && first) return { ...first, instance: null };
  return candidates[choice] ?? null;
}

function scale(seed: number, view: FunctionView): Scale {
  const usual = scaleToQueue(view);
  const { now_ms, queued, vms } = view;
  const roll = (below: number, what: string): number => pick(below, seed, now_ms, queued, what);
  const instances = vms.flatMap((vm) => vm.instances.map(({ id }) => ({ vm_id: vm.id, id })));
  const any = instances[roll(instances.length + 3, 'stop')] ?? { vm_id: 'vm0', id: 'none' };
  const stops = roll(4, 'stops') === 0 ? [{ vm_id: any.vm_id, instance_id: any.id }] : [];
  const ends = roll(6, 'ends') === 0 ? [vms[roll(vms.length + 1, 'end')]?.id ?? 'vm0'] : [];
  return {
    starts: usual.starts + roll(3, 'starts') - 1,
    stops: [...usual.stops, ...stops, ...stops],
    launches: roll(5, 'launches') - 2,
    ends: [...ends, ...usual.ends],
    plugged: roll(4, 'plugged') - 1,
    wake_at_ms: roll(3, 'wakes') === 0 ? now_ms + 1 + roll(2_000, 'wake') : usual.wake_at_ms,
  };
}

/** In steps that are no sizes of a region, from below nothing to beyond all of it. */
function size(seed: number, view: SizeView): ReturnType<Policy['size']> {
  const { now_ms, region, instance } = view;
  const roll = pick(8, seed, now_ms, region.id, region.target_bytes, instance?.id ?? '');
  if (roll === 0) return null;
  const target_bytes = (roll - 2) * 100 * MIB;
  return { target_bytes, at_ms: roll === 1 ? now_ms + 700 : null };
}

export function chaosPolicy(seed: number): Policy {
  return {
    name: 'chaos',
    elastic: true,
    admit: (view) =>
      pick(10, seed, view.now_ms, view.queued) === 0
        ? { admit: false, reason: 'chance' }
        : { admit: true },
    place: (view, candidates) => place(seed, view, candidates),
    scale: (view) => scale(seed, view),
    size: (view) => size(seed, view),
    learn: (memory, event, now_ms) => ({ before: memory === undefined, last: event.type, now_ms }),
  };
}
