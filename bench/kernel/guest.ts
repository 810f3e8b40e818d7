/** A guest of a kernel under check: boots it, waits for its hello, reads its console. */
import { hostClock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { MIB } from '../../base/units.ts';
import { GuestChannel } from '../../guest/protocol/channel.ts';
import { guestNoHello, guestPanic } from '../../guest/protocol/errors.ts';
import { type ExitEvent, startedSchema } from '../../guest/protocol/protocol.ts';
import { lastLines, showsPanic } from '../../hypervisor-client/host/log-tail.ts';
import { deviceOf } from '../../hypervisor-client/spec.ts';
import type { Hypervisor, Vm } from '../../hypervisor-client/vm.ts';
import { guestKernelArguments } from '../../images/kernel/arguments.ts';
import { awaitHello } from '../guest-hello.ts';
import type { GuestWithConsole } from './run-in-guest.ts';

/** What the selftests of the series need (SELFTESTS.md). */
const BOOT_BYTES = 640 * MIB;
const PARTITION_BYTES = 256 * MIB;
const VCPUS = 2;

export interface CheckedGuest extends GuestWithConsole {
  readonly vm: Vm;
  close(): Promise<void>;
}

export interface GuestToCheck {
  readonly hypervisor: Hypervisor;
  readonly kernel_path: string;
  readonly initrd_path: string;
  readonly run_dir: string;
  /** Its one device becomes a partition; else it stays an ordinary region. */
  readonly partition: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Boots it. Throws HP_GUEST_NO_HELLO or HP_GUEST_PANIC, with the end of the console, when it does
 * not come up; nothing is left running then.
 */
export async function bootGuest(request: GuestToCheck): Promise<CheckedGuest> {
  const { hypervisor, kernel_path, initrd_path, run_dir, partition, signal } = request;
  const vm = await hypervisor.launch(
    {
      id: 'kernel-check',
      run_dir,
      kernel_path,
      initrd_path,
      kernel_arguments: guestKernelArguments({
        partitions: partition ? 'all' : 'none',
        init_on_alloc: false,
        guest_huge_pages: false,
      }),
      vcpus: VCPUS,
      boot_bytes: BOOT_BYTES,
      devices: [deviceOf({ id: 'r0', max_bytes: PARTITION_BYTES, initial_bytes: 0 })],
      backing: 'anonymous',
      accelerator: 'auto',
    },
    signal ? { signal } : {},
  );
  try {
    return await greet(vm, signal);
  } catch (error) {
    await vm.shutdown();
    throw error;
  }
}

async function greet(vm: Vm, signal: AbortSignal | undefined): Promise<CheckedGuest> {
  const exits: ExitEvent[] = [];
  const channel = new GuestChannel({
    vm_id: vm.id,
    stream: await vm.guestChannel(),
    clock: hostClock,
    onExit: (event) => exits.push(event),
    onClosed: () => undefined,
  });
  let is_late = false;
  const onLate = (): void => void (is_late = true);
  try {
    await awaitHello(channel, hostClock, { signal, onLate });
  } catch (error) {
    signal?.throwIfAborted();
    throw await noBoot(vm, is_late, error);
  }
  const { regions } = await vm.observe();
  const region_pci = regions[0]?.pci_address ?? '';
  return {
    vm,
    agent: {
      exits,
      start: async (instance, { argv, env }) => {
        const request = {
          type: 'start',
          instance,
          region_pci,
          attach: 'none',
          guest_node: -1,
          attach_timeout_ms: LIMITS.guest_call_ms,
          memory_max_bytes: 0,
          argv: [...argv],
          env: { ...env },
        } as const;
        return await channel.ask(request, startedSchema, LIMITS.instance_start_ms);
      },
    },
    lines: async () => (await consoleOf(vm)).split('\n').slice(0, -1),
    close: async () => {
      channel.close();
      await vm.shutdown();
    },
  };
}

/** What its console says so far. */
export const consoleOf = async (vm: Pick<Vm, 'console_path'>): Promise<string> =>
  await readPlainFile(vm.console_path);

/** The error of a guest that did not come up, with the end of its console. */
async function noBoot(vm: Vm, is_late: boolean, cause: unknown): Promise<unknown> {
  const text = await consoleOf(vm).catch(() => '');
  const quoted = lastLines(text, LIMITS.console_tail_lines);
  if (showsPanic(text)) return guestPanic(vm.id, vm.console_path, quoted);
  return is_late ? guestNoHello(vm.id, LIMITS.guest_hello_ms, vm.console_path, quoted) : cause;
}
