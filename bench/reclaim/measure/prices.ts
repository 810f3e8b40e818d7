/**
 * Measures what operations of memory management cost, three times over: on the host itself, in an
 * emulated guest, and in instructions. The estimate for hardware is made of nothing else.
 */
import { execa } from 'execa';
import { hostClock } from '../../../base/clock.ts';
import { toolEnvironment } from '../../../base/tool-environment.ts';
import { BENCH_LIMITS } from '../../limits.ts';
import type { Hypervisor, VmSpec } from '../../../hypervisor-client/vm.ts';
import { BenchVm, NOWHERE } from './bench-vm.ts';
import { type CountedFigure, runCounted } from './counted-vm.ts';
import { toolFailed } from '../../errors.ts';
import { parsePrices, pricesSchema } from './guest-work.ts';
import type { BenchPrograms } from './programs.ts';
import type { Recorder } from '../results/recorder.ts';
import { PRICE_OPERATIONS, type PriceLine } from '../results/records.ts';

export interface PricesParts {
  readonly hypervisor: Hypervisor;
  readonly spec: VmSpec;
  readonly programs: BenchPrograms;
  readonly parent_dir: string;
  readonly round: number;
  readonly recorder: Recorder;
  readonly say: (detail: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export async function measurePrices(parts: PricesParts): Promise<void> {
  const { programs, say, signal } = parts;
  say('on the host');
  record(parts, 'host', await hostPrices(programs.prices_path, signal));
  say('in an emulated guest');
  record(parts, 'guest', await guestPrices(parts));
  say('counted instructions');
  const counted = await runCounted({
    kernel_path: parts.spec.kernel_path,
    partition_bytes: null,
    ask: 'prices',
    program: programs.off_path,
    parent_dir: parts.parent_dir,
    signal,
  });
  record(parts, 'counted', countedPrices(counted));
}

interface Priced {
  readonly name: string;
  readonly ns: number;
}

async function hostPrices(program: string, signal: AbortSignal | undefined): Promise<Priced[]> {
  const result = await execa(program, [], {
    reject: false,
    timeout: BENCH_LIMITS.floor_ms,
    env: toolEnvironment(),
    extendEnv: false,
    ...(signal ? { cancelSignal: signal } : {}),
  });
  const prices = parsePrices(result.stdout.replaceAll(' ', ':'));
  if (prices.length > 0) return prices;
  throw toolFailed('the program of prices', result.stderr || String(result.shortMessage), result);
}

async function guestPrices({ hypervisor, spec, signal }: PricesParts): Promise<Priced[]> {
  const bench = await BenchVm.boot(hypervisor, spec, hostClock, signal);
  try {
    await bench.start('prices', NOWHERE);
    const { value } = await bench.work('prices', { mode: 'prices' }, pricesSchema);
    return parsePrices(value.prices);
  } finally {
    await bench.close();
  }
}

/** A nanosecond of that guest is an instruction. Pure. */
function countedPrices(figures: readonly CountedFigure[]): Priced[] {
  const of = (wanted: string): number => figures.find(({ name }) => name === wanted)?.value ?? 0;
  const pages = of('pages-migrated');
  const migration = of('migration');
  return [
    ...figures.map(({ name, value }) => ({ name, ns: value / 1000 })),
    ...(pages > 0 && migration > 0 ? [{ name: 'migrated-page', ns: migration / pages }] : []),
  ];
}

/** Names that are no operation (`hello`) are left out. */
function record(
  { recorder, round }: PricesParts,
  where: PriceLine['where'],
  prices: readonly Priced[],
): void {
  for (const { name, ns } of prices) {
    const operation = PRICE_OPERATIONS.find((one) => one === name);
    if (operation) recorder.price({ round, where, operation, cost: ns });
  }
}
