/**
 * The guest protocol, version 2: line-delimited JSON over a byte stream (virtio-serial or vsock),
 * at most PROTOCOL.line_bytes a line (constants.ts), to which bytes may be attached
 * (attached-bytes.ts). The agent asks (`id`, `type`), the guest answers every request once with the
 * same `id`, and tells events without `id`. A payload goes with its `invoke` and comes with the
 * reply; what does not fit travels in chunks, after the `invoke` and before the reply, between
 * other lines. Whatever the guest says is a hint from an untrusted party: parsed here, bounded, and
 * never believed over the VMM and the host.
 */
import { z } from 'zod';
import { PROTOCOL } from './constants.ts';

const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const count = bytes;
/** Milliseconds of the guest's CLOCK_BOOTTIME. Comparable only with other guest stamps. */
const guest_ms = z.number().nonnegative().finite();
const name = z.string().min(1).max(PROTOCOL.instance_name_bytes);

/**
 * What both sides call a region: the PCI address of its device, and `#k` behind it for partition k
 * of a device cut into several, but for the first.
 */
export function regionAddress(place: {
  readonly pci_address: string;
  readonly partition: number;
}): string {
  return place.partition === 0 ? place.pci_address : `${place.pci_address}#${place.partition}`;
}

/** How an instance is bound to its region inside the guest. */
export type AttachKind = 'none' | 'numa' | 'hotmem';

/* ---- agent to guest ---- */

export interface StartRequest {
  readonly type: 'start';
  readonly instance: string;
  /** Address of the region ({@link regionAddress}), the identity both sides share. */
  readonly region_pci: string;
  readonly attach: AttachKind;
  /** Guest NUMA node for `numa`; -1 otherwise. */
  readonly guest_node: number;
  /**
   * Another region and its node (-1 with `hotmem`), beside the first: pages are taken of both by
   * turns, so many of each; not with `none`, and without `grow_wait_ms`. Absent: all memory is in
   * the first. A guest that does not know it takes the first alone, which is too small then.
   */
  readonly far_pci?: string;
  readonly far_node?: number;
  /** 1 to PROTOCOL.node_weight_max. */
  readonly near_weight?: number;
  readonly far_weight?: number;
  /** How long the instance may wait for its partition to be populated. */
  readonly attach_timeout_ms: number;
  /** memory.max of the instance's cgroup; 0 = unlimited. */
  readonly memory_max_bytes: number;
  /**
   * How long it waits for more memory where its partition is full; absent or 0: it is ended at
   * once. With it come `memory` events of its region. A guest that does not know it ignores it.
   */
  readonly grow_wait_ms?: number;
  readonly argv: readonly string[];
  /** Variables of PROTOCOL.user_variable and .ready_variable are for the init. */
  readonly env: Readonly<Record<string, string>>;
}

/** Bytes for a function, or from it. */
export interface Payload {
  readonly content_type: string;
  readonly bytes: Uint8Array;
}

interface GuestInvoke {
  readonly type: 'invoke';
  readonly instance: string;
  readonly content_type: string;
  /** Of the whole payload; what is attached is its beginning. */
  readonly payload_bytes: number;
  /** Where the interface of the function tells its program: who it serves, and for how long. */
  readonly request_id?: string;
  readonly timeout_ms?: number;
  /** The HTTP request that it is, for programs that serve HTTP; others are not shown it. */
  readonly http?: {
    readonly method: string;
    /** With its query. */
    readonly path: string;
    /** `Name: value` fields, each with its end of line, as they are to be sent. */
    readonly fields: string;
  };
}

