/**
 * A neighbour that serves short requests back to back in the guest, while half of the regions go
 * back to the host in a burst. Its latency inside an unplug is set against its latency in the quiet
 * moments right before and after, in the same guest.
 */
import { ClockMap } from '../agent/guest/clock-map.ts';
import { hostClock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import { MIB } from '../base/units.ts';
import type { Block, Measure } from './block.ts';
import { filledSchema, parseRequests, requestsSchema, type RequestSample } from './guest-work.ts';
import { neighbourPlace } from './vm-spec.ts';

const NAME = 'neighbour';
const REGION = 'neighbour';
/** One request: fresh memory touched and given back, and some computing. */
const REQUEST = { mode: 'requests', bytes: MIB, spins: 100_000, count: 8 } as const;
const QUIET_MS = 400;
/** Its own lasting memory, for a stock kernel to place among that of the others. */
const KEPT_BYTES = 64 * MIB;

/** A stretch of host time. */
export interface Window {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Requests that lie wholly in one of the windows. Stamps of samples are host time. */
export function inside(samples: readonly RequestSample[], windows: readonly Window[]): number[] {
  return samples
    .filter(({ start_ms, latency_ms }) =>
      windows.some(({ from_ms, to_ms }) => start_ms >= from_ms && start_ms + latency_ms <= to_ms),
    )
    .map(({ latency_ms }) => latency_ms);
}

/** Requests of which at least a part lies in one of the windows. */
export function touching(samples: readonly RequestSample[], windows: readonly Window[]): number[] {
  return samples
    .filter(({ start_ms, latency_ms }) =>
      windows.some(({ from_ms, to_ms }) => start_ms < to_ms && start_ms + latency_ms > from_ms),
    )
    .map(({ latency_ms }) => latency_ms);
}

/** Serves without a pause until it is stopped; keeps every sample, on the host's clock. */
class Requests {
  readonly samples: RequestSample[] = [];
  readonly #block: Block;
  readonly #clock = new ClockMap();
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(block: Block) {
    this.#block = block;
  }

  start(): void {
    this.#stopped = false;
    this.#loop = this.#serve();
    // Seen by stop(); until then a rejection must not end the process.
    this.#loop.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }

  /** Ties the guest's clock to the host's; the exchange without work in it is the tightest. */
  async learnClock(): Promise<void> {
    for (let index = 0; index < 5; index += 1) {
      const { value, sent_ms, received_ms } = await this.#block.bench.stats();
      this.#clock.learn(sent_ms, received_ms, value.taken_at_ms);
    }
  }

  async #serve(): Promise<void> {
    while (!this.#stopped) {
      const answer = await this.#block.bench.work(NAME, REQUEST, requestsSchema);
      for (const { start_ms, latency_ms } of parseRequests(answer.value.samples)) {
        const host_ms = this.#clock.toHost(start_ms, answer.sent_ms, answer.received_ms);
        this.samples.push({ start_ms: host_ms, latency_ms });
      }
    }
  }
}

/** Bursts until `wanted` requests have met an unplug, within the limits of a block. */
export function measureNeighbour(wanted: number): Measure {
  return async (block) => {
    const { cell } = block;
    const { layout, say, signal } = block.context;
    await block.bench.resize(REGION, layout.neighbour_bytes ?? 0, signal);
    await block.bench.start(NAME, neighbourPlace(cell, layout));
    const keep = { mode: 'fill', bytes: KEPT_BYTES, seed: 0 } as const;
    await block.bench.work(NAME, keep, filledSchema);
    const end_ms = hostClock.nowMs() + LIMITS.bench_bursts_ms;
    let met = 0;
    for (let burst = 1; burst <= LIMITS.bench_bursts && met < wanted; burst += 1) {
      signal?.throwIfAborted();
      if (hostClock.nowMs() > end_ms) break;
      say(`burst ${burst}, ${met} of ${wanted} requests`);
      met += await oneBurst(block, burst);
    }
    await block.bench.stop(NAME);
    await block.bench.resize(REGION, 0, signal);
  };
}

async function oneBurst(block: Block, burst: number): Promise<number> {
  const { layout, recorder, plan, run_started_ms } = block.context;
  const half = layout.turns.filter((_, index) => index % 2 === burst % 2);
  for (const slot of half) await block.stop(slot, false);
  const requests = new Requests(block);
  await requests.learnClock();
  requests.start();
  const quiet: Window[] = [await pause()];
  const busy: Window[] = [];
  for (const slot of half) {
    const line = await block.resize(slot, 'unplug', burst, false);
    const from_ms = run_started_ms + line.requested_at_ms;
    const took_ms = line.resident_ms ?? line.plugged_ms ?? LIMITS.bench_resize_ms;
    busy.push({ from_ms, to_ms: from_ms + took_ms });
  }
  quiet.push(await pause());
  await requests.stop();
  for (const slot of half) await block.resize(slot, 'replug', burst, false);
  await block.occupy(half, 'refill');
  const busy_ms = touching(requests.samples, busy);
  recorder.neighbour({
    block: plan.block,
    round: plan.round,
    cell: plan.cell,
    burst,
    unplugs: half.length,
    quiet_ms: inside(requests.samples, quiet),
    busy_ms,
  });
  return busy_ms.length;
}

async function pause(): Promise<Window> {
  const from_ms = hostClock.nowMs();
  await hostClock.sleep(QUIET_MS);
  return { from_ms, to_ms: hostClock.nowMs() };
}
