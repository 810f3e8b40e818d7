/**
 * What the ledger costs the agent: calls with it and without it, in turn, in both directions.
 *
 *   node test/ledger/ledger-cost.ts [ROUNDS] [CELL_MS]
 *
 * ALASTOR (USENIX Security 2022), which audits functions by system calls, costs 13.74 %.
 */
import { functionOf, type AgentCell } from '../../bench/agent/plan.ts';
import { measureCell } from '../../bench/agent/measure.ts';
import { AgentStage } from '../../bench/agent/stage.ts';

const REGIONS = 8;
const [rounds = 5, cell_ms = 1_500] = process.argv.slice(2).map(Number);
const CELLS: readonly AgentCell[] = [
  { name: 'warm call', kind: 'warm', regions: REGIONS, in_flight: 1 },
  { name: 'warm call', kind: 'warm', regions: REGIONS, in_flight: 16 },
  { name: 'plug + unplug', kind: 'cycle', regions: REGIONS, in_flight: 4 },
];

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const percent = (ratio: number): string => `${((ratio - 1) * 100).toFixed(1)} %`;

const { signal } = new AbortController();
const stages = [await AgentStage.open(false), await AgentStage.open(true)] as const;
try {
  for (const stage of stages) {
    await stage.deploy(`warm-${REGIONS}`, REGIONS, true);
    await stage.deploy(`cycle-${REGIONS}`, REGIONS, false);
  }
  for (const cell of CELLS) {
    for (const stage of stages) await measureCell(stage, cell, cell_ms, signal);
    const ratios: { cpu: number[]; p99: number[]; us: number[] } = { cpu: [], p99: [], us: [] };
    for (let round = 0; round < rounds; round += 1) {
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      const each = [0, 0];
      const p99 = [0, 0];
      for (const at of order) {
        const stage = at === 0 ? stages[0] : stages[1];
        const run = await measureCell(stage, cell, cell_ms, signal);
        each[at] = run.cpu_ms / (run.cycles || run.calls);
        p99[at] = run.latency.p99_ms ?? Number.NaN;
      }
      ratios.cpu.push((each[1] ?? 0) / (each[0] ?? 1));
      ratios.p99.push((p99[1] ?? 0) / (p99[0] ?? 1));
      ratios.us.push(((each[1] ?? 0) - (each[0] ?? 0)) * 1_000);
    }
    const [cpu, p99, us] = [median(ratios.cpu), median(ratios.p99), median(ratios.us)];
    process.stdout.write(
      `${functionOf(cell)}, ${cell.in_flight} open: CPU ${percent(cpu)} (${us.toFixed(1)} us each), ` +
        `p99 ${percent(p99)}; target 2 %, ALASTOR 13.74 %; CPU by round ` +
        `${ratios.cpu.map(percent).join(', ')}\n`,
    );
  }
} finally {
  for (const stage of stages) await stage.close();
}
