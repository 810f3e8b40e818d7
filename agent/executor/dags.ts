/** DAGs, as callers deploy, call, list and remove them. */
import { assert } from '../../base/assert.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { learnedPlan } from '../dag/learned.ts';
import { StandingPlaces } from '../dag/standing.ts';
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
  readonly #places = new StandingPlaces();
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
    this.#standReady(dag.name);
    return { outcome: reply.outcome };
  }

  /** Throws HP_AGENT_NO_DAG. */
  async remove(dag: string, peer: string | null = null): Promise<void> {
    const asked = { type: 'remove-dag', dag, peer } as const;
    await this.#parts.request((request_id) => ({ ...asked, request_id }));
    this.#tallies.delete(dag);
    this.#tell(this.#places.remove(dag, this.#parts.clock.nowMs()));
  }

  /** Instances stand ready for calls of all that an earlier agent left. */
  resume(): void {
    for (const name of Object.keys(this.#parts.stateOf().dags)) this.#standReady(name);
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
    const plan = learnedPlan(dag, functions);
    const call = new DagCall(
      plan,
      { ...asked, id: `dag${this.#next}` },
      this.#places.begin(name, this.#parts.clock.nowMs()),
      this.#parts,
    );
    this.#next += 1;
    this.#open += 1;
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
      this.#end(name);
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
        running: this.#places.running(dag.name),
        ...(this.#tallies.get(dag.name) ?? NO_CALLS),
      }));
  }

  #end(name: string): void {
    this.#open -= 1;
    const { functions, dags } = this.#parts.stateOf();
    const dag = Object.hasOwn(dags, name) ? dags[name] : undefined;
    this.#tell(this.#places.end(name, dag, functions, this.#parts.clock.nowMs()));
  }

  #standReady(name: string): void {
    const { functions, dags } = this.#parts.stateOf();
    const dag = Object.hasOwn(dags, name) ? dags[name] : undefined;
    if (dag) this.#tell(this.#places.stand(dag, functions, this.#parts.clock.nowMs()));
  }

  #tell(events: readonly HostEvent[]): void {
    for (const event of events) this.#parts.emit(event);
  }
}
