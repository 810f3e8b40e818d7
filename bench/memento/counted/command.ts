/** `hotplane bench memento --counted`, without the command line around it. */
import { hostClock } from '../../../base/clock.ts';
import { jsonDocument } from '../../../base/json.ts';
import type { Progress } from '../../../base/progress.ts';
import { formatBytes, formatMs, MEMORY_BLOCK_BYTES } from '../../../base/units.ts';
import { ensureGuest } from '../../../images/index.ts';
import { ensureAccessPlugin } from '../../accesses/program.ts';
import { badOption } from '../../errors.ts';
import { readHost } from '../../host.ts';
import { hostLines, type OwnAgentInput, runOwnAgentsBench } from '../../own-agent.ts';
import { claimResult, writeResult } from '../../result-file.ts';
import { MEMENTO_COMMAND, parseMementoOptions, type RawMementoOptions } from '../options.ts';
import { OWN_BYTES } from '../plan.ts';
import { countedChecks } from './checks.ts';
import { countingDriver, playLives } from './lives.ts';
import type { CountedLife, CountedReport } from './records.ts';
import { renderCounted } from './table.ts';

export interface CountedBenchCommand extends OwnAgentInput {
  readonly options: RawMementoOptions;
  /** Where the result is kept; absent: nowhere. */
  readonly folder: string | undefined;
}

const FILE = 'memento-counted.json';

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runCountedBench(input: CountedBenchCommand): Promise<number> {
  const { folder, signal } = input;
  const { functions } = input.options;
  if (functions !== undefined) {
    const problem = `'${functions}' and --counted: that is of a function of its own`;
    throw badOption('functions', problem, MEMENTO_COMMAND);
  }
  const options = parseMementoOptions(input.options);
  if (folder !== undefined) claimResult(folder, FILE);
  return await runOwnAgentsBench(input, {
    // No agent is asked: what it does is done here step by step, with a look between.
    mechanisms: [],
    measure: async (_, progress) => {
      const report = await measure(options, { progress, signal });
      if (folder !== undefined) writeResult(folder, FILE, jsonDocument(report));
      return report;
    },
    textOf,
  });
}

async function measure(
  { bytes, rounds, arms }: CountedReport['options'],
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<CountedReport> {
  const host = await readHost();
  const begun_ms = hostClock.nowMs();
  const guest = await ensureGuest({ variant: 'hotmem', progress, signal });
  const hypervisor = countingDriver(await ensureAccessPlugin(signal));
  const { vmm, version, accelerator } = await hypervisor.probe();
  const region_bytes = Math.ceil((bytes + OWN_BYTES) / MEMORY_BLOCK_BYTES) * MEMORY_BLOCK_BYTES;
  const lives: CountedLife[] = [];
  for (const [index, arm] of arms.entries()) {
    progress.update(`boot the VM of ${arm.name}`);
    const onLife = (round: number): void =>
      progress.step(index * rounds + round, arms.length * rounds, `${arm.name}, round ${round}`);
    const about = { hypervisor, guest, clock: hostClock, signal };
    lives.push(...(await playLives(arm, { ...about, region_bytes, bytes, rounds, onLife })));
  }
  const duration_ms = Math.round(hostClock.nowMs() - begun_ms);
  progress.done(`${lives.length} lives of a region in ${formatMs(duration_ms)}`);
  return {
    host,
    vmm: `${vmm} ${version}`,
    accelerator,
    guest_kernels: [guest.kernel_version],
    options: { bytes, rounds, arms },
    region_bytes,
    duration_ms,
    lives,
    checks: countedChecks(lives, bytes),
  };
}

function textOf(report: CountedReport): string {
  const { options, accelerator, region_bytes } = report;
  const head = [
    `${report.vmm}, ${accelerator}; guest Linux ${report.guest_kernels.join(', ')}; a region of ` +
      `${formatBytes(region_bytes)}, calls that touch ${formatBytes(options.bytes)}`,
    ...hostLines(report),
  ];
  return `${head.join('\n')}\n\n${renderCounted(report)}`;
}
