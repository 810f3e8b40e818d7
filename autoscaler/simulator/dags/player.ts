/**
 * Calls of DAGs on a host in virtual time: the agent's own core decides, and what is foreseen and
 * when a stage is to be over is the agent's own plan. Pure.
 */
import { assert } from '../../../base/assert.ts';
import { LIMITS } from '../../../base/limits.ts';
import { MEMORY_BLOCK_BYTES, roundUp } from '../../../base/units.ts';
import { dropStages, foreseenId, foreseeStages } from '../../../agent/dag/foresee.ts';
import { learnedPlan } from '../../../agent/dag/learned.ts';
import type { StagePlan } from '../../../agent/dag/plan.ts';
import {
  beginRun,
  type DagRun,
  dueStages,
  isOver,
  spentOnPath,
  stageBegun,
  stageDeadlineMs,
  stageEnded,
  takenPath,
} from '../../../agent/dag/run.ts';
import { type Spent, spentOf } from '../../../agent/dag/spent.ts';
import { StandingPlaces } from '../../../agent/dag/standing.ts';
import type { InvokeReply, Reply } from '../../../agent/model/actions.ts';
import type { DagSpec } from '../../../agent/model/dag.ts';
import { emptyHost } from '../../../agent/model/state.ts';
import { MemoryAccount } from '../../results/memory-account.ts';
import type { DagTrace } from '../../trace/dags/dag-trace.ts';
import { plannedAtOnce } from '../../trace/dags/planned-call.ts';
import { SIM_BOOT_BYTES, VirtualHost } from '../virtual-host.ts';
import type { SimCosts } from '../workload.ts';
import type { DagArm } from './arms.ts';

/** What became of one call. */
export interface PlayedCall {
  readonly dag: number;
  /** From the call until its last stage was over; null: a stage was refused. */
  readonly took_ms: number | null;
  /** Where the time went, along the way that took longest. */
  readonly spent: Spent;
  /** Stages that waited for an instance to start. */
  readonly cold_stages: number;
}

export interface PlayedDags {
  /** In the order of the trace. */
  readonly calls: readonly PlayedCall[];
  readonly committed: MemoryAccount;
  readonly starts: number;
  readonly events: number;
}

/** Plays all calls of a trace in one way. `limit_bytes`: for regions; infinite: all is granted. */
export function playDags(
  trace: DagTrace,
  costs: SimCosts,
  limit_bytes: number,
  arm: DagArm,
): PlayedDags {
  // A step costs by the regions of its VM: each has few, and more where they were all taken.
  let regions = new Map(
    [...plannedAtOnce(trace)].map(([name, count]) => [
      name,
      Math.min(LIMITS.regions_per_vm, count + 1),
    ]),
  );
  for (;;) {
    const player = new DagPlayer(trace, costs, limit_bytes, { arm, regions });
    const played = player.play();
    const { outgrown } = player;
    if (outgrown.size === 0) return played;
    regions = new Map(
      [...regions].map(([name, count]) => [
        name,
        outgrown.has(name) ? Math.min(LIMITS.regions_per_vm, 4 * count) : count,
      ]),
    );
  }
}

/** A call that is not over. */
interface OpenCall {
  run: DagRun;
  cold_stages: number;
}

class DagPlayer {
  readonly #trace: DagTrace;
  /** As this way has them: with instances that stand ready, or without. */
  readonly #dags: readonly DagSpec[];
  readonly #arm: DagArm;
  readonly #host: VirtualHost;
  readonly #account: MemoryAccount;
  readonly #open = new Map<number, OpenCall>();
  readonly #places = new StandingPlaces();
  readonly #calls: PlayedCall[] = [];
  readonly #regions: ReadonlyMap<string, number>;
  /** Functions whose last region was taken, though they may have more. */
  readonly outgrown = new Set<string>();

