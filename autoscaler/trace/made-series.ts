/**
 * Memory series that nobody measured: made from a seed, in the shapes that were published. `train`
 * loads, splits, trains and validates (ReSC's example); `agent` is a tool-using agent, a small
 * steady process with short bursts (AgentCgroup: up to 15 times peak over average). Pure.
 */
import { seededRandom } from '../../base/random.ts';
import { MIB } from '../../base/units.ts';
import type { AppMemory, MemoryPhase, MemorySeries } from './memory-series.ts';

/** As many as the project plays: some of each shape. */
export const MADE_SERIES = 20;
const PAGE_BYTES = 4096;

/** The shape that ReSC shows: loads a data set, splits it, trains on a part, validates. */
export const TRAINING_SERIES: MemorySeries = {
  name: 'load, split, train, validate',
  duration_ms: 16_000,
  phases: [
    [0, 40],
    [2_000, 240],
    [5_000, 400],
    [8_000, 160],
    [11_000, 300],
    [14_000, 60],
  ].map(([at_ms = 0, mib = 0]) => ({ at_ms, anonymous_bytes: mib * MIB })),
};

type Draw = (low: number, high: number) => number;

/** `count` series, `train` and `agent` by turns. The same seed makes the same. */
export function makeSeries(seed: number, count = MADE_SERIES): MemorySeries[] {
  const next = seededRandom(seed);
  const draw: Draw = (low, high) => low + next() * (high - low);
  return Array.from({ length: count }, (_, index) => {
    const shape = index % 2 === 0 ? 'train' : 'agent';
    const made = shape === 'train' ? trainSteps(draw) : agentSteps(draw);
    return { name: `${shape}-${index + 1}`, ...joined(made) };
  });
}

/** Memory of applications: where half of the samples lie, and how far the largest is above it. */
const APP_SHAPES = [
  { name: 'small', middle_mib: [70, 120], above: [1.02, 1.3] },
  { name: 'average', middle_mib: [125, 185], above: [1.05, 1.6] },
  { name: 'large', middle_mib: [190, 700], above: [1.05, 1.6] },
  { name: 'varying', middle_mib: [80, 300], above: [2, 5] },
] as const;

/** `count` applications, the shapes by turns, in the spread of the trace of 2019. */
export function makeApps(seed: number, count: number): AppMemory[] {
  const next = seededRandom(seed);
  const draw: Draw = (low, high) => low + next() * (high - low);
  return Array.from({ length: count }, (_, index) => {
    const { name, middle_mib, above } = APP_SHAPES[index % APP_SHAPES.length] ?? APP_SHAPES[0];
    const middle = draw(middle_mib[0], middle_mib[1]) * MIB;
    const most = middle * draw(above[0], above[1]);
    const below = [0.8, 0.85, 0.95, 1].map((share) => middle * share);
    const higher = [0.1, 0.4, 0.7, 1].map((share) => middle + (most - middle) * share);
    return {
      name: `${name}-${index + 1}`,
      samples: 1440,
      percentiles_bytes: [...below, ...higher].map(Math.round),
    };
  });
}

interface MemoryStep {
  readonly lasts_ms: number;
  readonly bytes: number;
}

/** Load grows step by step, split holds data twice, train holds part of it, validate little. */
function trainSteps(draw: Draw): MemoryStep[] {
  const data_bytes = draw(100, 900) * MIB;
  const base_bytes = draw(30, 60) * MIB;
  const pieces = Math.round(draw(4, 12));
  const load = Array.from({ length: pieces }, (_, index) => ({
    lasts_ms: draw(200, 1_500),
    bytes: base_bytes + (data_bytes * (index + 1)) / pieces,
  }));
  return [
    { lasts_ms: draw(300, 1_500), bytes: base_bytes },
    ...load,
    { lasts_ms: draw(500, 3_000), bytes: base_bytes + 2 * data_bytes },
    { lasts_ms: draw(10_000, 60_000), bytes: base_bytes + data_bytes * draw(0.9, 1.2) },
    { lasts_ms: draw(2_000, 10_000), bytes: base_bytes + data_bytes * draw(0.1, 0.3) },
  ];
}

/** Bursts of a second or two, up to 15 times the quiet size, far apart from each other. */
function agentSteps(draw: Draw): MemoryStep[] {
  const quiet_bytes = draw(100, 220) * MIB;
  const steps: MemoryStep[] = [];
  const bursts = Math.round(draw(4, 14));
  for (let burst = 0; burst < bursts; burst += 1) {
    steps.push({ lasts_ms: draw(5_000, 30_000), bytes: quiet_bytes * draw(0.9, 1.1) });
    // Most bursts are small and a few are large: the square of a uniform draw.
    const height = 1.2 + 13 * draw(0, 1) ** 2;
    steps.push({ lasts_ms: draw(700, 2_500), bytes: quiet_bytes * height });
  }
  return [...steps, { lasts_ms: draw(2_000, 8_000), bytes: quiet_bytes }];
}

function joined(steps: readonly MemoryStep[]): Omit<MemorySeries, 'name'> {
  const phases: MemoryPhase[] = [];
  let at_ms = 0;
  for (const { lasts_ms, bytes } of steps) {
    phases.push({ at_ms, anonymous_bytes: Math.round(bytes / PAGE_BYTES) * PAGE_BYTES });
    at_ms += Math.round(lasts_ms);
  }
  return { phases, duration_ms: at_ms };
}
