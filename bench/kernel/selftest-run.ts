/**
 * Runs the selftest program of the series in a guest, does what it asks of the host, and collects
 * its results from the console.
 */
import type { Vm } from '../../hypervisor-client/vm.ts';
import { SELFTEST_GUEST_PATH } from '../../images/index.ts';
import {
  type CaseResult,
  parseCase,
  parseExpectation,
  parseHostRequest,
  parseTotals,
  type ResizeRequest,
  type Totals,
} from './selftest-lines.ts';
import { type GuestWithConsole, runInGuest } from './run-in-guest.ts';

const RESIZE_MS = 60_000;
const TAIL_LINES = 60;
/** The program need not find out: what it asks for then is less than one large device block. */
const WITH_HOST = { HOTMEM_HOST: '1' };

export interface SelftestRun {
  readonly cases: readonly CaseResult[];
  /** Null when the program did not come to its end before the deadline. */
  readonly totals: Totals | null;
  /** What went wrong on the host's side, what assertions said, and the end of the console. */
  readonly tail: string;
}

/** The host's side of the protocol. */
export interface HostHand {
  resize(request: ResizeRequest): Promise<void>;
  /** The program has ended. */
  settle(): Promise<void>;
  readonly trouble: readonly string[];
}

type HandledVm = Pick<Vm, 'observe' | 'resizeRegion'>;

/**
 * Carries requests out in order, each at once: a resize that still waits is given up for the next
 * one. Giving up an unplug leaves its target with the VMM, which is what the program expects.
 */
export class ObedientHand implements HostHand {
  readonly #vm: HandledVm;
  #current: { abort: AbortController; done: Promise<unknown> } | null = null;
  readonly trouble: string[] = [];
  readonly #region_ids = new Map<string, string>();

  constructor(vm: HandledVm) {
    this.#vm = vm;
  }

  async resize({ pci_address, bytes }: ResizeRequest): Promise<void> {
    await this.settle();
    const region_id = await this.#regionAt(pci_address);
    if (region_id === null) return void this.trouble.push(`no device at ${pci_address}`);
    const abort = new AbortController();
    const options = { deadline_ms: RESIZE_MS, signal: abort.signal };
    const done = this.#vm
      .resizeRegion(region_id, bytes, options)
      .then((result) => result.outcome === 'failed' && this.trouble.push(String(result.reason)))
      .catch((error: unknown) => this.trouble.push(String(error)));
    this.#current = { abort, done };
  }

  /** Looked up once: who looks at the VM for each of hundreds of sizes falls behind. */
  async #regionAt(pci_address: string): Promise<string | null> {
    if (!this.#region_ids.has(pci_address)) {
      const { regions } = await this.#vm.observe();
      for (const { id, pci_address: at } of regions) this.#region_ids.set(at, id);
    }
    return this.#region_ids.get(pci_address) ?? null;
  }

  async settle(): Promise<void> {
    this.#current?.abort.abort();
    await this.#current?.done;
    this.#current = null;
  }
}

export async function runSelftest(
  guest: GuestWithConsole,
  hand: HostHand,
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly deadline_ms: number;
    readonly onCase?: (result: CaseResult) => void;
    readonly signal?: AbortSignal;
  },
): Promise<SelftestRun> {
  const cases: CaseResult[] = [];
  const said: string[] = [];
  let totals: Totals | null = null;
  const env = { ...WITH_HOST, ...options.env };
  const program = { argv: [SELFTEST_GUEST_PATH], ...options, env };
  await runInGuest(guest, program, async (line) => {
    const request = parseHostRequest(line);
    if (request) await hand.resize(request);
    const expectation = parseExpectation(line);
    if (expectation) said.push(expectation);
    const result = parseCase(line);
    if (result) {
      cases.push(result);
      options.onCase?.(result);
    }
    totals ??= parseTotals(line);
    return totals !== null;
  });
  await hand.settle();
  const tail = [
    ...hand.trouble,
    ...said.slice(-TAIL_LINES),
    ...(await guest.lines()).slice(-TAIL_LINES),
  ].join('\n');
  return { cases, totals, tail };
}