export type GuestRequest =
  | StartRequest
  /** The init hands the line on to the instance's program as it is. */
  | GuestInvoke
  /** The answer to an invocation that runs, or is the last that ended, on a new connection. */
  | { readonly type: 'resume'; readonly instance: string; readonly request_id: string }
  | { readonly type: 'stop'; readonly instance: string }
  /** No growth comes for whoever waits for it in this region now: it is ended. */
  | { readonly type: 'deny'; readonly region_pci: string }
  /**
   * So much of this region is to be ready, cleared and touched, before anybody asks for it. It
   * begins when so much is plugged by the guest's own word, and ends by itself, with an unplug, or
   * where there is no more; a `prepared` event says so.
   */
  | { readonly type: 'prepare'; readonly region_pci: string; readonly bytes: number }
  /**
   * Whether what is plugged reads zero, by the word of who knows the VMM: then partitions hand it
   * out as it is. It is given while nothing is plugged, and taken back at any time. Refused with
   * `cannot-trust` by guests that clear it all the same.
   */
  | { readonly type: 'trust'; readonly plugged_reads_zero: boolean }
  /**
   * The span that the instance has asked for is there, in this region; or `failure`: it does not
   * come. Refused with `no-such-span` where the instance does not ask for it any more. `serial`: of
   * which asking, as its event told; absent: of whichever there is.
   */
  | {
      readonly type: 'span';
      readonly instance: string;
      readonly span: string;
      readonly serial?: number;
      readonly region_pci: string;
      readonly failure?: string;
    }
  /** Which instances there are; `span` events of all that is asked for or open come before. */
  | { readonly type: 'list' }
  /**
   * Counting an ordinary region costs the guest a look at the page flags of all of it: `region_pci`
   * narrows that to one, or with '' to none; absent: all. Partitions of `hotmem` are always told.
   * `regions`, at most PROTOCOL.regions, narrows both kinds: nothing else is told. A guest that
   * does not know it goes by `region_pci`, and tells more.
   */
  | { readonly type: 'stats'; readonly region_pci?: string; readonly regions?: readonly string[] }
  /**
   * Answered with the hello. Send an empty line and a ping first on every connection: a
   * virtio-serial port that closes and opens at once looks to the guest as if nothing had happened,
   * so it says no hello of its own, and may hold half a line of the connection before.
   */
  | { readonly type: 'ping' };

/* ---- guest to agent ---- */

export const helloSchema = z.object({
  type: z.literal('hello'),
  /** Lowest and highest protocol version the guest speaks. */
  protocol: z.tuple([z.number().int(), z.number().int()]),
  kernel: name,
  init: name,
  vcpus: count,
  page_bytes: bytes,
  memory_block_bytes: bytes,
  boot_ms: guest_ms,
  init_on_alloc: z.boolean(),
  hotmem: z.boolean(),
});
export type Hello = z.infer<typeof helloSchema>;

/** How an instance is as its guest tells it; `gone`: nobody has asked for its end yet. */
const INSTANCE_STATES = ['starting', 'ready', 'busy', 'ending', 'gone'] as const;

export const startedSchema = z.object({
  pid: z.number().int().positive(),
  /** The init took the request up. */
  created_at_ms: guest_ms,
  /** The sandbox exists and waits for its partition (t3). */
  sandbox_at_ms: guest_ms,
  /** Its memory is there and bound to it; it becomes the program now. */
  attached_at_ms: guest_ms,
  /** Attached, the workload program said it is ready (t4). */
  ready_at_ms: guest_ms,
});
export type Started = z.infer<typeof startedSchema>;

export const invokedSchema = z.object({
  started_at_ms: guest_ms,
  first_byte_at_ms: guest_ms,
  finished_at_ms: guest_ms,
  wall_ms: guest_ms,
  /** Of the attached answer; absent: bytes of no told kind. */
  content_type: z.string().max(PROTOCOL.content_type_bytes).optional(),
  /** Of a program that serves HTTP: its status, and its header fields, a `Name: value` a line. */
  status: z.number().int().min(100).max(999).optional(),
  fields: z.string().max(PROTOCOL.http_answer_head_bytes).optional(),
  /** The function itself says that it failed: its answer tells how. The instance serves on. */
  function_error: z.string().max(PROTOCOL.error_message_bytes).optional(),
  anonymous_bytes: bytes.optional(),
  file_bytes: bytes.optional(),
  cpu_ms: guest_ms.optional(),
  /** The part of `cpu_ms` until the first byte: touching memory, with its faults. */
  touch_cpu_ms: guest_ms.optional(),
  minor_faults: count.optional(),
  major_faults: count.optional(),
});

export const stoppedSchema = z.object({
  /** The process tree is gone and the partition has no users (t7). */
  gone_at_ms: guest_ms,
  peak_bytes: bytes,
});

export const listedSchema = z.object({
  instances: z
    .array(z.object({ instance: name, state: z.enum(INSTANCE_STATES) }))
    .max(PROTOCOL.instances),
});

const partitionSchema = z.object({
  region_pci: name,
  /** What the guest counts as plugged of this device (memory blocks online, or the partition's). */
  plugged_bytes: bytes,
  used_bytes: bytes,
  peak_bytes: bytes,
  users: count,
  /** `hotmem` partition state, or `stock`. */
  state: name,
  /** Time inside the guest of the last plug and unplug, nanoseconds; 0 when not known. */
  plug_ns: count,
  unplug_ns: count,
  map_bytes: bytes,
  /**
   * What its instance has on the node that it is; absent: it is no node, not known, or some regions
   * only were asked for.
   */
  node_used_bytes: bytes.optional(),
  /** What could be unplugged now, from its end; absent: not known. */
  free_tail_bytes: bytes.optional(),
  /** By how much whoever waits in it wants it larger, at least; absent: not known. */
  want_bytes: bytes.optional(),
  /** Waits for growth that began in it, and the time of those that ended; absent: not known. */
  grow_waits: count.optional(),
  grow_wait_ns: count.optional(),
});

