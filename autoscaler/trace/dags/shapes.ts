/**
 * Shapes of DAGs of functions: what is published of them (ORION, Mahgoub et al., OSDI 2022, over
 * Azure Durable Functions, as the In-Vitro load generator has its table: nodes, depth and width
 * apart), and one table of shapes of which they come out. Pure.
 */
import type { DagSpec } from '../../../agent/model/dag.ts';
import type { Quantiles } from '../quantiles.ts';

/** Shares of DAGs with at most so many; the last of each is the tail. */
export const DAG_NODES: Quantiles = [
  [0, 2],
  [0.5598, 2],
  [0.792, 3],
  [0.8663, 4],
  [1, 5],
];
export const DAG_DEPTH: Quantiles = [
  [0.1251, 1],
  [0.6796, 2],
  [0.8684, 3],
  [1, 4],
];
export const DAG_WIDTH: Quantiles = [
  [0.7866, 1],
  [0.9213, 2],
  [0.9524, 3],
  [1, 4],
];

/** Stages that run side by side, level by level, and how many DAGs are like that. */
export interface DagShape {
  readonly levels: readonly number[];
  readonly share: number;
}

/**
 * The published table has no joint shares, and its three columns do not quite go together. Here
 * nodes and depth are as published, to 0.003, and width is within 0.04 of it.
 */
export const DAG_SHAPES: readonly DagShape[] = [
  { levels: [1, 1], share: 0.54 },
  { levels: [2], share: 0.0198 },
  { levels: [1, 1, 1], share: 0.18 },
  { levels: [1, 2], share: 0.0034 },
  { levels: [2, 1], share: 0.0034 },
  { levels: [3], share: 0.0454 },
  { levels: [1, 1, 1, 1], share: 0.0666 },
  { levels: [1, 3], share: 0.0077 },
  { levels: [1, 2, 1, 1], share: 0.0325 },
  { levels: [1, 1, 2, 1], share: 0.0325 },
  { levels: [1, 2, 2], share: 0.0088 },
  { levels: [5], share: 0.0599 },
];

/** `place` from 0 to below 1. */
export function shapeAt(place: number): readonly number[] {
  let below = 0;
  for (const { levels, share } of DAG_SHAPES) {
    below += share;
    if (place < below) return levels;
  }
  return [1, 1];
}

/** A stage for each function; all of a level wait for all of the level before it. */
export function dagOf(
  name: string,
  levels: readonly number[],
  functionOf: (stage: number) => string,
): Omit<DagSpec, 'deadline_ms'> {
  const rows: string[][] = [];
  let stage = 0;
  for (const width of levels) {
    rows.push(Array.from({ length: width }, () => `s${stage++}`));
  }
  const stages = rows
    .flat()
    .map((one, index) => ({ name: one, function: functionOf(index), payload_json: null }));
  const edges = rows.flatMap((row, level) =>
    row.flatMap((to) => (rows[level - 1] ?? []).map((from) => ({ from, to }))),
  );
  return { name, stages, edges, ready_ms: null };
}
