/**
 * Memory that follows its use: starts with what a function declares or its history says, grows when
 * somebody waits, and gives back what was free for a while. It answers `size` alone; everything
 * else is asked of the policy it is put upon, and functions that declare no sizes are left to that.
 * Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy, Size, SizeView } from '../../agent/core/policy.ts';
import type { HostEvent, RegionUsage } from '../../agent/model/events.ts';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { type FunctionSpec, type MemorySpec, regionBytes } from '../../agent/model/spec.ts';
import { formatBytes } from '../../base/units.ts';
import { estimateSize, expressionEstimator, type SizeEstimate } from './sizing/estimate.ts';
import {
  type GrowthBounds,
  type GrowthCosts,
  HOLD_MS_MIN,
  newSpan,
  nextSize,
  noteSize,
  noteUse,
  type SpanUse,
} from './sizing/growth.ts';
import { historyEstimator, NO_HISTORY, notePeak, type SizeHistory } from './sizing/history.ts';

/** Of one region: whose it is, how it was used, and the most of it since the last invocation. */
interface Watched {
  readonly instance_id: string;
  readonly use: SpanUse;
  readonly peak_bytes: number;
}

/** What is remembered: plain JSON, bounded by the functions and regions there are. */
interface Memory {
  readonly base: unknown;
  readonly histories: Readonly<Record<string, SizeHistory>>;
  /** By VM, then by region. */
  readonly watched: Readonly<Record<string, Readonly<Record<string, Watched>>>>;
}

const NOTHING: Memory = { base: undefined, histories: {}, watched: {} };

/** Where somebody can wait nothing is kept free for him: waits are short, and reserves are not. */
const ON_DEMAND: GrowthCosts = {
  event_ms: 0,
  permit_ms: 0,
  plug_p99_ms: 0,
  refault_ms_per_gib: 250,
};
/** Where nobody can wait growth has to come before it is needed: a look at it, and a plug. */
const AHEAD: GrowthCosts = {
  event_ms: 100,
  permit_ms: 1,
  plug_p99_ms: 50,
  refault_ms_per_gib: 250,
};

/** `base` with sizes that follow use, for functions that say so. */
export function withSizing(name: string, base: Policy): Policy {
  return {
    ...base,
    name,
    elastic: true,
    size: (view) => (view.spec.memory ? sizeOf(view, view.spec.memory) : base.size(view)),
    learn: (memory, event, now_ms, specOf, countsOf) => {
      const known = memoryOf(memory);
      const learned = learnEvent(known, event, now_ms, specOf);
      if (!base.learn) return learned;
      const base_memory = base.learn(known.base, event, now_ms, specOf, countsOf);
      return base_memory === known.base ? learned : { ...learned, base: base_memory };
    },
  };
}

/** The default policy, with sizes that follow use. */
export const HISTORY_POLICY = withSizing('history', DEFAULT_POLICY);

/** What `learn` returned before, which is kept under this policy's name; nothing before that. */
function memoryOf(memory: unknown): Memory {
  return isMemory(memory) ? memory : NOTHING;
}

function isMemory(memory: unknown): memory is Memory {
  return typeof memory === 'object' && memory !== null && 'histories' in memory;
}

/** Expression, then history, then what is declared; why the first had no answer stays told. */
function estimateOf(
  memory: Memory,
  spec: FunctionSpec,
  { history }: MemorySpec,
  expected: SizeView['expected'] = null,
): SizeEstimate {
  const known = memory.histories[spec.name] ?? NO_HISTORY;
  const { baseline_bytes, increment_bytes } = spec.memory ?? {};
  const by_history = history ? [historyEstimator(known)] : [];
  const estimate = estimateSize(
    expected ? [expressionEstimator(expected, increment_bytes), ...by_history] : by_history,
    {
      ...(typeof baseline_bytes === 'number' ? { baseline_bytes } : {}),
      ...(typeof increment_bytes === 'number' ? { increment_bytes } : {}),
    },
    { max_bytes: regionBytes(spec) },
  );
  if (!expected || estimate.by === 'expression') return estimate;
  return { ...estimate, because: `${estimate.because}; ${expected.because}` };
}

function waits(spec: FunctionSpec): boolean {
  return MECHANISMS.get(spec.mechanism).partitions;
}

function boundsOf({ baseline_bytes, increment_bytes, max_bytes }: SizeEstimate): GrowthBounds {
  return { least_bytes: baseline_bytes, increment_bytes, max_bytes };
}

function sizeOf(view: SizeView, declared: MemorySpec): Size | null {
  const { spec, region, instance, vm, now_ms } = view;
  const memory = memoryOf(view.memory);
  const { expected = null } = view;
  const can_wait = waits(spec);
  const estimate = sureOf(estimateOf(memory, spec, declared, expected), can_wait, () =>
    estimateOf(memory, spec, declared),
  );
  if (!instance) {
    return { target_bytes: estimate.baseline_bytes, at_ms: null, because: estimate.because };
  }
  const by_call = estimate.by === 'expression' ? sizeOfCall(view, estimate, can_wait) : null;
  if (by_call) return by_call;
  const watched = memory.watched[vm.id]?.[region.id];
  if (watched?.instance_id !== instance.id) return null;
  const { target_bytes } = region;
  const { use } = watched;
  // A tail that was seen of another size says nothing of this one.
  const now = use.target_bytes === target_bytes ? use : { ...use, target_bytes, tail: null };
  const costs = can_wait ? ON_DEMAND : AHEAD;
  const bounds = boundsOf(estimate);
  const want_bytes = can_wait ? (region.span?.want?.bytes ?? 0) : bounds.increment_bytes;
  const next = nextSize(now, { want_bytes }, { bounds, costs, now_ms });
  if (next.cause === null) {
    return can_wait && next.look_again_at_ms !== null
      ? { target_bytes, at_ms: next.look_again_at_ms }
      : null;
  }
  // Without partitions a shrink moves pages: what has grown stays until the instance ends.
  if (next.cause === 'shrink' && !can_wait) return null;
  const why =
    next.cause === 'grow'
      ? `${formatBytes(now.used_bytes)} are in use and ${formatBytes(want_bytes)} more wanted`
      : `${formatBytes(now.tail?.least_bytes ?? 0)} were free for a while`;
  return { target_bytes: next.target_bytes, at_ms: null, because: why };
}

