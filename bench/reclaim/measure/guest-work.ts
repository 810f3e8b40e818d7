/** What the bench asks its program in the guest (guest/bench.c), and what that answers. */
import { z } from 'zod';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export type BenchWork =
  | { readonly mode: 'fill'; readonly bytes: number; readonly seed: number }
  | { readonly mode: 'verify'; readonly seed: number }
  | {
      readonly mode: 'requests';
      readonly bytes: number;
      /** Steps of a fixed computation. */
      readonly spins: number;
      readonly count: number;
      /** Guest CPU on which they are served. */
      readonly cpu: number;
    }
  | {
      readonly mode: 'faults';
      readonly bytes: number;
      readonly threads: number;
      readonly count: number;
    }
  | { readonly mode: 'counters' }
  | { readonly mode: 'prices' };

export const filledSchema = z.object({
  bytes: count,
  wall_ns: count,
  cpu_ns: count,
  faults: count,
  dirty_pages: count,
});
export type Filled = z.infer<typeof filledSchema>;

export const verifiedSchema = z.object({ bytes: count, wrong_pages: count });

export const countersSchema = z.object({
  kernel_cpu_ns: count,
  /** One for each answer of the VMM, one for each target the host sets. */
  vmm_interrupts: count,
  interrupts_known: z.boolean(),
});
export type Counters = z.infer<typeof countersSchema>;

/** One request of the neighbour, on the guest's clock. */
export interface RequestSample {
  readonly start_ms: number;
  readonly latency_ms: number;
}

/** `start_us:latency_us,...` in one string: the guest's init takes few tokens. */
export const requestsSchema = z.object({ samples: z.string().max(PROTOCOL.work_reply_bytes) });

export function parseRequests(text: string): RequestSample[] {
  return [...text.matchAll(/(\d+):(\d+)/g)].map(([, start, latency]) => ({
    start_ms: Number(start) / 1000,
    latency_ms: Number(latency) / 1000,
  }));
}

export const pricesSchema = z.object({ prices: z.string().max(PROTOCOL.work_reply_bytes) });

/** `NAME:PICOSECONDS,...` in one string. */
export function parsePrices(text: string): { name: string; ns: number }[] {
  return [...text.matchAll(/([a-z-]+):(\d+)/g)].map(([, name, picoseconds]) => ({
    name: name ?? '',
    ns: Number(picoseconds) / 1000,
  }));
}

export const faultsSchema = z.object({ wall_ns: z.string().max(PROTOCOL.work_reply_bytes) });

export function parseFaults(text: string): number[] {
  return text
    .split(',')
    .map(Number)
    .filter((ns) => ns > 0);
}
