/**
 * A neighbour that serves short requests back to back in the guest, while half of the regions go
 * back to the host in a burst. Its latency inside an unplug is set against its latency in the quiet
 * moments right before and after, in the same guest. It has a CPU of its own, in the guest and on
 * the host, so that what is measured is the unplug and not who shares a core with whom.
 */
import { ClockMap } from '../../../guest/protocol/clock-map.ts';
import { hostClock } from '../../../base/clock.ts';
import { BENCH_LIMITS } from '../../limits.ts';
import { seededRandom } from '../../../base/random.ts';
import { MIB } from '../../../base/units.ts';
import type { Block, Measure } from './block.ts';
import {
  type BenchWork,
  filledSchema,
  parseRequests,
  requestsSchema,
  type RequestSample,
} from './guest-work.ts';
import { VCPUS } from '../plan/layout.ts';
import { REQUEST_KINDS, type RequestKind } from '../results/records.ts';
import { separateVcpu } from './vcpu-place.ts';
import { inside, shamWindows, touching, type Window } from '../plan/windows.ts';
import { neighbourPlace } from '../plan/vm-spec.ts';

const NAME = 'neighbour';
const REGION = 'neighbour';
const CPU = VCPUS - 1;
const common = { mode: 'requests', cpu: CPU } as const;
/**
 * One request: fresh memory touched and given back, and some computing. `short` takes a few
 * milliseconds under TCG, about as long as an unplug: the worst case. `function` takes some tens of
 * milliseconds; three of four invocations in the Azure Functions 2021 trace take over 0.1 s.
 */
const REQUESTS: Readonly<Record<RequestKind, Extract<BenchWork, { mode: 'requests' }>>> = {
  short: { ...common, bytes: MIB, spins: 100_000, count: 8 },
  function: { ...common, bytes: 8 * MIB, spins: 5_000_000, count: 2 },
};
/** Between two unplugs of a burst, so that a request does not meet all of them. */
const APART_MS: Readonly<Record<RequestKind, number>> = { short: 0, function: 120 };
const QUIET_MS: Readonly<Record<RequestKind, number>> = { short: 400, function: 800 };
/** From the end of one sham unplug to the next, on average; real ones are about as far apart. */
const SHAM_GAP_MS: Readonly<Record<RequestKind, number>> = { short: 25, function: 140 };
/** Its own lasting memory, for a stock kernel to place among that of the others. */
const KEPT_BYTES = 64 * MIB;

/** Serves without a pause until it is stopped; keeps every sample, on the host's clock. */
class Requests {
  readonly samples: RequestSample[] = [];
  readonly #block: Block;
  readonly #clock = new ClockMap();
  readonly #kind: RequestKind;
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(block: Block, kind: RequestKind) {
    this.#block = block;
    this.#kind = kind;
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
      const answer = await this.#block.bench.work(NAME, REQUESTS[this.#kind], requestsSchema);
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
    const { layout, signal } = block.context;
    await block.bench.resize(REGION, layout.neighbour_bytes ?? 0, signal);
    await block.bench.start(NAME, neighbourPlace(cell, layout));
    const keep = { mode: 'fill', bytes: KEPT_BYTES, seed: 0 } as const;
    await block.bench.work(NAME, keep, filledSchema);
    const release = await separateVcpu(block.bench.vm.handle.pid, CPU);
    try {
      await bursts(block, wanted);
    } finally {
      await release();
    }
    await block.bench.stop(NAME);
    await block.bench.resize(REGION, 0, signal);
  };
}

/** Kinds of request take turns until each has met enough unplugs. */
async function bursts(block: Block, wanted: number): Promise<void> {
  const { say, signal } = block.context;
  const end_ms = hostClock.nowMs() + BENCH_LIMITS.bursts_ms;
  const met: Record<RequestKind, number> = { short: 0, function: 0 };
  for (let burst = 1; burst <= BENCH_LIMITS.bursts; burst += 1) {
    signal?.throwIfAborted();
    const kind = REQUEST_KINDS[burst % REQUEST_KINDS.length] ?? 'short';
    const enough = REQUEST_KINDS.every((one) => met[one] >= wanted);
    if (enough || hostClock.nowMs() > end_ms) break;
    if (met[kind] >= wanted) continue;
    say(`burst ${burst}, ${met.short} short and ${met.function} function of ${wanted} requests`);
    met[kind] += await oneBurst(block, burst, kind);
  }
}

async function oneBurst(block: Block, burst: number, request: RequestKind): Promise<number> {
  const { layout, recorder, plan } = block.context;
  const half = layout.turns.filter((_, index) => index % 2 === (burst >> 1) % 2);
  for (const slot of half) await block.stop(slot, false);
  const requests = new Requests(block, request);
  await requests.learnClock();
  requests.start();
  const quiet: Window[] = [await pause(QUIET_MS[request])];
  const busy: Window[] = [];
  for (const slot of half) {
    busy.push(await unplugWindow(block, slot, burst));
    await pause(APART_MS[request]);
  }
  quiet.push(await pause(QUIET_MS[request]));
  await requests.stop();
  for (const slot of half) await block.resize(slot, 'replug', burst, false);
  await block.occupy(half, 'refill');
  const busy_ms = touching(requests.samples, busy);
  const lengths_ms = busy.map(({ from_ms, to_ms }) => to_ms - from_ms);
  const sham = shamWindows(quiet, lengths_ms, SHAM_GAP_MS[request], seededRandom(burst));
  recorder.neighbour({
    block: plan.block,
    round: plan.round,
    cell: plan.cell,
    burst,
    request,
    unplugs: half.length,
    quiet_ms: inside(requests.samples, quiet),
    sham_ms: touching(requests.samples, sham),
    busy_ms,
  });
  return busy_ms.length;
}

async function unplugWindow(block: Block, slot: number, burst: number): Promise<Window> {
  const line = await block.resize(slot, 'unplug', burst, false);
  const from_ms = block.context.run_started_ms + line.requested_at_ms;
  const took_ms = line.resident_ms ?? line.plugged_ms ?? BENCH_LIMITS.resize_ms;
  return { from_ms, to_ms: from_ms + took_ms };
}

async function pause(pause_ms: number): Promise<Window> {
  const from_ms = hostClock.nowMs();
  await hostClock.sleep(pause_ms);
  return { from_ms, to_ms: hostClock.nowMs() };
}
