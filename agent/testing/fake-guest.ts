/** A guest that speaks the protocol over a stream: instances, partitions, exits, and faults. */
import { type Duplex, duplexPair } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { LineSplitter } from '../../base/lines.ts';
import { cutLine, joinLine } from '../../guest/protocol/attached-bytes.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { JSON_TYPE, workOf } from '../model/work.ts';
import { playPhases } from './fake-growth.ts';
import { FakeSpans } from './fake-spans.ts';
import type { GuestRequest, GuestStats, Hello } from '../../guest/protocol/protocol.ts';
import { FAKE_HELLO, fakeUse, IDLE_STATS, servedHttp } from './fake-words.ts';

/** What goes wrong with one request; `silent`: no answer ever. */
export type GuestFault = 'none' | 'refuse' | 'silent' | 'slow' | 'exit';

export interface FakeGuestOptions {
  readonly clock: Clock;
  /** Plugged bytes of a region, by PCI address. */
  readonly plugged: (region_pci: string) => number;
  readonly regions: readonly string[];
  readonly fault: (request: GuestRequest['type']) => GuestFault;
  readonly hotmem: boolean;
  /** A guest of an earlier version, which knows no `regions` of `stats`. */
  readonly old?: boolean;
  /** null: never says hello. */
  readonly hello: Partial<Hello> | null;
  /** Time every request but `stats` takes; 0: answered at once. Default 5 ms. */
  readonly step_ms?: number;
}

interface FakeInstance {
  readonly region_pci: string;
  /** With the far one, where it has two; each of them is its own. */
  readonly regions: readonly string[];
  readonly memory_max_bytes: number;
  /** How long it waits for growth; 0: not, and it tells nothing of its use. */
  readonly grow_wait_ms: number;
  ready: boolean;
  /** The most it has held. */
  peak_bytes: number;
  /** The invocation that runs, or has ended last, and what became of it. */
  invocation: { readonly request_id: string; readonly result: Promise<FakeAnswer | null> } | null;
}

/** What an invocation came to. */
interface FakeAnswer {
  readonly result: object;
  readonly attached: Buffer;
}

/** Who waits for an answer, and on which connection. */
interface Asked {
  readonly id: number;
  readonly stream: Duplex | null;
}

const STEP_MS = 5;
const SLOW_MS = 5_000;
const CLOCK_BEHIND_MS = 500;

export class FakeGuest {
  readonly instances = new Map<string, FakeInstance>();
  readonly seen: string[] = [];
  /** Of its ordinary memory. */
  available_bytes = 700_000_000;
  /** What it counts of its partitions; absent: nothing, as a guest of an earlier version. */
  ready: GuestStats['ready'] = undefined;
  /** Of each `stats`, the regions it named; null: it named none. */
  readonly stats_asked: (readonly string[] | null)[] = [];
  pages_migrated = 0;
  /** What is used of each region that it tells it of. */
  readonly used_bytes = new Map<string, number>();
  /** Regions it has prepared, in their order. */
  readonly prepared: string[] = [];
  /** Whether it takes what is plugged for zero; null: nobody said. */
  trusts: boolean | null = null;
  readonly #options: FakeGuestOptions;
  readonly #step_ms: number;
  /** Regions whose holder was told that no growth comes. */
  readonly #denied = new Set<string>();
  readonly spans: FakeSpans;
  #stream: Duplex | null = null;
  #lines = this.#splitter();
  #frozen: Buffer[] | null = null;

