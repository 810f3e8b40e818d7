/**
 * Of every DAG, which calls go on and what stands ready for the next: for whoever makes the calls,
 * the agent or a simulation. What it gives are events for the core.
 */
import { type DagSpec, DEFAULT_READY_MS } from '../model/dag.ts';
import type { HostEvent } from '../model/events.ts';
import type { HostState } from '../model/state.ts';
import { NO_PLACE, type TakenPlace } from './foresee.ts';
import { keptStages, learnedPlan } from './learned.ts';
import type { StagePlan } from './plan.ts';
import { callBegun, callEnded, type Depth, nextPlace, NO_DEPTH, standReady } from './ready.ts';

type Functions = Pick<HostState['functions'], 'get'>;

interface Place {
  readonly depth: Depth;
  /** Stages for which instances stand ready, and until when. */
  readonly stood: readonly StagePlan[];
  readonly until_ms: number;
}

const NOTHING: Place = { depth: NO_DEPTH, stood: [], until_ms: Number.NEGATIVE_INFINITY };

export class StandingPlaces {
  readonly #places = new Map<string, Place>();

  /** Calls of a DAG that go on. */
  running(name: string): number {
    return this.#placeOf(name).depth.running;
  }

  /** A DAG is there: instances stand ready for its calls. */
  stand(dag: DagSpec, functions: Functions, now_ms: number): HostEvent[] {
    const { name, ready_ms } = dag;
    const { depth, stood } = this.#placeOf(name);
    const kept_ms = ready_ms ?? DEFAULT_READY_MS;
    const stages = kept_ms === 0 ? [] : keptStages(learnedPlan(dag, functions), functions);
    const until_ms = now_ms + kept_ms;
    this.#places.set(name, { depth, stood: stages, until_ms });
    return standReady(name, { stages, stood, depth }, { now_ms, until_ms });
  }

  /** A call begins; what stood ready for it. */
  begin(name: string, now_ms: number): TakenPlace {
    const { depth, stood, until_ms } = this.#placeOf(name);
    this.#places.set(name, { depth: callBegun(depth), stood, until_ms });
    return now_ms < until_ms ? { stages: stood, place: nextPlace(depth) } : NO_PLACE;
  }

  /** A call is over. `dag`: as it is now; undefined: it is gone. */
  end(name: string, dag: DagSpec | undefined, functions: Functions, now_ms: number): HostEvent[] {
    const place = this.#placeOf(name);
    const depth = callEnded(place.depth);
    if (dag || depth.running > 0) this.#places.set(name, { ...place, depth });
    else this.#places.delete(name);
    return dag ? this.stand(dag, functions, now_ms) : [];
  }

  /** The DAG is gone; calls of it may go on. */
  remove(name: string, now_ms: number): HostEvent[] {
    const { depth, stood } = this.#placeOf(name);
    if (depth.running > 0) this.#places.set(name, { ...NOTHING, depth });
    else this.#places.delete(name);
    return standReady(name, { stages: [], stood, depth }, { now_ms, until_ms: now_ms });
  }

  #placeOf(name: string): Place {
    return this.#places.get(name) ?? NOTHING;
  }
}