  constructor(
    trace: DagTrace,
    costs: SimCosts,
    most_bytes: number,
    { arm, regions }: { readonly arm: DagArm; readonly regions: ReadonlyMap<string, number> },
  ) {
    this.#trace = trace;
    this.#arm = arm;
    this.#dags = trace.dags.map((dag) => ({ ...dag, ready_ms: arm.ready_ms }));
    this.#regions = regions;
    this.#account = new MemoryAccount(trace.head.window_ms);
    const boot_bytes = trace.functions.length * SIM_BOOT_BYTES;
    const limit_bytes = Math.min(most_bytes, Number.MAX_SAFE_INTEGER - boot_bytes);
    this.#host = new VirtualHost({
      costs,
      policy: arm.policy,
      state: emptyHost(limit_bytes + boot_bytes, 1, {
        vms_max: trace.functions.length,
        queue_length_max: Number.MAX_SAFE_INTEGER,
        queued_ms: Number.MAX_SAFE_INTEGER,
        queue: arm.queue,
      }),
      durationMs: (request_id) => this.#durationMs(request_id),
      onReply: (request_id, reply, now_ms) => this.#replied(request_id, reply, now_ms),
      onGranted: (now_ms, more_bytes) => this.#account.add(now_ms, more_bytes),
      onFull: ({ name, concurrency }) => {
        if (concurrency < LIMITS.regions_per_vm) this.outgrown.add(name);
      },
    });
  }

  play(): PlayedDags {
    const { functions, calls } = this.#trace;
    const { pool, keep_alive_ms } = this.#arm;
    for (const { name, memory_bytes } of functions) {
      const region_bytes = roundUp(memory_bytes, MEMORY_BLOCK_BYTES);
      const concurrency = this.#regions.get(name) ?? 1;
      const one = { name, app: name, func: name, limit_bytes: memory_bytes, region_bytes };
      const as = { keep_alive_ms, pool, concurrency };
      this.#host.deploy({ ...one, concurrency }, as);
    }
    for (const dag of this.#dags) {
      const { functions: there } = this.#host.state;
      for (const event of this.#places.stand(dag, there, 0)) this.#host.send(0, event);
    }
    for (const [index, { dag, at_ms }] of calls.entries()) {
      this.#host.until(at_ms);
      const spec = this.#dags[dag];
      assert(spec, 'a call is of a DAG of its trace');
      this.#begin(index, spec, at_ms);
    }
    this.#host.until(Number.POSITIVE_INFINITY);
    assert(this.#open.size === 0, 'every call is over');
    const { starts, events } = this.#host;
    return { calls: this.#calls, committed: this.#account, starts, events };
  }

  #begin(index: number, dag: DagSpec, now_ms: number): void {
    const { functions } = this.#host.state;
    const plan = learnedPlan(dag, functions);
    const call: OpenCall = { run: beginRun(plan, now_ms), cold_stages: 0 };
    this.#open.set(index, call);
    const taken = this.#places.begin(dag.name, now_ms);
    if (this.#arm.foresees) {
      for (const event of foreseeStages(call.run, String(index), taken)) {
        this.#host.send(now_ms, event);
      }
    }
    this.#advance(index, call, now_ms);
  }

  #advance(index: number, call: OpenCall, now_ms: number): void {
    for (const stage of dueStages(call.run)) {
      call.run = stageBegun(call.run, stage.name, now_ms);
      this.#invoke(index, call, stage, now_ms);
    }
    if (isOver(call.run)) this.#end(index, call, now_ms);
  }

  #invoke(index: number, { run }: OpenCall, stage: StagePlan, now_ms: number): void {
    const request_id = foreseenId(String(index), stage.name);
    const { by_deadline, foresees } = this.#arm;
    this.#host.later(now_ms, {
      type: 'invoke',
      request_id,
      function: stage.function,
      invocation_id: request_id,
      timeout_ms: null,
      ...(by_deadline && { deadline_at_ms: stageDeadlineMs(run, stage.name) }),
      ...(foresees && { expected: request_id }),
    });
  }

  #replied(request_id: string, reply: Reply, now_ms: number): void {
    assert(reply.kind !== 'error', 'a simulated function can be deployed');
    if (reply.kind !== 'invoke') return;
    const [index, stage] = partsOf(request_id);
    const call = this.#open.get(index);
    assert(call, 'a stage is of a call that is not over');
    if (reply.cold) call.cold_stages += 1;
    const spent = spentOfReply(reply, now_ms);
    const { failure } = reply;
    call.run = stageEnded(call.run, stage, { ended_at_ms: now_ms, spent, failure });
    this.#advance(index, call, now_ms);
  }

  #end(index: number, { run, cold_stages }: OpenCall, now_ms: number): void {
    this.#open.delete(index);
    const dag = this.#trace.calls[index]?.dag ?? 0;
    const { functions } = this.#host.state;
    const { name } = run.plan.dag;
    const events = [
      ...(this.#arm.foresees ? dropStages(run, String(index)) : []),
      ...this.#places.end(name, this.#dags[dag], functions, now_ms),
    ];
    for (const event of events) this.#host.later(now_ms, event);
    this.#calls[index] = {
      dag,
      took_ms: run.failed ? null : now_ms - run.received_at_ms,
      spent: spentOnPath(run, takenPath(run)),
      cold_stages,
    };
  }

  #durationMs(request_id: string): number {
    const [index, name] = partsOf(request_id);
    const { dag = 0, run_ms = [] } = this.#trace.calls[index] ?? {};
    const at = this.#trace.dags[dag]?.stages.findIndex((stage) => stage.name === name) ?? -1;
    return run_ms[at] ?? 0;
  }
}

function partsOf(request_id: string): [index: number, stage: string] {
  const slash = request_id.indexOf('/');
  return [Number(request_id.slice(0, slash)), request_id.slice(slash + 1)];
}

function spentOfReply(
  { received_at_ms, assigned_at_ms, instance_ready_at_ms, start }: InvokeReply,
  ended_at_ms: number,
): Spent {
  return spentOf({
    asked_at_ms: received_at_ms,
    decided_at_ms: start?.decided_at_ms ?? null,
    lacked_ms: start?.lacked_ms ?? 0,
    plugged_at_ms: start?.plugged_at_ms ?? null,
    ready_at_ms: instance_ready_at_ms,
    assigned_at_ms,
    ended_at_ms,
  });
}
