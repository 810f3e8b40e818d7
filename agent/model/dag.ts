/**
 * A DAG of functions: stages, edges, one deadline. Its definition, what makes one wrong, and what
 * follows from its edges alone. Pure.
 */
import { z } from 'zod';
import { parseJson } from '../../base/json.ts';
import { LIMITS } from '../../base/limits.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { duration_ms, field, known, message } from './fields.ts';

/** Name of a DAG, of a stage and of a function. */
export const DAG_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const name = z.string().regex(DAG_NAME, 'must be like [a-z0-9][a-z0-9-]{0,62}');

/** A day. */
export const READY_MS_MAX = 86_400_000;
/** The longest that ATC'20 (Shahrad et al.) keeps anything for a call; chosen after it. */
export const DEFAULT_READY_MS = 14_400_000;

const dagStageSchema = message(
  'DagStage',
  {
    name: field(1, name),
    function: field(2, name, 'what runs in it'),
    payload_json: field(
      3,
      known(z.string().max(AGENT_LIMITS.dag_payload_chars)),
      'its payload, as JSON; absent: what the stages before it answered',
    ),
  },
  'One call of a function, when all stages before it are done.',
);

export type DagStage = Readonly<z.infer<typeof dagStageSchema>>;

const dagEdgeSchema = message('DagEdge', { from: field(1, name), to: field(2, name) });
export type DagEdge = Readonly<z.infer<typeof dagEdgeSchema>>;

export const dagSpecSchema = message(
  'DagSpec',
  {
    name: field(1, name),
    deadline_ms: field(
      2,
      duration_ms.min(1).max(LIMITS.invocation_ms),
      'when all of it is to be over, from when it was called',
    ),
    stages: field(3, z.array(dagStageSchema).readonly()),
    edges: field(4, z.array(dagEdgeSchema).readonly(), 'by the names of stages'),
    ready_ms: field(
      5,
      known(duration_ms.max(READY_MS_MAX)),
      'for so long after a call instances stand ready for the next; absent: four hours',
    ),
  },
  'Functions that are called one after the other and side by side, by one call.',
);
export type DagSpec = Readonly<z.infer<typeof dagSpecSchema>>;

/** What is wrong with a DAG, and where: the list and the place in it. */
export interface DagTrouble {
  readonly path:
    | readonly []
    | readonly ['stages' | 'edges']
    | readonly ['stages' | 'edges', number];
  readonly problem: string;
}

/** Null: nothing is, whatever functions there are. */
export function dagTrouble(dag: Pick<DagSpec, 'stages' | 'edges'>): DagTrouble | null {
  return stagesTrouble(dag.stages) ?? edgesTrouble(dag) ?? cycleTrouble(dag);
}

function stagesTrouble(stages: DagSpec['stages']): DagTrouble | null {
  if (stages.length === 0) return { path: ['stages'], problem: 'must name at least one stage' };
  if (stages.length > AGENT_LIMITS.dag_stages) {
    const problem = `${stages.length} stages are more than ${AGENT_LIMITS.dag_stages}`;
    return { path: ['stages'], problem };
  }
  const seen = new Set<string>();
  for (const [index, stage] of stages.entries()) {
    const path = ['stages', index] as const;
    if (seen.has(stage.name)) return { path, problem: `stage '${stage.name}' is there twice` };
    seen.add(stage.name);
    const given = stage.payload_json;
    if (given !== null && parseJson(given) === undefined) {
      return { path, problem: `the payload of stage '${stage.name}' is no JSON` };
    }
  }
  return null;
}

function edgesTrouble({ stages, edges }: Pick<DagSpec, 'stages' | 'edges'>): DagTrouble | null {
  if (edges.length > AGENT_LIMITS.dag_edges) {
    const problem = `${edges.length} edges are more than ${AGENT_LIMITS.dag_edges}`;
    return { path: ['edges'], problem };
  }
  const names = new Set(stages.map((stage) => stage.name));
  const seen = new Set<string>();
  for (const [index, { from, to }] of edges.entries()) {
    const path = ['edges', index] as const;
    const unknown = [from, to].find((one) => !names.has(one));
    if (unknown !== undefined) return { path, problem: `there is no stage '${unknown}'` };
    const edge = `${from} -> ${to}`;
    if (from === to) return { path, problem: `${edge}: a stage cannot wait for itself` };
    if (seen.has(edge)) return { path, problem: `${edge} is there twice` };
    seen.add(edge);
  }
  return null;
}

function cycleTrouble(dag: Pick<DagSpec, 'stages' | 'edges'>): DagTrouble | null {
  const left = new Set(dag.stages.map((stage) => stage.name));
  for (const stage of stageOrder(dag)) left.delete(stage);
  const [first] = left;
  if (first === undefined) return null;
  // Whoever is left has somebody left before it: backwards one comes upon a stage twice.
  const way: string[] = [];
  for (let at = first; ; ) {
    const back = way.indexOf(at);
    if (back >= 0) {
      const cycle = [at, ...way.slice(back + 1).toReversed(), at].join(' -> ');
      return { path: ['edges'], problem: `they make a cycle: ${cycle}` };
    }
    way.push(at);
    at = dag.edges.find(({ from, to }) => to === at && left.has(from))?.from ?? at;
  }
}

/** Stages in an order in which each comes after all before it; those on a cycle are not in it. */
export function stageOrder({ stages, edges }: Pick<DagSpec, 'stages' | 'edges'>): string[] {
  const waits = new Map(stages.map((stage) => [stage.name, 0]));
  for (const { to } of edges) waits.set(to, (waits.get(to) ?? 0) + 1);
  const order = stages.flatMap((stage) => (waits.get(stage.name) === 0 ? [stage.name] : []));
  for (const done of order) {
    for (const { from, to } of edges) {
      if (from !== done) continue;
      const left = (waits.get(to) ?? 0) - 1;
      waits.set(to, left);
      if (left === 0) order.push(to);
    }
  }
  return order;
}

/** Stages right before one, in the order of the definition. */
export const beforeStage = ({ stages, edges }: DagSpec, stage: string): string[] =>
  stages.flatMap(({ name: from }) =>
    edges.some((edge) => edge.from === from && edge.to === stage) ? [from] : [],
  );

/** Stages right after one, likewise. */
export const afterStage = ({ stages, edges }: DagSpec, stage: string): string[] =>
  stages.flatMap(({ name: to }) =>
    edges.some((edge) => edge.from === stage && edge.to === to) ? [to] : [],
  );
