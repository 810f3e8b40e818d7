/** A real guest under QEMU for tests: boots our stock image, speaks raw lines or the protocol. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { z } from 'zod';
import { emulated, type Work } from '../../agent/model/work.ts';
import { type GuestAnswer, GuestChannel } from '../../guest/protocol/channel.ts';
import {
  type ExitEvent,
  type GuestRequest,
  type GuestStats,
  type Hello,
  invokedSchema,
  type LogEvent,
  type StartRequest,
  type Started,
  startedSchema,
  statsSchema,
} from '../../guest/protocol/protocol.ts';
import { hostClock } from '../../base/clock.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { QemuDriver } from '../../hypervisor-client/qemu/driver.ts';
import type { DiskSpec, Hypervisor, Vm } from '../../hypervisor-client/vm.ts';
import { deviceOf } from '../../hypervisor-client/spec.ts';
import { cacheDir } from '../../base/paths.ts';
import { ensureRootfs } from '../../images/rootfs/rootfs.ts';
import { readTail } from '../../hypervisor-client/host/log-tail.ts';
import { ensureGuest, guestKernelArguments } from '../../images/index.ts';

/** A file may boot a dozen guests side by side, on a busy host beside other work. */
export const HELLO_MS = 240_000;
export const ASK_MS = 120_000;
export const REGION_BYTES = 256 * MIB;

/** An invocation of the built-in function, by what it is to do. */
export type Asked =
  | Exclude<GuestRequest, { type: 'invoke' }>
  | { readonly type: 'invoke'; readonly instance: string; readonly work: Work };

/** Of programs that serve HTTP, or fail, alone. */
const NOT_OF_WORK = { function_error: true, status: true, fields: true } as const;
const workedSchema = invokedSchema.omit(NOT_OF_WORK).required();

async function askOn<T>(
  channel: GuestChannel,
  request: Asked,
  schema: z.ZodType<T>,
): Promise<GuestAnswer<T>> {
  if (request.type !== 'invoke') return await channel.ask(request, schema, ASK_MS);
  const { work, ...rest } = request;
  const { payload, content_type } = emulated(work);
  const about = { ...rest, content_type, payload_bytes: payload.length };
  return await channel.ask(about, schema, ASK_MS, payload);
}

export interface Logged extends LogEvent {
  readonly text: string;
}

export interface BootedGuest {
  readonly vm: Vm;
  /** PCI addresses of the two regions. */
  readonly pci: readonly string[];
  readonly channel: GuestChannel;
  readonly hello: Hello;
  readonly exits: readonly ExitEvent[];
  readonly logs: readonly Logged[];
  ask(request: Asked): Promise<unknown>;
  /** What the built-in function did. */
  work(instance: string, work: Work): Promise<z.infer<typeof workedSchema>>;
  start(instance: string, changes?: Partial<StartRequest>): Promise<Started>;
  stats(): Promise<GuestStats>;
  /** The exit event of an instance, waited for. */
  exitOf(instance: string): Promise<ExitEvent | null>;
  console(): Promise<string>;
}

/** What the guest makes of its regions. */
export type RegionKind = 'plain' | 'nodes' | 'partitions';

export async function launchGuest(
  t: ExecutionContext,
  kind: RegionKind = 'plain',
  disks: readonly DiskSpec[] = [],
  extra_programs: Readonly<Record<string, string>> = {},
  hypervisor: Hypervisor = new QemuDriver(),
): Promise<Vm> {
  const guest = await ensureGuest({ variant: 'hotmem' });
  const is_plain = Object.keys(extra_programs).length === 0;
  const rootfs = is_plain ? guest : await ensureRootfs({ cache_dir: cacheDir(), extra_programs });
  const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-guest-'));
  const vm = await hypervisor.launch({
    id: 'images-test',
    run_dir,
    kernel_path: guest.kernel_path,
    initrd_path: rootfs.initrd_path,
    kernel_arguments: guestKernelArguments({
      partitions: kind === 'partitions' ? 1 : 'none',
      init_on_alloc: false,
      guest_huge_pages: false,
    }),
    vcpus: 2,
    boot_bytes: 512 * MIB,
    disks,
    devices: ['r0', 'r1'].map((id, index) =>
      deviceOf(
        { id, max_bytes: REGION_BYTES, initial_bytes: 0 },
        kind === 'nodes' ? index + 1 : null,
      ),
    ),
    backing: 'anonymous',
    accelerator: 'auto',
  });
  t.teardown(async () => {
    if (!t.passed) t.log(await readTail(vm.console_path));
    await vm.shutdown();
    await rm(run_dir, { recursive: true, force: true });
  });
  return vm;
}

