/**
 * Targets: bounds and wishes for a function, set from outside while it runs. Until they expire they
 * go before what its definition says; policies answer within them. Pure.
 */
import { z } from 'zod';
import { LIMITS } from '../../base/limits.ts';
import { DEVICE_BLOCK_BYTES, formatBytes } from '../../base/units.ts';
import { count, duration_ms, field, known, message, moment_ms, stamp_ms, text } from './fields.ts';
import { type FunctionSpec, regionBytes, sizeUnitBytes } from './spec.ts';

const INSTANCES_MAX = LIMITS.regions_per_vm * LIMITS.vms_per_host;
const instances = known(z.number().int().min(0).max(INSTANCES_MAX));
const size = known(z.number().int().min(DEVICE_BLOCK_BYTES).max(LIMITS.function_bytes));

export const targetValuesSchema = message(
  'TargetValues',
  {
    instances_min: field(1, instances, 'that many are kept started'),
    instances_max: field(2, instances, 'no more start, in all its VMs together'),
    keep_alive_ms: field(
      3,
      known(z.number().nonnegative().max(LIMITS.invocation_ms)),
      'an instance idle for this long is stopped',
    ),
    warm: field(4, instances, 'that many idle instances are kept beside the busy ones'),
    reserve: field(5, instances, 'that many free regions are kept plugged'),
    baseline_bytes: field(
      6,
      size,
      'plugged at a start; of a function whose memory follows its use',
    ),
    increment_bytes: field(7, size, 'one step of growth; of the same'),
    max_bytes: field(8, size, 'the most an instance can be; of the same'),
    policy: field(9, known(z.string().min(1).max(64)), 'who answers for it, by name'),
  },
  'Absent: as the definition has it.',
);
export type TargetValues = Readonly<z.infer<typeof targetValuesSchema>>;

export const targetsSchema = message('Targets', {
  function: field(1, text),
  values: field(2, targetValuesSchema, 'in force now'),
  revision: field(3, count, 'grows with every change; 0: none was ever made'),
  author: field(4, text),
  reason: field(5, text),
  set_at_ms: field(6, stamp_ms, 'absent: never'),
  expires_at_ms: field(7, stamp_ms, 'the definition holds again from then on; absent: never'),
});
export type Targets = Readonly<z.infer<typeof targetsSchema>>;

const who = z.string().max(256);
export const setTargetsRequestSchema = message('SetTargetsRequest', {
  function: field(1, z.string()),
  values: field(2, targetValuesSchema, 'all of them: what is absent is as the definition has it'),
  for_ms: field(3, known(duration_ms), 'until they expire; absent: they do not'),
  author: field(4, who),
  reason: field(5, who),
  revision: field(6, known(count), 'of the targets that these replace; absent: whichever'),
});
export type SetTargetsRequest = Readonly<z.infer<typeof setTargetsRequestSchema>>;

export const getTargetsRequestSchema = message('GetTargetsRequest', {
  function: field(1, z.string()),
});

/** As a function has them; never set where it has none. */
export type TargetsState = Omit<Targets, 'function' | 'set_at_ms'> & {
  readonly set_at_ms: z.infer<typeof moment_ms>;
};

export const NO_VALUES: TargetValues = {
  instances_min: null,
  instances_max: null,
  keep_alive_ms: null,
  warm: null,
  reserve: null,
  baseline_bytes: null,
  increment_bytes: null,
  max_bytes: null,
  policy: null,
};

/** As they are told of a function. */
export function targetsOf(name: string, state: TargetsState | null): Targets {
  const never = { values: NO_VALUES, revision: 0, author: '', reason: '' };
  return { function: name, ...(state ?? { ...never, set_at_ms: null, expires_at_ms: null }) };
}

/** Why a function cannot have these; null: it can. */
export function whyNotTargets(spec: FunctionSpec, values: TargetValues): string | null {
  const { instances_min, instances_max, warm, baseline_bytes, max_bytes } = values;
  const most = Math.min(instances_max ?? Infinity, spec.concurrency * spec.max_vms);
  for (const [what, wanted] of Object.entries({ instances_min, warm })) {
    if (wanted === null || wanted <= most) continue;
    return `${what} is ${wanted}, more than the ${most} instances it can have`;
  }
  const sizes = { baseline_bytes, increment_bytes: values.increment_bytes, max_bytes };
  for (const [what, bytes] of Object.entries(sizes)) {
    if (bytes === null) continue;
    if (spec.memory === null) return `${what} is of functions whose memory follows its use alone`;
    if (bytes <= regionBytes(spec)) continue;
    return `${what} is ${formatBytes(bytes)}, more than its limit of ${formatBytes(spec.limit_bytes)}`;
  }
  if (baseline_bytes === null || max_bytes === null || baseline_bytes <= max_bytes) return null;
  return 'its baseline is more than the most it can be';
}

/** The definition with the targets in force in it. */
export function specInForce(spec: FunctionSpec, targets: TargetsState | null): FunctionSpec {
  if (!targets) return spec;
  const { values } = targets;
  const keep_alive_ms = values.keep_alive_ms ?? spec.keep_alive_ms;
  const memory = spec.memory && {
    ...spec.memory,
    baseline_bytes: values.baseline_bytes ?? spec.memory.baseline_bytes,
    increment_bytes: values.increment_bytes ?? spec.memory.increment_bytes,
  };
  return { ...spec, keep_alive_ms, memory };
}

/** The largest that an instance can be now, in whole units of its size. */
export function mostBytesOf(spec: FunctionSpec, targets: TargetsState | null): number {
  const whole_bytes = regionBytes(spec);
  const max_bytes = targets?.values.max_bytes ?? null;
  if (max_bytes === null) return whole_bytes;
  const unit_bytes = sizeUnitBytes(spec);
  return Math.max(unit_bytes, Math.min(whole_bytes, max_bytes - (max_bytes % unit_bytes)));
}

/** How many instances there are to be, and how many of them idle. */
export interface InstanceBounds {
  readonly min: number;
  readonly max: number;
  readonly warm: number;
}

export function instanceBounds(spec: FunctionSpec, targets: TargetsState | null): InstanceBounds {
  const { instances_min = null, instances_max = null, warm = null } = targets?.values ?? {};
  return {
    min: instances_min ?? spec.instances?.min ?? 0,
    max: instances_max ?? spec.instances?.max ?? Infinity,
    warm: warm ?? 0,
  };
}
