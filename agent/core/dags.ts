/** DAGs: deployed over functions that are there, and removed. What runs in them goes on. */
import type { HostEvent } from '../model/events.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { type DagSpec, dagTrouble } from '../model/dag.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import { type Draft, readFunction, replyError } from './draft.ts';

/** Another one of the same name takes its place for the calls to come. */
export function deployDag(draft: Draft, event: Extract<HostEvent, { type: 'deploy-dag' }>): void {
  const { request_id, dag } = event;
  const refused = whyNotDag(draft, dag);
  if (refused) return replyError(draft, request_id, refused);
  const before = draft.dags[dag.name];
  // The same again changes nothing: no row is written.
  const is_same = before !== undefined && JSON.stringify(before) === JSON.stringify(dag);
  if (!is_same) draft.dags = { ...draft.dags, [dag.name]: dag };
  const outcome = is_same ? 'unchanged' : before === undefined ? 'added' : 'replaced';
  draft.actions.push({ type: 'reply', request_id, reply: { kind: 'dag', outcome } });
}

export function removeDag(draft: Draft, event: Extract<HostEvent, { type: 'remove-dag' }>): void {
  const { request_id, dag } = event;
  if (!Object.hasOwn(draft.dags, dag)) return replyError(draft, request_id, REFUSALS.noDag(dag));
  const { [dag]: _, ...others } = draft.dags;
  draft.dags = others;
  draft.actions.push({ type: 'reply', request_id, reply: { kind: 'dag', outcome: 'removed' } });
}

function whyNotDag(draft: Draft, dag: DagSpec): Refusal | null {
  const trouble = dagTrouble(dag);
  if (trouble) return REFUSALS.badDag(dag.name, trouble.path.join('.'), trouble.problem);
  const lost = dag.stages.find((stage) => !readFunction(draft, stage.function));
  if (lost) return REFUSALS.stageWithoutFunction(dag.name, lost.name, lost.function);
  const count = Object.keys(draft.dags).length;
  if (count < AGENT_LIMITS.dags || Object.hasOwn(draft.dags, dag.name)) return null;
  return REFUSALS.tooManyDags(AGENT_LIMITS.dags);
}
