/** DAGs, as callers deploy, call, list and remove them. */
import { assert } from '../../base/assert.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { planDag } from '../dag/plan.ts';
import { NO_CALLS, type DagTally, withCallEnd } from '../dag/tally.ts';
import type { Joined } from '../dag/payload.ts';
import type { Reply } from '../model/actions.ts';
import type { DagSpec } from '../model/dag.ts';
import type { DagInvocation, DagStatus, DeployDagResponse } from '../model/dag-messages.ts';
import type { HostEvent } from '../model/events.ts';
import { errorOf } from '../model/failure.ts';
import { type Refusal, REFUSALS } from '../model/refusals.ts';
import { dagRecord } from '../observe/dag-record.ts';
import { type DagAsked, DagCall, type DagCallParts } from './dag-call.ts';

export interface DagsParts extends DagCallParts {
  /** Throws what the event is refused for. */
  readonly request: (event: (request_id: string) => HostEvent) => Promise<Reply>;
}

/** What a call of a DAG came to, for its caller. */
export interface DagEnd {
  readonly record: DagInvocation;
  readonly answer: Joined | null;
  readonly failure: Refusal | null;
}

export class Dags {
  readonly #parts: DagsParts;
  readonly #tallies = new Map<string, DagTally>();
  readonly #running = new Map<string, number>();
  #open = 0;
  #next = 1;

  constructor(parts: DagsParts) {
    this.#parts = parts;
  }

  /** Throws HP_AGENT_DAG, HP_AGENT_NO_FUNCTION, HP_AGENT_TOO_MANY_DAGS. */
  async deploy(dag: DagSpec, peer: string | null = null): Promise<DeployDagResponse> {
    const asked = { type: 'deploy-dag', dag, peer } as const;
    const reply = await this.#parts.request((request_id) => ({ ...asked, request_id }));
    assert(reply.kind === 'dag' && reply.outcome !== 'removed', 'a DAG that is deployed is there');
    return { outcome: reply.outcome };
  }

  /** Throws HP_AGENT_NO_DAG. */
  async remove(dag: string, peer: string | null = null): Promise<void> {
    const asked = { type: 'remove-dag', dag, peer } as const;
    await this.#parts.request((request_id) => ({ ...asked, request_id }));
    this.#tallies.delete(dag);
  }

  /**
   * The record of the call, of one that failed too. `onGone` is given what ends it, to be called
   * when its caller goes away. Throws HP_AGENT_NO_DAG, HP_AGENT_NO_FUNCTION, HP_AGENT_DAGS_BUSY:
   * nothing was called then.
   */
  async invoke(
    name: string,
    asked: Omit<DagAsked, 'id'>,
    onGone?: (run: () => void) => void,
  ): Promise<DagEnd> {
    const { functions, dags } = this.#parts.stateOf();
    const dag = Object.hasOwn(dags, name) ? dags[name] : undefined;
    if (!dag) throw errorOf(REFUSALS.noDag(name));
    const lost = dag.stages.find((stage) => !functions.has(stage.function));
    if (lost) throw errorOf(REFUSALS.stageWithoutFunction(name, lost.name, lost.function));
    if (this.#open >= AGENT_LIMITS.dags_running) {
      throw errorOf(REFUSALS.dagsBusy(AGENT_LIMITS.dags_running));
    }
    const plan = planDag(dag, (one) => {
      const pace = functions.get(one)?.pace;
      return pace?.exec_ms ?? pace?.slowed_ms ?? null;
    });
    const call = new DagCall(plan, { ...asked, id: `dag${this.#next}` }, this.#parts);
    this.#next += 1;
    this.#count(name, 1);
    try {
      onGone?.(() => call.giveUp());
      const end = await call.make();
      const record = dagRecord(asked.invocation_id, end);
      // Of one that was removed meanwhile nothing is told any more.
      if (Object.hasOwn(this.#parts.stateOf().dags, name)) {
        this.#tallies.set(name, withCallEnd(this.#tallies.get(name) ?? NO_CALLS, record));
      }
      return { record, answer: end.answer, failure: end.failure };
    } finally {
      this.#count(name, -1);
    }
  }

  /** By name; one alone, or all (null). Throws HP_AGENT_NO_DAG. */
  list(name: string | null): DagStatus[] {
    const all = Object.values(this.#parts.stateOf().dags);
    const chosen = name === null ? all : all.filter((dag) => dag.name === name);
    if (name !== null && chosen.length === 0) throw errorOf(REFUSALS.noDag(name));
    return chosen
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((dag) => ({
        dag,
        running: this.#running.get(dag.name) ?? 0,
        ...(this.#tallies.get(dag.name) ?? NO_CALLS),
      }));
  }

  #count(name: string, more: number): void {
    this.#open += more;
    const count = (this.#running.get(name) ?? 0) + more;
    if (count === 0) this.#running.delete(name);
    else this.#running.set(name, count);
  }
}