export async function bootGuest(t: ExecutionContext, kind?: RegionKind): Promise<BootedGuest> {
  return await connectGuest(await launchGuest(t, kind));
}

interface Connecting {
  readonly hello_ms?: number;
  /** As an agent that takes up a VM which another launched. */
  readonly knocks?: boolean;
}

/** The agent's channel on a running guest. Rejects when there is no hello in time. */
export async function connectGuest(
  vm: Vm,
  { hello_ms = HELLO_MS, knocks = false }: Connecting = {},
): Promise<BootedGuest> {
  const exits: ExitEvent[] = [];
  const logs: Logged[] = [];
  const channel = new GuestChannel({
    vm_id: vm.id,
    stream: await vm.guestChannel(),
    clock: hostClock,
    onExit: (event) => exits.push(event),
    onLog: (event, bytes) => logs.push({ ...event, text: bytes.toString() }),
    onClosed: () => undefined,
  });
  if (knocks) channel.knock();
  const timer = setTimeout(() => channel.close(), hello_ms);
  const hello = await channel.hello.finally(() => clearTimeout(timer));
  const pci = (await vm.observe()).regions.map((region) => region.pci_address);
  return {
    vm,
    pci,
    channel,
    hello,
    exits,
    logs,
    ask: async (request) => (await askOn(channel, request, z.unknown())).value,
    work: async (instance, work) =>
      (await askOn(channel, { type: 'invoke', instance, work }, workedSchema)).value,
    start: async (instance, changes = {}) =>
      (await channel.ask(startRequest(instance, pci[0] ?? '', changes), startedSchema, ASK_MS))
        .value,
    stats: async () => (await channel.ask({ type: 'stats' }, statsSchema, ASK_MS)).value,
    exitOf: async (instance) =>
      await waitFor(() => exits.find((event) => event.instance === instance) ?? null, {
        clock: hostClock,
        deadline_ms: ASK_MS,
      }),
    console: async () => await readFile(vm.console_path, 'utf8'),
  };
}

function startRequest(
  instance: string,
  region_pci: string,
  changes: Partial<StartRequest>,
): StartRequest {
  return {
    type: 'start',
    instance,
    region_pci,
    attach: 'none',
    guest_node: -1,
    attach_timeout_ms: 60_000,
    memory_max_bytes: 0,
    argv: [],
    env: {},
    ...changes,
  };
}

export interface RawChannel {
  send(text: string | Uint8Array): void;
  close(): void;
  /** The next line that `matches`, others skipped; null at the deadline. */
  next(
    matches: (message: Record<string, unknown>) => boolean,
  ): Promise<Record<string, unknown> | null>;
}

/** The bare byte stream, for what the agent would never send. */
export async function openRaw(vm: Vm): Promise<RawChannel> {
  const stream = await vm.guestChannel();
  const messages: Record<string, unknown>[] = [];
  createInterface({ input: stream }).on('line', (line) => {
    const [json = ''] = line.split('\u001f');
    if (json !== '') messages.push(JSON.parse(json));
  });
  return {
    send: (text) => void stream.write(text),
    close: () => void stream.destroy(),
    next: async (matches) =>
      await waitFor(
        () => {
          const message = messages.shift();
          return message && matches(message) ? message : null;
        },
        { clock: hostClock, deadline_ms: HELLO_MS },
      ),
  };
}
