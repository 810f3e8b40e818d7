/** Targets: set by whoever runs the host, and expired by time. */
import type { HostEvent } from '../model/events.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionSpec } from '../model/spec.ts';
import type { FunctionState } from '../model/state.ts';
import { NO_VALUES, type TargetValues, targetsOf, whyNotTargets } from '../model/targets.ts';
import { policyNamed } from './answering.ts';
import { type Draft, replyError } from './draft.ts';

/** All values are replaced; the reply tells what holds now. */
export function setTargets(
  draft: Draft,
  fn: FunctionState,
  event: Extract<HostEvent, { type: 'set-targets' }>,
): void {
  const { request_id, values, for_ms, author, reason } = event;
  const { name } = fn.spec;
  const revision = fn.targets?.revision ?? 0;
  if (event.revision !== null && event.revision !== revision) {
    return replyError(draft, request_id, REFUSALS.targetsChanged(name, event.revision, revision));
  }
  const why = whyNoSuchTargets(draft, fn.spec, values);
  if (why !== null) return replyError(draft, request_id, REFUSALS.badTargets(name, why));
  const set_at_ms = draft.now_ms;
  const expires_at_ms = for_ms === null ? null : set_at_ms + for_ms;
  const about = { author, reason, set_at_ms, expires_at_ms };
  fn.targets = { values, revision: revision + 1, ...about };
  const targets = targetsOf(name, fn.targets);
  draft.actions.push({ type: 'reply', request_id, reply: { kind: 'targets', targets } });
}

/** Why a function of such a definition cannot have these targets; null: it can. */
export function whyNoSuchTargets(
  draft: Draft,
  spec: FunctionSpec,
  values: TargetValues,
): string | null {
  return whyNotPolicy(draft, spec, values.policy) ?? whyNotTargets(spec, values);
}

/** Why no policy of that name can answer for the function; null: one can, or none is named. */
function whyNotPolicy(draft: Draft, spec: FunctionSpec, name: string | null): string | null {
  if (name === null) return null;
  const policy = policyNamed(draft, name);
  if (!policy) {
    const names = new Set([draft.policy.name, ...draft.policies.keys()]);
    return `policy is '${name}', and this agent has ${[...names].join(', ')}`;
  }
  if (spec.memory === null || policy.elastic) return null;
  return `policy '${name}' gives an instance one size, and memory of ${spec.name} follows its use`;
}

/** Where their time is over the definition holds again; who set them last stays known. */
export function expireTargets(draft: Draft, fn: FunctionState): void {
  const { targets } = fn;
  if (!targets || targets.expires_at_ms === null || targets.expires_at_ms > draft.now_ms) return;
  fn.targets = {
    ...targets,
    values: NO_VALUES,
    revision: targets.revision + 1,
    expires_at_ms: null,
  };
}