/** Where nobody can wait for more an expression never takes away what there would be without it. */
function sureOf(
  estimate: SizeEstimate,
  can_wait: boolean,
  otherwise: () => SizeEstimate,
): SizeEstimate {
  if (estimate.by !== 'expression' || can_wait) return estimate;
  const other = otherwise();
  return other.baseline_bytes > estimate.baseline_bytes ? other : estimate;
}

/** A call has what it takes from its beginning, and what it frees goes back at its end. */
function sizeOfCall(
  { instance, region, now_ms }: SizeView,
  { baseline_bytes, because }: SizeEstimate,
  can_wait: boolean,
): Size | null {
  const { target_bytes, used_bytes } = region;
  if (instance?.phase === 'busy') {
    return target_bytes < baseline_bytes
      ? { target_bytes: baseline_bytes, at_ms: null, because }
      : null;
  }
  // What its guest calls used stays, whatever was expected.
  const kept_bytes = Math.max(baseline_bytes, used_bytes ?? target_bytes);
  if (!instance || !can_wait || kept_bytes >= target_bytes) return null;
  // Who is called again at once needs it again.
  const at_ms = instance.idle_since_ms + HOLD_MS_MIN;
  return { target_bytes: kept_bytes, at_ms: at_ms > now_ms ? at_ms : null, because };
}

function learnEvent(
  memory: Memory,
  event: HostEvent,
  now_ms: number,
  specOf: (vm_id: string) => FunctionSpec | null,
): Memory {
  switch (event.type) {
    case 'usage': {
      const spec = specOf(event.vm_id);
      const declared = spec?.memory;
      if (!spec || !declared) return memory;
      const about = { estimate: estimateOf(memory, spec, declared), can_wait: waits(spec), now_ms };
      let ours = memory.watched[event.vm_id] ?? {};
      for (const told of event.regions) {
        const seen = noteWord(ours[told.region_id], told, about);
        if (seen) ours = { ...ours, [told.region_id]: seen };
      }
      return { ...memory, watched: { ...memory.watched, [event.vm_id]: ours } };
    }
    case 'invocation-finished':
      return learnPeak(memory, event, specOf(event.vm_id));
    case 'vm-gone':
    case 'vm-failed':
      return without(memory, event.vm_id);
    case 'remove': {
      if (!(event.function in memory.histories)) return memory;
      const { [event.function]: _, ...histories } = memory.histories;
      return { ...memory, histories };
    }
    default:
      return memory;
  }
}

/** What a region's holder uses now; a holder that was not seen before starts anew. */
function noteWord(
  before: Watched | undefined,
  told: RegionUsage,
  about: {
    readonly estimate: SizeEstimate;
    readonly can_wait: boolean;
    readonly now_ms: number;
  },
): Watched | null {
  const { instance_id } = told;
  if (instance_id === undefined) return null;
  const { estimate, can_wait, now_ms } = about;
  const bounds = boundsOf(estimate);
  const costs = can_wait ? ON_DEMAND : AHEAD;
  const same = before?.instance_id === instance_id ? before : null;
  const plugged_bytes = told.plugged_bytes ?? same?.use.target_bytes ?? estimate.baseline_bytes;
  const known = same?.use ?? newSpan(plugged_bytes, now_ms);
  const sized =
    known.target_bytes === plugged_bytes
      ? known
      : noteSize(known, plugged_bytes, { bounds, costs, now_ms });
  // What is free before the end cannot be given back, and counts as used.
  const tail_bytes = told.free_tail_bytes ?? null;
  const used_bytes =
    tail_bytes === null ? told.used_bytes : Math.max(told.used_bytes, plugged_bytes - tail_bytes);
  const news = { used_bytes, want_bytes: told.want_bytes ?? 0 };
  return {
    instance_id,
    use: noteUse(sized, news, { bounds, costs, now_ms }),
    peak_bytes: Math.max(same?.peak_bytes ?? 0, told.used_bytes),
  };
}

/** The most that was in use since the invocation before, as far as the guest told it. */
function learnPeak(
  memory: Memory,
  event: Extract<HostEvent, { type: 'invocation-finished' }>,
  spec: FunctionSpec | null,
): Memory {
  if (!spec?.memory?.history) return memory;
  const ours = memory.watched[event.vm_id] ?? {};
  const found = Object.entries(ours).find(([, one]) => one.instance_id === event.instance_id);
  if (!found) return memory;
  const [region_id, watched] = found;
  const history = notePeak(memory.histories[spec.name] ?? NO_HISTORY, watched.peak_bytes);
  const next = { ...watched, peak_bytes: watched.use.used_bytes };
  return {
    ...memory,
    histories: { ...memory.histories, [spec.name]: history },
    watched: { ...memory.watched, [event.vm_id]: { ...ours, [region_id]: next } },
  };
}

function without(memory: Memory, vm_id: string): Memory {
  if (!(vm_id in memory.watched)) return memory;
  const { [vm_id]: _, ...watched } = memory.watched;
  return { ...memory, watched };
}
