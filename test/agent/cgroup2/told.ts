/** What is seen inside the machine, a line each, for the test outside. */
import { z } from 'zod';

const delegatedSchema = z.object({ why: z.string().nullable(), kernel: z.string() });

export const toldSchema = z.discriminatedUnion('what', [
  /** To a user who is not root: what we say of it, and what the kernel does. */
  z.object({
    what: z.literal('delegated'),
    nothing: delegatedSchema,
    part: delegatedSchema,
    whole: delegatedSchema,
  }),
  z.object({ what: z.literal('serving'), said: z.string() }),
  z.object({
    what: z.literal('fenced'),
    /** Of the VM that serves, before and after. */
    calm: z.object({ max_mib: z.number(), used_mib: z.number() }).nullable(),
    refused: z.string(),
    calls_meanwhile: z.number(),
    calls_failed: z.number(),
    groups_before: z.array(z.string()),
    groups_after: z.array(z.string()),
    kernel_kills: z.array(z.string()),
  }),
  z.object({
    what: z.literal('step'),
    at_s: z.number(),
    hog_mib: z.number(),
    available_mib: z.number(),
    level: z.string(),
  }),
  z.object({
    what: z.literal('pressed'),
    levels: z.array(z.string()),
    operations: z.array(z.string()),
    growth: z.string(),
    start: z.string(),
    busy_done: z.boolean(),
    after: z.string(),
    kernel_kills: z.array(z.string()),
  }),
  z.object({
    what: z.literal('left'),
    groups: z.array(z.string()),
    processes: z.array(z.string()),
  }),
]);
export type Told = z.infer<typeof toldSchema>;

export function tell(told: Told): void {
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
