/** What the bench and its two processes say to each other over the channel of `fork`. */
import { z } from 'zod';

export const orderSchema = z.discriminatedUnion('type', [
  /** `collect`: garbage first, so that its heap is what it keeps. */
  z.object({ type: z.literal('usage'), id: z.number(), collect: z.boolean() }),
  z.object({ type: z.literal('stop') }),
]);
export type Order = z.infer<typeof orderSchema>;

const figure = z.number().nonnegative();

const growthTimeSchema = z.object({
  /** From the word of somebody who waits until the request. */
  own_ms: figure,
  /** Of it, waited for a CPU; null: the kernel does not tell. */
  starved_ms: figure.nullable(),
});
export type GrowthTime = z.infer<typeof growthTimeSchema>;

/** What a process has used since it began, and how late its event loop was since the last time. */
export const usageSchema = z.object({
  user_us: figure,
  system_us: figure,
  rss_bytes: figure,
  heap_bytes: figure,
  /** Outside V8's heap, of objects in it. */
  external_bytes: figure,
  /** How late a timer fired; p99 is null below 100 looks. */
  lag_ms: z.object({ n: figure, p50: figure, p99: figure.nullable(), max: figure }),
  /** Of the simulated VMM, since it began. */
  plugs: figure,
  unplugs: figure,
  /** Since it was asked last, where they are timed. */
  growths: z.array(growthTimeSchema).optional(),
  /** Lines of level error in the process's log, and the first of them. */
  errors: figure,
  first_error: z.string(),
});
export type Usage = z.infer<typeof usageSchema>;

export const newsSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('usage'), id: z.number(), usage: usageSchema }),
]);
export type ChildNews = z.infer<typeof newsSchema>;
