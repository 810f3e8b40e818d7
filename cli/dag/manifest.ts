/**
 * A DAG as people write it: stages with their functions, edges as arrows, one deadline.
 * docs/dag.schema.json is written from here. Pure.
 */
import { z } from 'zod';
import { AGENT_LIMITS } from '../../agent/limits.ts';
import {
  DAG_NAME,
  type DagEdge,
  type DagSpec,
  dagTrouble,
  DEFAULT_READY_MS,
  READY_MS_MAX,
} from '../../agent/model/dag.ts';
import { LIMITS } from '../../base/limits.ts';
import { durationOf } from '../function/manifest.ts';

const NAME_WANTED = 'must be like [a-z0-9][a-z0-9-]{0,62}';
const name = z.string({ error: NAME_WANTED }).regex(DAG_NAME, NAME_WANTED);

/** `a -> b -> c`: two edges. */
const ARROWS = /^[a-z0-9][a-z0-9-]{0,62}(\s*->\s*[a-z0-9][a-z0-9-]{0,62})+$/;
const ARROWS_WANTED = 'must be stages with arrows between them, like a -> b -> c';

const payload = z
  .unknown()
  .refine((given) => json(given).length <= AGENT_LIMITS.dag_payload_chars, {
    error: `is longer than ${AGENT_LIMITS.dag_payload_chars} characters as JSON`,
  });

const json = (given: unknown): string => JSON.stringify(given) ?? '';

/** A stage as a mapping; a plain name is its `function`. */
export const stageMappingSchema = z.strictObject({
  function: name.describe('a function that is deployed'),
  payload: payload
    .optional()
    .describe('what it is called with; default: what the stages before it answered'),
});

// A union would tell that neither fits, and not what is wrong in the one that was meant.
const stage = z.preprocess(
  (given) => (typeof given === 'string' ? { function: given } : given),
  stageMappingSchema,
);

const written = z.strictObject({
  dag: name.describe('its name'),
  deadline: durationOf(1, LIMITS.invocation_ms).describe(
    'when all of it is to be over, from when it was called',
  ),
  stages: z
    .record(name, stage, {
      error: ({ code }) => (code === 'invalid_key' ? `its name ${NAME_WANTED}` : undefined),
    })
    .describe('NAME: FUNCTION of each'),
  edges: z
    .array(z.string({ error: ARROWS_WANTED }).trim().regex(ARROWS, ARROWS_WANTED))
    .default([])
    .describe('which stages wait for which: a -> b -> c'),
  ready: durationOf(0, READY_MS_MAX)
    .default(DEFAULT_READY_MS)
    .describe('for so long after a call instances stand ready for the next, where it needs them'),
});

export const dagFileSchema = written.superRefine((manifest, context) => {
  const spec = specOfDag(manifest);
  const trouble = dagTrouble(spec);
  if (!trouble) return;
  const [list, index] = trouble.path;
  const path = pathOf(manifest, list, index);
  context.addIssue({ code: 'custom', path, message: trouble.problem });
});
export type DagManifest = z.output<typeof written>;

/** Where a stage or an edge of the spec stands in the file. */
function pathOf(
  { stages, edges }: DagManifest,
  list: 'stages' | 'edges' | undefined,
  index: number | undefined,
): (string | number)[] {
  if (list === undefined) return [];
  if (index === undefined) return [list];
  if (list === 'stages') return [list, Object.keys(stages)[index] ?? ''];
  let before = 0;
  const line = edges.findIndex((arrows) => (before += edgesOf(arrows).length) > index);
  return [list, line];
}

function edgesOf(arrows: string): DagEdge[] {
  const names = arrows.split('->').map((one) => one.trim());
  return names.slice(1).map((to, index) => ({ from: names[index] ?? '', to }));
}

export function specOfDag({ dag, deadline, stages, edges, ready }: DagManifest): DagSpec {
  return {
    name: dag,
    deadline_ms: deadline,
    stages: Object.entries(stages).map(([stage_name, { function: runs, payload: given }]) => ({
      name: stage_name,
      function: runs,
      payload_json: given === undefined ? null : json(given),
    })),
    edges: edges.flatMap(edgesOf),
    ready_ms: ready,
  };
}
