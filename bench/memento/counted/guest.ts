/** A guest of which every byte that is stored is counted, with one region that it makes ready. */
import { z } from 'zod';
import { emulated } from '../../../agent/model/work.ts';
import type { Clock } from '../../../base/clock.ts';
import { withDeadline } from '../../../base/deadline.ts';
import { LIMITS } from '../../../base/limits.ts';
import { MIB } from '../../../base/units.ts';
import { type GuestAnswer, GuestChannel } from '../../../guest/protocol/channel.ts';
import {
  type GuestRequest,
  type GuestStats,
  invokedSchema,
  type PreparedEvent,
  regionAddress,
  startedSchema,
  statsSchema,
  stoppedSchema,
} from '../../../guest/protocol/protocol.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import type { Hypervisor, Vm } from '../../../hypervisor-client/vm.ts';
import { type Guest, guestKernelArguments } from '../../../images/index.ts';
import { readStoredPages } from '../../accesses/stored.ts';
import { callFailed } from '../../errors.ts';
import { awaitHello } from '../../guest-hello.ts';
import { BENCH_LIMITS } from '../../limits.ts';

const BOOT_BYTES = 256 * MIB;
const REGION_ID = 'r0';
const INSTANCE = 'counted';

const notPrepared = () => callFailed('the guest did not end to prepare its region');

export interface CountedVmOptions {
  /** Its driver counts accesses, page by page. */
  readonly hypervisor: Hypervisor;
  readonly guest: Pick<Guest, 'kernel_path' | 'initrd_path'>;
  readonly run_dir: string;
  readonly region_bytes: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

export class CountedVm {
  readonly vm: Vm;
  readonly #options: CountedVmOptions;
  readonly #channel: GuestChannel;
  readonly #region_pci: string;
  readonly #slowness: number;
  readonly #prepared: PromiseWithResolvers<PreparedEvent>[];

  private constructor(parts: {
    readonly vm: Vm;
    readonly options: CountedVmOptions;
    readonly channel: GuestChannel;
    readonly region_pci: string;
    readonly slowness: number;
    readonly prepared: PromiseWithResolvers<PreparedEvent>[];
  }) {
    this.vm = parts.vm;
    this.#options = parts.options;
    this.#channel = parts.channel;
    this.#region_pci = parts.region_pci;
    this.#slowness = parts.slowness;
    this.#prepared = parts.prepared;
  }

  /** Nothing is left running when it throws. */
  static async boot(options: CountedVmOptions): Promise<CountedVm> {
    const { hypervisor, guest, run_dir, region_bytes, clock, signal } = options;
    const { kernel_path, initrd_path } = guest;
    const { slowness = 1 } = await hypervisor.probe();
    const how = { partitions: 1, init_on_alloc: false, guest_huge_pages: false };
    const spec = {
      id: INSTANCE,
      run_dir,
      kernel_path,
      initrd_path,
      kernel_arguments: guestKernelArguments(how),
      vcpus: 1,
      boot_bytes: BOOT_BYTES,
      devices: [deviceOf({ id: REGION_ID, max_bytes: region_bytes, initial_bytes: 0 })],
      backing: 'anonymous',
      accelerator: 'auto',
    } as const;
    const vm = await hypervisor.launch(spec, signal ? { signal } : {});
    try {
      const prepared: PromiseWithResolvers<PreparedEvent>[] = [];
      const channel = new GuestChannel({
        vm_id: spec.id,
        stream: await vm.guestChannel(),
        clock,
        onExit: () => undefined,
        onPrepared: (event) => prepared.shift()?.resolve(event),
        onClosed: (error) => {
          for (const one of prepared.splice(0)) one.reject(error);
        },
      });
      await awaitHello(channel, clock, { signal, slowness });
      const [region] = (await vm.observe()).regions;
      if (!region) throw callFailed('the VM has no region');
      const region_pci = regionAddress(region);
      return new CountedVm({ vm, options, channel, region_pci, slowness, prepared });
    } catch (error) {
      await vm.shutdown();
      throw error;
    }
  }

  /** What was stored in each page of the region until now. */
  async look(): Promise<Float64Array> {
    return await readStoredPages(this.#options.run_dir, REGION_ID);
  }

  /** It is told that what is plugged reads zero. */
  async trust(): Promise<void> {
    await this.#ask({ type: 'trust', plugged_reads_zero: true }, z.unknown());
  }

  async plug(): Promise<void> {
    await this.#resize(this.#options.region_bytes);
  }

  async unplug(): Promise<void> {
    await this.#resize(0);
  }

  /** All of the region, and until the guest says that it is over. */
  async prepare(): Promise<void> {
    const { clock, region_bytes: bytes } = this.#options;
    const over = Promise.withResolvers<PreparedEvent>();
    // Of a channel that ends meanwhile the question tells as well.
    over.promise.catch(() => undefined);
    this.#prepared.push(over);
    await this.#ask({ type: 'prepare', region_pci: this.#region_pci, bytes }, z.unknown());
    const { ready_bytes } = await withDeadline(
      clock,
      BENCH_LIMITS.work_ms,
      over.promise,
      notPrepared,
    );
    if (ready_bytes < bytes) throw callFailed(`only ${ready_bytes} of ${bytes} bytes are ready`);
  }

  /** The emulated function; `arena_bytes`: it has so much before it is ready. */
  async start(arena_bytes: number): Promise<void> {
    const request: GuestRequest = {
      type: 'start',
      instance: INSTANCE,
      region_pci: this.#region_pci,
      attach: 'hotmem',
      guest_node: -1,
      attach_timeout_ms: LIMITS.plug_ms,
      memory_max_bytes: 0,
      argv: [],
      env: arena_bytes > 0 ? { HOTPLANE_ARENA_BYTES: String(arena_bytes) } : {},
    };
    await this.#ask(request, startedSchema);
  }

  /** Its call; returns the page faults that it counted, null: it does not tell. */
  async call(anonymous_bytes: number): Promise<number | null> {
    const work = { anonymous_bytes, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };
    const { payload, content_type } = emulated(work);
    const about = { instance: INSTANCE, content_type, payload_bytes: payload.length };
    const { value } = await this.#ask({ type: 'invoke', ...about }, invokedSchema, payload);
    return value.minor_faults ?? null;
  }

  async stop(): Promise<void> {
    await this.#ask({ type: 'stop', instance: INSTANCE }, stoppedSchema);
  }

  /** What the guest kernel counts itself; null: it does not. */
  async pages(): Promise<NonNullable<GuestStats['ready']> | null> {
    return (await this.#ask({ type: 'stats' }, statsSchema)).value.ready ?? null;
  }

  async close(): Promise<void> {
    this.#channel.close();
    await this.vm.shutdown();
  }

  async #ask<T>(
    request: GuestRequest,
    schema: z.ZodType<T>,
    payload?: Uint8Array,
  ): Promise<GuestAnswer<T>> {
    const deadline_ms = LIMITS.instance_start_ms * this.#slowness;
    return await this.#channel.ask(request, schema, deadline_ms, payload);
  }

  async #resize(bytes: number): Promise<void> {
    const { signal } = this.#options;
    const result = await this.vm.resizeRegion(REGION_ID, bytes, {
      deadline_ms: BENCH_LIMITS.resize_ms,
      ...(signal ? { signal } : {}),
    });
    if (result.outcome === 'done') return;
    throw callFailed(`a resize to ${bytes} bytes was ${result.outcome}: ${result.reason ?? ''}`);
  }
}