const readySchema = z.object({
  /** Free, zero and touched. */
  ready_bytes: bytes,
  /** Pages that somebody wanted to be zero: those that had to be cleared, and the others. */
  pages_cleared: count,
  pages_skipped: count,
  pages_prepared: count,
  /** Cleared though they were known to be zero. */
  pages_cleared_twice: count,
});

export const statsSchema = z.object({
  taken_at_ms: guest_ms,
  partitions: z.array(partitionSchema).max(PROTOCOL.regions),
  /** Of all partitions together; absent: not known, or some regions only were asked for. */
  ready: readySchema.optional(),
  memory_total_bytes: bytes,
  memory_free_bytes: bytes,
  memory_available_bytes: bytes,
  /** Files that were read, once for all instances: base runtimes and code. Absent: not known. */
  page_cache_bytes: bytes.optional(),
  /** Files in memory alone: each instance's /tmp, and the root file system. Absent: not known. */
  tmp_bytes: bytes.optional(),
  /** The kernel's own: slabs, stacks and page tables. Absent: not known. */
  kernel_bytes: bytes.optional(),
  /** /proc/vmstat since boot. */
  pages_migrated: count,
  minor_faults: count,
  oom_kills: count,
  /** /proc/pressure/memory `some` and `full` totals, microseconds. */
  psi_some_us: count,
  psi_full_us: count,
  /** Guest CPU time since boot over all vCPUs, kernel and user. */
  cpu_system_ms: guest_ms,
  cpu_user_ms: guest_ms,
});
export type GuestStats = z.infer<typeof statsSchema>;

export const exitEventSchema = z.object({
  type: z.literal('exit'),
  instance: name,
  status: z.number().int().nullable(),
  signal: z.number().int().nullable(),
  reason: z.enum(['exited', 'oom', 'crash', 'killed']),
  /** `request_id` of the last invocation that it was given; null: none. Absent: not told. */
  ran: z.string().max(PROTOCOL.request_id_bytes).nullable().optional(),
  at_ms: guest_ms,
});
export type ExitEvent = z.infer<typeof exitEventSchema>;

/** How much of its region an instance uses, and what it wants: of those that may grow alone. */
export const memoryEventSchema = z.object({
  type: z.literal('memory'),
  instance: name,
  region_pci: name,
  /** Absent: it would cost the guest a look at all pages. */
  plugged_bytes: bytes.optional(),
  used_bytes: bytes,
  /** Absent: the guest's kernel does not tell it. */
  free_tail_bytes: bytes.optional(),
  /** 0: nobody waits. */
  want_bytes: bytes,
  at_ms: guest_ms,
});
export type MemoryEvent = z.infer<typeof memoryEventSchema>;

/** A `prepare` is over: so much of the region was ready then. */
export const preparedEventSchema = z.object({
  type: z.literal('prepared'),
  region_pci: name,
  ready_bytes: bytes,
  at_ms: guest_ms,
});
export type PreparedEvent = z.infer<typeof preparedEventSchema>;

/**
 * A span of an instance: asked for by its program, open, or closed again, after which none of its
 * memory is mapped.
 */
export const spanEventSchema = z.object({
  type: z.literal('span'),
  instance: name,
  span: z.string().max(PROTOCOL.span_name_bytes),
  state: z.enum(['asked', 'open', 'closed']),
  /** Of this asking: no other of its guest has it. Absent: a guest that does not tell. */
  serial: count.optional(),
  /** What was asked for. */
  bytes,
  at_ms: guest_ms,
});
export type SpanEvent = z.infer<typeof spanEventSchema>;

/** A chunk of the answer to request `of` is attached. */
export const chunkEventSchema = z.object({ type: z.literal('chunk'), of: count });

/** Output of an instance is attached: what its program wrote. */
export const logEventSchema = z.object({
  type: z.literal('log'),
  instance: name,
  stream: z.enum(['stdout', 'stderr']),
  /** Bytes before it that were too many in too short a time. */
  dropped_bytes: bytes,
});
export type LogEvent = z.infer<typeof logEventSchema>;

/** The instance that serves request `of` took so many bytes of its payload. */
export const creditEventSchema = z.object({ type: z.literal('credit'), of: count, bytes });

export const replySchema = z.discriminatedUnion('ok', [
  z.object({ id: count, ok: z.literal(true), result: z.unknown() }),
  z.object({
    id: count,
    ok: z.literal(false),
    /** Stable code, e.g. `no-such-instance`, `attach-timeout`, `attach-refused`, `spawn-failed`. */
    code: name,
    message: z.string().max(1024),
  }),
]);
