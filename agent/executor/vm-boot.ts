/** From nothing to a guest that said hello: launch, channel, hello, first figures. */
import type { Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import type { HotplaneError } from '../../base/errors.ts';
import { agentError } from '../model/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { formatBytes } from '../../base/units.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { lastLines, readTail, showsPanic } from '../../hypervisor-client/host/log-tail.ts';
import type {
  Hypervisor,
  Region,
  RegionSpec,
  Vm,
  VmEvent,
  VmSpec,
} from '../../hypervisor-client/vm.ts';
import { type FunctionSpec, plugsOnDemand, regionMaxBytes, regionNode } from '../model/spec.ts';
import { deviceName, layoutOf, type RegionLayout, regionName } from '../model/layout.ts';
import { guestNodeOf, MECHANISMS } from '../model/mechanism.ts';
import { disksOf } from '../model/program.ts';
import type { VmFacts } from '../model/state.ts';
import { GuestChannel } from '../../guest/protocol/channel.ts';
import { guestClosed, guestNoHello, guestPanic } from '../../guest/protocol/errors.ts';
import type { Written } from '../observe/instance-logs.ts';
import type {
  ExitEvent,
  Hello,
  LogEvent,
  MemoryEvent,
  PreparedEvent,
  SpanEvent,
} from '../../guest/protocol/protocol.ts';
import { GuestFigures } from '../observe/guest-figures.ts';
import { GuestLink } from './guest-link.ts';
import type { PlannedNic } from './host-network.ts';
import type { GuestImage, GuestImages, ImageIdentity } from './images.ts';
import { vmProcess } from '../observe/vm-process.ts';

/** Exchanges made at hello so that guest stamps can be put on the host's clock. */
const CLOCK_SAMPLES = 3;

const NO_IDENTITY: ImageIdentity = {
  kernel_variant: null,
  kernel_key: null,
  series_revision: null,
  rootfs_key: null,
};

/** A VM that an earlier agent left running. */
export interface LeftVm {
  /** Throws HP_VMM_* when it does not answer, or is gone. */
  readonly takeUp: () => Promise<Vm>;
  /** Ends its process by force. Throws HP_VMM_WONT_END. */
  readonly end: () => Promise<void>;
}

export interface BootOptions {
  readonly vm_id: string;
  readonly spec: FunctionSpec;
  readonly clock: Clock;
  readonly hypervisor: Hypervisor;
  readonly images: GuestImages;
  readonly run_dir: string;
  /** What is plugged has its pages of the host at once; absent: as they are touched. */
  readonly populate_plugged?: boolean;
  /** Its network device, and how it is made; null: it has none. */
  readonly planNic: () => Promise<PlannedNic | null>;
  readonly signal: AbortSignal;
  /** A VM that is there already, left by an earlier agent; null: one is to be launched. */
  readonly left: LeftVm | null;
  /** The VM exists from here on and must be shut down, whatever comes after. */
  readonly onVm: (vm: Vm) => void;
  readonly onExit: (event: ExitEvent) => void;
  readonly onMemory: (event: MemoryEvent) => void;
  readonly onPrepared: (event: PreparedEvent) => void;
  readonly onSpan: (event: SpanEvent) => void;
  /** An instance wrote something. */
  readonly onLog: (written: Written) => void;
  /** The VM or its channel broke; may come at any time, also before boot is done. */
  readonly onBroken: (error: unknown) => void;
}

export interface Booted {
  readonly guest: GuestLink;
  readonly regions: readonly Region[];
  readonly figures: GuestFigures;
  readonly facts: VmFacts;
  readonly launched_at_ms: number;
  readonly ready_ms: number;
}

/** Throws HP_VMM_*, HP_GUEST_NO_HELLO, HP_GUEST_PANIC, HP_AGENT_NO_HOTMEM. */
export async function bootVm(options: BootOptions): Promise<Booted> {
  const { clock, hypervisor, spec, signal } = options;
  const begun_ms = clock.nowMs();
  const capabilities = await hypervisor.probe();
  const { vm, identity } = options.left
    ? { vm: await options.left.takeUp(), identity: NO_IDENTITY }
    : await launch(options, capabilities.devices_per_vm);
  const launched_at_ms = clock.nowMs();
  options.onVm(vm);
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  const onBroken = (error: unknown): void => {
    broken.reject(error);
    options.onBroken(error);
  };
  const ended = watchVm(vm, options);
  ended.then(onBroken, onBroken);
  const onClosed = (error: unknown): void => {
    explainClosed(vm, clock, ended, error).then(onBroken, onBroken);
  };
  // An error holds a stack: each is made when there is one.
  const aborted = (): HotplaneError => guestClosed(vm.id, 'it is being shut down.');
  signal.addEventListener('abort', () => broken.reject(aborted()), { once: true });
  if (signal.aborted) throw aborted();
  const limit_ms = LIMITS.guest_hello_ms * (capabilities.slowness ?? 1);
  const greeted = greet(vm, options, onClosed, limit_ms);
  const { channel, hello } = await Promise.race([greeted, broken.promise]);
  const mechanism = MECHANISMS.get(spec.mechanism);
  if (mechanism.partitions && !hello.hotmem) throw noPartitions(mechanism.name, hello.kernel);
  const guest = new GuestLink(channel, clock, capabilities.slowness);
  const figures = new GuestFigures((selection) => guest.stats(selection));
  for (let count = 0; count < CLOCK_SAMPLES; count += 1) await figures.many('all');
  const { regions } = await vm.observe();
  const facts = {
    guest_kernel: hello.kernel,
    vmm: `${capabilities.vmm} ${capabilities.version}`,
    accelerator: vm.accelerator,
    ...(await vmProcess(vm.handle.pid)),
    ...identity,
  };
  return { guest, figures, regions, facts, launched_at_ms, ready_ms: clock.nowMs() - begun_ms };
}

async function launch(
  options: BootOptions,
  devices_per_vm: number,
): Promise<{ vm: Vm; identity: ImageIdentity }> {
  const { hypervisor, spec, signal } = options;
  const layout = layoutOf(spec, devices_per_vm - placesBeside(spec));
  const image = await options.images.imageFor(spec, layout.regions_per_device);
  const planned = await options.planNic();
  const vm_spec = vmSpecOf(options, image, layout);
  const vm = planned
    ? await hypervisor.launch({ ...vm_spec, nic: planned.nic }, { signal, makeTap: planned.make })
    : await hypervisor.launch(vm_spec, { signal });
  return { vm, identity: image.identity ?? NO_IDENTITY };
}

/** Places of devices that hold no memory. */
const placesBeside = ({ program, network }: FunctionSpec): number =>
  disksOf(program) + (network ? 1 : 0);

function vmSpecOf(options: BootOptions, image: GuestImage, layout: RegionLayout): VmSpec {
  const { spec, vm_id, run_dir } = options;
  const { kernel_path, initrd_path, kernel_arguments, disks = [] } = image;
  const sizesOf = (region_index: number): Pick<RegionSpec, 'max_bytes' | 'initial_bytes'> => {
    const max_bytes = regionMaxBytes(spec, region_index);
    return { max_bytes, initial_bytes: plugsOnDemand(spec) ? 0 : max_bytes };
  };
  return {
    id: vm_id,
    run_dir,
    kernel_path,
    initrd_path,
    kernel_arguments,
    vcpus: spec.vcpus,
    boot_bytes: spec.boot_bytes,
    ...(disks.length > 0 ? { disks } : {}),
    devices: Array.from({ length: layout.devices }, (_, index) => ({
      id: deviceName(layout, index * layout.regions_per_device),
      guest_node: guestNodeOf(MECHANISMS.get(spec.mechanism), index),
      host_node: regionNode(spec, index * layout.regions_per_device),
      regions: Array.from({ length: layout.regions_per_device }, (__, partition) => ({
        id: regionName(index * layout.regions_per_device + partition),
        ...sizesOf(index * layout.regions_per_device + partition),
      })),
    })),
    backing: spec.backing,
    accelerator: 'auto',
    ...(options.populate_plugged ? { populate: true } : {}),
  };
}

async function greet(
  vm: Vm,
  options: BootOptions,
  onClosed: (error: unknown) => void,
  limit_ms: number,
): Promise<{ channel: GuestChannel; hello: Hello }> {
  const { clock, onExit, onMemory, onPrepared, onSpan } = options;
  const onLog = (event: LogEvent, bytes: Buffer): void => {
    const { instance: instance_id, stream: of, dropped_bytes } = event;
    options.onLog({ at_ms: clock.nowMs(), instance_id, stream: of, dropped_bytes, bytes });
  };
  let late: Error | null = null;
  const stream = await vm.guestChannel();
  const told = { onExit, onMemory, onPrepared, onSpan, onLog, onClosed };
  const channel = new GuestChannel({ vm_id: vm.id, stream, clock, ...told });
  if (options.left) channel.knock();
  try {
    return {
      channel,
      hello: await withDeadline(clock, limit_ms, channel.hello, () => (late = new Error('late'))),
    };
  } catch (error) {
    channel.close();
    const text = await readTail(vm.console_path);
    const quoted = quoteConsole(text);
    if (showsPanic(text)) throw guestPanic(vm.id, vm.console_path, quoted);
    if (error === late) throw guestNoHello(vm.id, limit_ms, vm.console_path, quoted);
    // The channel ended: `onClosed` finds out why and ends the boot with it.
    return await new Promise<never>(() => undefined);
  }
}

function quoteConsole(text: string): string {
  const lines = lastLines(text, LIMITS.console_tail_lines);
  return lines === '' ? 'Its console is empty.' : `Last lines of its console: ${lines}`;
}

/** Resolves with the VMM's own news of the end as one error; never while the VM is well. */
async function watchVm(vm: Vm, options: BootOptions): Promise<HotplaneError> {
  for await (const event of vm.events(options.signal)) {
    if (event.type === 'device-size') continue;
    const quoted = quoteConsole(await readTail(vm.console_path));
    if (event.type === 'guest-panicked') return guestPanic(vm.id, vm.console_path, quoted);
    return vmmEnded(vm, event, quoted);
  }
  return guestClosed(vm.id, 'the VMM tells no more news of it.');
}

/**
 * A channel closes because something else ended: the VMM's news, or a panic on the console, say
 * more than the close itself. They are waited for a moment.
 */
async function explainClosed(
  vm: Vm,
  clock: Clock,
  ended: Promise<HotplaneError>,
  closed: unknown,
): Promise<unknown> {
  const news = async (): Promise<HotplaneError> =>
    await withDeadline(clock, AGENT_LIMITS.vm_news_ms, ended, () => new Error('late'));
  try {
    return await news().catch(async (late: unknown) => {
      // A process that was killed may close its sockets long before it is gone: that is waited for.
      const { state } = await vm.observe();
      if (state !== 'stopped' && state !== 'panicked') throw late;
      return await news();
    });
  } catch {
    const text = await readTail(vm.console_path);
    return showsPanic(text) ? guestPanic(vm.id, vm.console_path, quoteConsole(text)) : closed;
  }
}

function vmmEnded(
  vm: Vm,
  event: Extract<VmEvent, { type: 'exited' | 'guest-reset' }>,
  quoted: string,
): HotplaneError {
  if (event.type === 'guest-reset') {
    const reset = `the guest of ${vm.id} was reset. ${quoted}`;
    return agentError('HP_AGENT_VM_ENDED', reset, { details: { code: null, signal: null } });
  }
  const { code, signal, over_limit_bytes } = event;
  const why =
    over_limit_bytes === undefined
      ? ''
      : ` It took more than the ${formatBytes(over_limit_bytes)} that its memory cgroup allows.`;
  const how = `the VMM of ${vm.id} ended (status ${code}, signal ${signal}).${why}`;
  return agentError('HP_AGENT_VM_ENDED', `${how} ${quoted}`, {
    details: { code, signal, ...(why === '' ? {} : { over_limit_bytes }) },
  });
}

function noPartitions(name: string, kernel: string): HotplaneError {
  return agentError(
    'HP_AGENT_NO_HOTMEM',
    `mechanism '${name}' needs a patched guest kernel, but ${kernel} has no partitions.`,
  );
}
