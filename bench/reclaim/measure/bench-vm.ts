/** A VM under measurement: a hypervisor's VM, its guest channel, and the bench's own instances. */
import type { z } from 'zod';
import { type GuestAnswer, GuestChannel } from '../../../guest/protocol/channel.ts';
import {
  type AttachKind,
  type GuestStats,
  type Hello,
  startedSchema,
  statsSchema,
  stoppedSchema,
} from '../../../guest/protocol/protocol.ts';
import type { Clock } from '../../../base/clock.ts';
import { LIMITS } from '../../../base/limits.ts';
import { awaitHello } from '../../guest-hello.ts';
import { BENCH_LIMITS } from '../../limits.ts';
import type {
  Hypervisor,
  ResizeResult,
  Vm,
  VmObservation,
  VmSpec,
} from '../../../hypervisor-client/vm.ts';
import { type BenchWork, type Counters, countersSchema } from './guest-work.ts';

type PartitionStats = GuestStats['partitions'][number];

export const INSTANCE_PROGRAM = '/bin/bench';
const PROBE = 'probe';

/** Where an instance lives. */
export interface Place {
  readonly region_id: string | null;
  readonly attach: AttachKind;
  readonly guest_node: number;
}

export const NOWHERE: Place = { region_id: null, attach: 'none', guest_node: -1 };

/** Counters of the guest, taken together. */
export interface GuestLook {
  readonly stats: GuestStats;
  readonly counters: Counters;
}

export class BenchVm {
  readonly vm: Vm;
  readonly hello: Hello;
  readonly boot_ms: number;
  readonly #channel: GuestChannel;
  readonly #pci: ReadonlyMap<string, string>;

  private constructor(parts: {
    readonly vm: Vm;
    readonly hello: Hello;
    readonly boot_ms: number;
    readonly channel: GuestChannel;
    readonly pci: ReadonlyMap<string, string>;
  }) {
    this.vm = parts.vm;
    this.hello = parts.hello;
    this.boot_ms = parts.boot_ms;
    this.#channel = parts.channel;
    this.#pci = parts.pci;
  }

  /** Boots and starts the instance that counts. Nothing is left running when it throws. */
  static async boot(
    hypervisor: Hypervisor,
    spec: VmSpec,
    clock: Clock,
    signal?: AbortSignal,
  ): Promise<BenchVm> {
    const started_ms = clock.nowMs();
    const vm = await hypervisor.launch(spec, signal ? { signal } : {});
    try {
      const channel = new GuestChannel({
        vm_id: spec.id,
        stream: await vm.guestChannel(),
        clock,
        onExit: () => undefined,
        onClosed: () => undefined,
      });
      const hello = await awaitHello(channel, clock, { signal });
      const boot_ms = clock.nowMs() - started_ms;
      const { regions } = await vm.observe();
      const pci = new Map(regions.map(({ id, pci_address }) => [id, pci_address]));
      const bench = new BenchVm({ vm, hello, boot_ms, channel, pci });
      await bench.start(PROBE, NOWHERE);
      return bench;
    } catch (error) {
      await vm.shutdown();
      throw error;
    }
  }

  async start(instance: string, place: Place): Promise<void> {
    const region_pci = place.region_id === null ? '' : (this.#pci.get(place.region_id) ?? '');
    const request = {
      type: 'start',
      instance,
      region_pci,
      attach: place.attach,
      guest_node: place.guest_node,
      attach_timeout_ms: LIMITS.instance_start_ms,
      memory_max_bytes: 0,
      argv: [INSTANCE_PROGRAM],
      env: {},
    } as const;
    await this.#channel.ask(request, startedSchema, LIMITS.instance_start_ms);
  }

  /** Returns how long it took until nothing of the instance was left, as its owner sees it. */
  async stop(instance: string): Promise<number> {
    const request = { type: 'stop', instance } as const;
    const answer = await this.#channel.ask(request, stoppedSchema, BENCH_LIMITS.work_ms);
    return answer.received_ms - answer.sent_ms;
  }

  async work<T>(instance: string, work: BenchWork, schema: z.ZodType<T>): Promise<GuestAnswer<T>> {
    const payload = Buffer.from(JSON.stringify(work));
    const about = { content_type: 'application/json', payload_bytes: payload.length };
    const request = { type: 'invoke', instance, ...about } as const;
    return await this.#channel.ask(request, schema, BENCH_LIMITS.work_ms, payload);
  }

  /** Counting a stock region is work for the guest, so only `region_id` is counted, if any. */
  async stats(region_id: string | null = null): Promise<GuestAnswer<GuestStats>> {
    const region_pci = region_id === null ? '' : (this.#pci.get(region_id) ?? '');
    const request = { type: 'stats', region_pci } as const;
    return await this.#channel.ask(request, statsSchema, LIMITS.guest_call_ms);
  }

  async counters(): Promise<Counters> {
    return (await this.work(PROBE, { mode: 'counters' }, countersSchema)).value;
  }

  async look(): Promise<GuestLook> {
    const { value: stats } = await this.stats();
    return { stats, counters: await this.counters() };
  }

  async observe(): Promise<VmObservation> {
    return await this.vm.observe();
  }

  /** The guest's own count of a region; null when it does not know the device. */
  partitionOf(region_id: string, stats: GuestStats): PartitionStats | null {
    const pci = this.#pci.get(region_id);
    return stats.partitions.find(({ region_pci }) => region_pci === pci) ?? null;
  }

  async resize(region_id: string, bytes: number, signal?: AbortSignal): Promise<ResizeResult> {
    return await this.vm.resizeRegion(region_id, bytes, {
      deadline_ms: BENCH_LIMITS.resize_ms,
      ...(signal ? { signal } : {}),
    });
  }

  async close(): Promise<void> {
    this.#channel.close();
    await this.vm.shutdown();
  }
}
