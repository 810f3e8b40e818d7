/**
 * For how much of a page fault, and of the end of its page, the lock of the partition is held. All
 * CPUs of an instance meet at that lock, but in an emulated guest they hardly ever do: so not the
 * waiting is measured but the instructions under the lock, which say at how many CPUs it begins.
 */
import { MIB } from '../../../base/units.ts';
import { QemuDriver } from '../../../hypervisor-client/index.ts';
import { toolFailed } from '../../errors.ts';
import type { CostLine } from '../results/records.ts';
import { type CountedFigure, runCounted } from './counted-vm.ts';
import type { OffParts } from './off.ts';
import { ensureLockPlugin } from './programs.ts';

type LockParts = Omit<OffParts, 'stock_kernel' | 'patched_kernel'> & {
  readonly kernel_path: string;
};

const PARTITION_BYTES = 512 * MIB;
/** CALLS of lock-plugin.c: what it says is the sum of so many. */
const CALLS = 4096;
/** TEXT_BASE of bench/guest/off.c. */
const TEXT_BASE = 0xffff_ffff_8000_0000n;
const FUNCTIONS = ['take', 'give', 'acquire', 'release'] as const;

/** Two boots: one tells where the kernel's functions are, one is watched. Throws HP_BENCH_TOOL. */
export async function measureLock(parts: LockParts): Promise<void> {
  const { kernel_path, program, parent_dir, round, recorder, say, signal } = parts;
  const { version } = await new QemuDriver().probe();
  const plugin_path = await ensureLockPlugin(version, { signal });
  const request = { kernel_path, program, parent_dir, signal };
  say('functions of the kernel');
  const symbols = await runCounted({ ...request, ask: 'symbols', partition_bytes: null });
  const plugin = [plugin_path.replaceAll(',', ',,'), ...addresses(symbols)].join(',');
  say('instructions under the lock');
  const partition_bytes = PARTITION_BYTES;
  for (const figure of await runCounted({ ...request, ask: 'lock', partition_bytes, plugin })) {
    const line = lockLine(figure);
    if (line === null) continue;
    const region_bytes = PARTITION_BYTES;
    recorder.cost({ round, part: 'lock', variant: 'attached', threads: 1, region_bytes, ...line });
  }
}

function addresses(symbols: readonly CountedFigure[]): readonly string[] {
  return FUNCTIONS.map((name) => {
    const found = symbols.find((symbol) => symbol.name === `text-${name}`);
    if (!found) throw toolFailed('the kernel under counted instructions', `it hides '${name}'`);
    return `${name}=${(TEXT_BASE + BigInt(found.value)).toString(16)}`;
  });
}

const METRICS: Readonly<Record<string, { metric: CostLine['metric']; per: number }>> = {
  'lock-fault': { metric: 'fault', per: 1 },
  'lock-cycle': { metric: 'page', per: 1 },
  'held-take': { metric: 'fault-held', per: CALLS },
  'held-give': { metric: 'free-held', per: CALLS },
};

function lockLine({ name, value }: CountedFigure): Pick<CostLine, 'metric' | 'ns'> | null {
  const known = METRICS[name];
  return known && value > 0 ? { metric: known.metric, ns: value / known.per } : null;
}
