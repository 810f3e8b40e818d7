/**
 * Boots a kernel with the series, starts its selftest program as an instance, does what the program
 * asks of the host, and collects its results from the console.
 */
import { readFile } from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { hostClock } from '../../base/clock.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { QemuDriver } from '../../hypervisor-client/qemu/driver.ts';
import type { Vm } from '../../hypervisor-client/vm.ts';
import { ensureGuest, guestKernelArguments, SELFTEST_GUEST_PATH } from '../../images/index.ts';
import { connectGuest } from '../images/booted-guest.ts';
import {
  type CaseResult,
  parseCase,
  parseHostRequest,
  parseTotals,
  splats,
  type Totals,
} from './host-requests.ts';

const PARTITION_BYTES = 256 * MIB;
const RESIZE_MS = 60_000;

export interface SelftestOptions {
  readonly variant: 'hotmem' | 'debug';
  readonly init_on_alloc: boolean;
  /** Partitions the one device is split into. */
  readonly partitions: number;
  readonly kernel_arguments?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly boot_bytes: number;
  readonly deadline_ms: number;
}

export interface SelftestRun {
  readonly cases: readonly CaseResult[];
  /** Null when the program did not come to its end before the deadline. */
  readonly totals: Totals | null;
  readonly splats: readonly string[];
  readonly console_tail: string;
}

async function launch(t: ExecutionContext, options: SelftestOptions): Promise<Vm> {
  const guest = await ensureGuest({ variant: options.variant });
  const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-selftest-'));
  const vm = await new QemuDriver().launch({
    id: 'selftest',
    run_dir,
    kernel_path: guest.kernel_path,
    initrd_path: guest.initrd_path,
    kernel_arguments: [
      ...guestKernelArguments({
        mechanism: 'hotmem',
        init_on_alloc: options.init_on_alloc,
        guest_huge_pages: false,
      }).filter((argument) => !argument.startsWith('hotmem=')),
      options.partitions === 1 ? 'hotmem=all' : `hotmem=all/${options.partitions}`,
      ...(options.kernel_arguments ?? []),
    ],
    vcpus: 2,
    boot_bytes: options.boot_bytes,
    regions: [
      {
        id: 'r0',
        max_bytes: PARTITION_BYTES * options.partitions,
        initial_bytes: 0,
        guest_node: null,
      },
    ],
    backing: 'anonymous',
    accelerator: 'auto',
  });
  t.teardown(async () => {
    await vm.shutdown();
    await rm(run_dir, { recursive: true, force: true });
  });
  return vm;
}

/**
 * Carries requests out in order, each at once: a resize that still waits is given up for the next
 * one. Giving up an unplug leaves its target with the VMM, which is what the program expects.
 */
class HostHand {
  private readonly vm: Vm;
  private current: { abort: AbortController; done: Promise<unknown> } | null = null;
  readonly trouble: string[] = [];

  constructor(vm: Vm) {
    this.vm = vm;
  }

  async resize(bytes: number): Promise<void> {
    await this.settle();
    const abort = new AbortController();
    const options = { deadline_ms: RESIZE_MS, signal: abort.signal };
    const done = this.vm
      .resizeRegion('r0', bytes, options)
      .then((result) => result.outcome === 'failed' && this.trouble.push(String(result.reason)))
      .catch((error: unknown) => this.trouble.push(String(error)));
    this.current = { abort, done };
  }

  async settle(): Promise<void> {
    this.current?.abort.abort();
    await this.current?.done;
    this.current = null;
  }
}

export async function runSelftest(
  t: ExecutionContext,
  options: SelftestOptions,
): Promise<SelftestRun> {
  const vm = await launch(t, options);
  const guest = await connectGuest(vm);
  const hand = new HostHand(vm);
  await guest.start('selftest', {
    argv: [SELFTEST_GUEST_PATH],
    env: { HOTPLANE_READY: 'exec', HOTPLANE_USER: 'root', ...options.env },
  });
  const cases: CaseResult[] = [];
  let totals: Totals | null = null;
  let read_lines = 0;
  const look = async (): Promise<true | null> => {
    const lines = (await readFile(vm.console_path, 'utf8')).split('\n');
    for (const line of lines.slice(read_lines, -1)) {
      const request = parseHostRequest(line);
      if (request) await hand.resize(request.bytes);
      const result = parseCase(line);
      if (result) cases.push(result);
      totals ??= parseTotals(line);
    }
    read_lines = lines.length - 1;
    const died = guest.exits.some(({ instance }) => instance === 'selftest');
    return totals !== null || died ? true : null;
  };
  const { deadline_ms } = options;
  await waitFor(look, { clock: hostClock, deadline_ms, longest_pause_ms: 10 });
  await hand.settle();
  const text = await readFile(vm.console_path, 'utf8');
  const console_tail = [...hand.trouble, ...text.split('\n').slice(-40)].join('\n');
  return { cases, totals, splats: splats(text), console_tail };
}
