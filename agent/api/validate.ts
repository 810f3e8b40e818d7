/** What callers send, checked before it comes near the core. */
import { z } from 'zod';
import { HotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { DEVICE_BLOCK_BYTES, MIB } from '../../base/units.ts';
import { BACKINGS, BOOT_BYTES_MIN, type FunctionSpec } from '../model/spec.ts';
import { MECHANISMS } from '../model/mechanism.ts';
import type { InvokeRequest } from '../model/messages.ts';

const FUNCTION_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

const size = z.number().int().max(LIMITS.function_bytes);
const duration = z.number().finite().nonnegative().max(LIMITS.invocation_ms);

const specSchema = z.object({
  name: z.string().regex(FUNCTION_NAME, 'must be like [a-z0-9][a-z0-9-]{0,62}'),
  mechanism: z.string().refine((name) => MECHANISMS.find(name) !== undefined, {
    error: () => `must be one of ${MECHANISMS.names.join(', ')}`,
  }),
  limit_bytes: size.min(MIB),
  concurrency: z.number().int().min(1).max(LIMITS.regions_per_vm),
  vcpus: z.number().int().min(1).max(LIMITS.vcpus_per_vm),
  boot_bytes: size.min(BOOT_BYTES_MIN).multipleOf(DEVICE_BLOCK_BYTES),
  keep_alive_ms: duration,
  argv: z.array(z.string().max(4_096)).max(64),
  backing: z.enum(BACKINGS),
  init_on_alloc: z.boolean(),
  guest_huge_pages: z.boolean(),
});

const invokeSchema = z.object({
  function: z.string(),
  invocation_id: z.string().max(128),
  work: z.object({
    anonymous_bytes: size.nonnegative(),
    file_bytes: size.nonnegative(),
    cpu_ms: duration,
    wall_ms: duration,
  }),
});

/** Throws HP_AGENT_BAD_REQUEST naming the field. */
export function checkSpec(value: unknown): FunctionSpec {
  const filled = isEmptyBacking(value) ? { ...value, backing: 'anonymous' } : value;
  return check(specSchema, filled, 'function');
}

function isEmptyBacking(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && 'backing' in value && value.backing === '';
}

export function checkInvoke(value: unknown): InvokeRequest {
  return check(invokeSchema, value, 'invocation');
}

export function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = [what, ...(issue?.path ?? [])].join('.');
  throw new HotplaneError({
    code: 'HP_AGENT_BAD_REQUEST',
    category: 'usage',
    message: `${field}: ${issue?.message ?? 'is not valid'}.`,
    next: 'correct the request; agent.proto says what each field means.',
    details: { field },
  });
}