  constructor(options: FakeGuestOptions) {
    this.#options = options;
    this.#step_ms = options.step_ms ?? STEP_MS;
    this.spans = new FakeSpans(options.clock, (told) => {
      this.say({ ...told, at_ms: this.#now() });
    });
  }

  /** The agent's end of a new connection; an earlier one is closed. */
  connect(noise = ''): Duplex {
    const [near, far] = duplexPair();
    this.serveOn(far, noise);
    return near;
  }

  /** Speaks the protocol on `stream`, after `noise`; an earlier connection is closed. */
  serveOn(stream: Duplex, noise = ''): void {
    this.#stream?.destroy();
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', () => undefined);
    if (noise !== '') stream.write(noise);
    if (this.#options.hello)
      this.say({ ...FAKE_HELLO, hotmem: this.#options.hotmem, ...this.#options.hello });
  }

  /** Power off: the channel ends and nothing answers any more. */
  die(): void {
    this.#stream?.end();
    this.#stream = null;
    this.instances.clear();
  }

  /** The host's end is gone; whatever runs goes on. */
  hangUp(): void {
    this.#stream?.destroy();
    this.#stream = null;
    this.#lines = this.#splitter();
  }

  /** Nothing is read or answered until `thaw`, then all of it. */
  freeze(): void {
    this.#frozen ??= [];
  }

  thaw(): void {
    const held = this.#frozen ?? [];
    this.#frozen = null;
    for (const bytes of held) this.#receive(bytes);
  }

  say(message: unknown): void {
    this.raw(`${JSON.stringify(message)}\n`);
  }

  raw(text: string): void {
    this.#write(text);
  }

  #write(line: string | Buffer): void {
    if (this.#stream?.writable) this.#stream.write(line);
  }

  /** The program of an instance wrote something. */
  writes(instance: string, stream: 'stdout' | 'stderr', text: string, dropped_bytes = 0): void {
    const event = { type: 'log', instance, stream, dropped_bytes };
    this.#write(joinLine(JSON.stringify(event), Buffer.from(text)));
  }

  exit(instance: string, reason: 'oom' | 'crash' | 'exited' | 'killed'): void {
    const { request_id: ran = null } = this.instances.get(instance)?.invocation ?? {};
    if (!this.instances.delete(instance)) return;
    this.spans.ended(instance);
    this.say({ type: 'exit', instance, status: null, signal: 9, reason, ran, at_ms: this.#now() });
  }

  /** The guest's clock is not the host's. */
  #now(): number {
    return this.#options.clock.nowMs() - CLOCK_BEHIND_MS;
  }

  #receive(bytes: Buffer): void {
    if (this.#frozen) this.#frozen.push(bytes);
    else this.#lines.push(bytes);
  }

  #splitter(): LineSplitter {
    return new LineSplitter({
      limit_bytes: PROTOCOL.line_bytes,
      onBytes: (line) => this.#line(line),
      onTooLong: (start) => {
        throw new Error(`the agent sent a line that is too long: ${start}`);
      },
    });
  }

  #line(line: Buffer): void {
    if (line.length === 0) return;
    const cut = cutLine(line);
    if (!cut) throw new Error('the agent sent half an escape');
    const request: GuestRequest & { id: number } = JSON.parse(cut.json);
    this.seen.push(request.type);
    if (request.type === 'stats') this.stats_asked.push(request.regions ?? null);
    const to = { id: request.id, stream: this.#stream };
    void this.#serve(request, to, cut.attached ?? new Uint8Array());
  }

  async #serve(request: GuestRequest, to: Asked, attached: Uint8Array): Promise<void> {
    const { clock } = this.#options;
    const fault = this.#options.fault(request.type);
    if (fault === 'silent') return;
    const pause_ms = fault === 'slow' ? SLOW_MS : this.#step_ms;
    const at_once = request.type === 'stats' && fault !== 'slow';
    // The guest takes requests in their order, so a stop finds what a slow start has begun.
    if (request.type === 'start' && fault === 'slow') {
      return await this.#start(request, to, pause_ms);
    }
    if (!at_once && pause_ms > 0) await clock.sleep(pause_ms);
    if (fault === 'refuse') return this.#refuse(to, 'spawn-failed', 'as the test wished');
    if (request.type === 'start') return await this.#start(request, to, 0);
    if (request.type === 'invoke') return await this.#invoke(request, to, attached, fault);
    if (request.type === 'resume') return await this.#resume(request, to);
    if (request.type === 'deny') this.#denied.add(request.region_pci);
    if (request.type === 'prepare') void this.#prepare(request);
    if (request.type === 'trust') this.trusts = request.plugged_reads_zero;
    if (request.type === 'span' && !this.spans.answer(request)) {
      return this.#refuse(to, 'no-such-span', 'the instance asks for no such span');
    }
    if (request.type === 'list') return this.#list(to);
    if (request.type === 'stop') return this.#stop(request.instance, to);
    this.#answer(to, request.type === 'stats' ? this.#stats(request.regions) : {});
  }

  async #start(
    request: Extract<GuestRequest, { type: 'start' }>,
    to: Asked,
    pause_ms: number,
  ): Promise<void> {
    const { clock, plugged } = this.#options;
    const { instance, region_pci, far_pci, memory_max_bytes, grow_wait_ms = 0 } = request;
    const there = this.instances.get(instance);
    if (there) return await this.#startedAlready(there, to);
    const regions = far_pci === undefined ? [region_pci] : [region_pci, far_pci];
    const taken = regions.find((one) => this.#usersOf(one) > 0);
    if (taken !== undefined) throw new Error(`two instances in region ${taken}`);
    const about = { region_pci, regions, memory_max_bytes, grow_wait_ms };
    this.instances.set(instance, { ...about, ready: false, peak_bytes: 0, invocation: null });
    const sandbox_at_ms = this.#now();
    if (pause_ms > 0) await clock.sleep(pause_ms);
    const end_ms = clock.nowMs() + request.attach_timeout_ms;
    while (request.attach !== 'none' && regions.some((one) => plugged(one) === 0)) {
      if (clock.nowMs() >= end_ms || !this.instances.has(instance)) {
        this.instances.delete(instance);
        return this.#refuse(to, 'attach-timeout', 'the partition was not populated');
      }
      await clock.sleep(this.#step_ms);
    }
    const found = this.instances.get(instance);
    if (!found) return this.#refuse(to, 'killed', 'stopped while starting');
    found.ready = true;
    const attached_at_ms = this.#now();
    const stamps = { created_at_ms: sandbox_at_ms, sandbox_at_ms, attached_at_ms };
    this.#answer(to, { pid: 100, ...stamps, ready_at_ms: attached_at_ms });
  }

  async #invoke(
    request: Extract<GuestRequest, { type: 'invoke' }>,
    to: Asked,
    attached: Uint8Array,
    fault: GuestFault,
  ): Promise<void> {
    const { instance, http } = request;
    if (http) return this.#answerWith(to, servedHttp(this.#now(), http, attached));
    const work = workOf({ bytes: attached });
    if (!work) return this.#refuse(to, 'bad-request', 'no payload of the built-in function');
    const found = this.instances.get(instance);
    if (!found?.ready) return this.#refuse(to, 'no-such-instance', 'unknown instance');
    const held = [work, ...(work.phases ?? [])].map(({ anonymous_bytes }) => anonymous_bytes);
    found.peak_bytes = Math.max(found.peak_bytes, ...held);
    const ended = Promise.withResolvers<FakeAnswer | null>();
    found.invocation = { request_id: request.request_id ?? '', result: ended.promise };
    const started_at_ms = this.#now();
    const growth = { ...found, instance, clock: this.#options.clock, step_ms: this.#step_ms };
    const lived = await playPhases(work, {
      ...growth,
      plugged: () => this.#options.plugged(found.region_pci),
      isOver: () => !this.instances.has(instance) || this.#denied.delete(found.region_pci),
      say: (told) => this.say({ ...told, at_ms: this.#now() }),
    });
    if (!lived) this.exit(instance, 'oom');
    const started_ms = started_at_ms + CLOCK_BEHIND_MS;
    const refused = lived ? await this.spans.play(instance, work, started_ms) : null;
    if (refused !== null && this.instances.has(instance)) {
      ended.resolve(null);
      return this.#refuse(to, 'workload-failed', refused);
    }
    const limit = found.memory_max_bytes || this.#options.plugged(found.region_pci);
    if (fault === 'exit' || work.anonymous_bytes > limit) this.exit(instance, 'oom');
    if (!this.instances.has(instance)) {
      ended.resolve(null);
      return this.#refuse(to, 'exited', 'the instance ended');
    }
    const finished_at_ms = this.#now();
    const done = {
      anonymous_bytes: work.anonymous_bytes,
      file_bytes: work.file_bytes,
      cpu_ms: work.cpu_ms,
      touch_cpu_ms: 0.5,
      wall_ms: finished_at_ms - started_at_ms,
      minor_faults: 1,
      major_faults: 0,
    };
    const stamps = { started_at_ms, first_byte_at_ms: finished_at_ms, finished_at_ms };
    const answer = {
      result: { ...stamps, ...done, content_type: JSON_TYPE },
      attached: Buffer.from(JSON.stringify(done)),
    };
    ended.resolve(answer);
    this.#answerWith(to, answer);
  }

  async #resume(
    { instance, request_id }: Extract<GuestRequest, { type: 'resume' }>,
    to: Asked,
  ): Promise<void> {
    const invocation = this.instances.get(instance)?.invocation;
    if (invocation?.request_id !== request_id) {
      return this.#refuse(to, 'no-such-invocation', 'it is not known');
    }
    const result = await invocation.result;
    if (result) this.#answerWith(to, result);
    else this.#refuse(to, 'exited', 'the instance ended');
  }

  /** What is plugged then is ready, a step later. */
  async #prepare({ region_pci, bytes }: Extract<GuestRequest, { type: 'prepare' }>): Promise<void> {
    await this.#options.clock.sleep(this.#step_ms);
    this.prepared.push(region_pci);
    const ready_bytes = Math.min(bytes, this.#options.plugged(region_pci));
    this.say({ type: 'prepared', region_pci, ready_bytes, at_ms: this.#now() });
  }

  /** A start that comes twice is one start. */
  async #startedAlready(found: FakeInstance, to: Asked): Promise<void> {
    while (!found.ready) await this.#options.clock.sleep(this.#step_ms);
    const at_ms = this.#now();
    const stamps = { created_at_ms: at_ms, sandbox_at_ms: at_ms, attached_at_ms: at_ms };
    this.#answer(to, { pid: 100, ...stamps, ready_at_ms: at_ms });
  }

  #list(to: Asked): void {
    this.spans.tellAll();
    const instances = [...this.instances].map(([instance, { ready }]) => {
      return { instance, state: ready ? 'ready' : 'starting' };
    });
    this.#answer(to, { instances });
  }

  #stop(instance: string, to: Asked): void {
    if (!this.instances.delete(instance)) {
      return this.#refuse(to, 'no-such-instance', 'unknown instance');
    }
    this.spans.ended(instance);
    this.#answer(to, { gone_at_ms: this.#now(), peak_bytes: 4096 });
  }

  #usersOf(pci: string): number {
    return [...this.instances.values()].filter(({ regions }) => regions.includes(pci)).length;
  }

  #stats(asked?: readonly string[]): GuestStats {
    const { plugged, hotmem, old } = this.#options;
    const regions = asked && old !== true ? asked : this.#options.regions;
    const peak = (pci: string): number =>
      Math.max(
        0,
        ...[...this.instances.values()].map((one) => (one.region_pci === pci ? one.peak_bytes : 0)),
      );
    return {
      ...IDLE_STATS,
      ...(this.ready && !asked ? { ready: this.ready } : {}),
      taken_at_ms: this.#now(),
      partitions: regions.map((region_pci) => ({
        ...fakeUse(hotmem, this.used_bytes.get(region_pci), peak(region_pci), plugged(region_pci)),
        region_pci,
        plugged_bytes: plugged(region_pci),
        users: this.#usersOf(region_pci),
        plug_ns: 1,
        unplug_ns: 2,
        map_bytes: 0,
      })),
      memory_total_bytes: 1_000_000_000,
      memory_free_bytes: 600_000_000,
      memory_available_bytes: this.available_bytes,
      page_cache_bytes: 30_000,
      tmp_bytes: 2_000,
      kernel_bytes: 4_000,
      pages_migrated: this.pages_migrated,
    };
  }

  /** A connection that is gone takes with it who asked. */
  #answer({ id, stream }: Asked, result: unknown): void {
    if (stream === this.#stream) this.say({ id, ok: true, result });
  }

  #answerWith({ id, stream }: Asked, { result, attached }: FakeAnswer): void {
    if (stream === this.#stream)
      this.#write(joinLine(JSON.stringify({ id, ok: true, result }), attached));
  }

  #refuse({ id, stream }: Asked, code: string, message: string): void {
    if (stream === this.#stream) this.say({ id, ok: false, code, message });
  }
}
