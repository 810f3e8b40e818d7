/** One call of a DAG: makes the invocations that its run says are due, until it is over. */
import type { Clock } from '../../base/clock.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { type StageAnswer, type Joined, joinAnswers } from '../dag/payload.ts';
import { dropStages, foreseenId, foreseeStages, type TakenPlace } from '../dag/foresee.ts';
import type { DagPlan, StagePlan } from '../dag/plan.ts';
import {
  beginRun,
  type DagRun,
  dueStages,
  isOver,
  lastStages,
  openStages,
  stageBegun,
  stageDeadlineMs,
  stageEnded,
} from '../dag/run.ts';
import { NOTHING_SPENT, spentOf } from '../dag/spent.ts';
import type { HostEvent } from '../model/events.ts';
import { refusalOf } from '../model/failure.ts';
import type { HttpRequest } from '../model/http-head.ts';
import { type Refusal, REFUSALS } from '../model/refusals.ts';
import type { HostState } from '../model/state.ts';
import { type Call, JSON_TYPE } from '../model/work.ts';
import type { InvocationEnd } from '../observe/invocation-record.ts';
import { isBug } from '../observe/fail-stop.ts';
import type { HeldPayloads } from './held-payloads.ts';

/** Calls one function; throws where no invocation of it was made. */
export type InvokeFunction = (
  name: string,
  invocation_id: string,
  call: Call,
  onGone: (run: () => void) => void,
) => Promise<InvocationEnd>;

export interface DagCallParts {
  readonly clock: Clock;
  readonly stateOf: () => HostState;
  readonly invoke: InvokeFunction;
  readonly emit: (event: HostEvent) => void;
  readonly payloads: HeldPayloads;
}

/** What a caller asks of a DAG. */
export interface DagAsked {
  /** Ours, unique in the agent's life. */
  readonly id: string;
  readonly invocation_id: string;
  readonly payload: Uint8Array;
  readonly content_type: string;
  readonly peer: string | null;
}

export interface StageRecord {
  readonly name: string;
  readonly end: InvocationEnd;
}

/** What it came to. */
export interface DagCallEnd {
  readonly run: DagRun;
  readonly finished_at_ms: number;
  /** In the order in which they ended; those that were asked for and got no record are not here. */
  readonly stages: readonly StageRecord[];
  readonly answer: Joined | null;
  readonly failure: Refusal | null;
}

export class DagCall {
  readonly #parts: DagCallParts;
  readonly #asked: DagAsked;
  /** What stood ready for it. */
  readonly #taken: TakenPlace;
  #run: DagRun;
  readonly #answers = new Map<string, StageAnswer>();
  readonly #stages: StageRecord[] = [];
  /** What cancels a stage that is open. */
  readonly #cancels = new Map<string, () => void>();
  #is_gone = false;
  #answer: Joined | null = null;
  readonly #over = Promise.withResolvers<DagCallEnd>();

  constructor(plan: DagPlan, asked: DagAsked, taken: TakenPlace, parts: DagCallParts) {
    this.#parts = parts;
    this.#asked = asked;
    this.#taken = taken;
    this.#run = beginRun(plan, parts.clock.nowMs());
  }

  /** Resolves when nothing of it runs any more. */
  async make(): Promise<DagCallEnd> {
    this.#foresee();
    // No stage that ends will end it.
    if (this.#is_gone) this.#end();
    else this.#advance();
    return await this.#over.promise;
  }

  /** Its caller went away: what waits or runs is cancelled, and nothing more begins. */
  giveUp(): void {
    if (this.#is_gone) return;
    this.#is_gone = true;
    this.#cancelOpen();
  }

  #advance(): void {
    const due = this.#is_gone ? [] : dueStages(this.#run);
    for (const stage of due) {
      this.#run = stageBegun(this.#run, stage.name, this.#parts.clock.nowMs());
    }
    for (const stage of due) {
      void this.#perform(stage).then(
        () => this.#conclude(),
        (error: unknown) => this.#over.reject(error),
      );
    }
  }

  #conclude(): void {
    if (this.#run.failed) this.#cancelOpen();
    this.#advance();
    if (openStages(this.#run).length > 0 || !(this.#is_gone || isOver(this.#run))) return;
    this.#end();
  }

  #end(): void {
    const { clock, payloads, emit } = this.#parts;
    for (const name of this.#answers.keys()) payloads.release(this.#idOf(name));
    for (const event of dropStages(this.#run, this.#asked.id)) emit(event);
    const { failed } = this.#run;
    const failure = failed
      ? REFUSALS.stageFailed(this.#run.plan.dag.name, failed.stage, failed.failure)
      : this.#is_gone
        ? REFUSALS.cancelled()
        : this.#join();
    this.#over.resolve({
      run: this.#run,
      finished_at_ms: clock.nowMs(),
      stages: this.#stages,
      answer: failure ? null : this.#answer,
      failure,
    });
  }

  /** The answer of all; why there is none. */
  #join(): Refusal | null {
    const joined = this.#joined(lastStages(this.#run.plan), 'the answer');
    if ('code' in joined) return joined;
    this.#answer = joined;
    return null;
  }

  #foresee(): void {
    for (const event of foreseeStages(this.#run, this.#asked.id, this.#taken)) {
      this.#parts.emit(event);
    }
  }

  #idOf(stage: string): string {
    return foreseenId(this.#asked.id, stage);
  }

  /** Never throws but for a fault of the agent itself. */
  async #perform(stage: StagePlan): Promise<void> {
    const { clock } = this.#parts;
    const asked_at_ms = clock.nowMs();
    try {
      const payload = this.#payloadOf(stage);
      if ('code' in payload) return this.#ended(stage, asked_at_ms, payload);
      const end = await this.#call(stage, payload);
      this.#stages.push({ name: stage.name, end });
      const failure = end.failure ?? statusFailure(end);
      if (!failure) this.#hold(stage, end);
      this.#ended(stage, asked_at_ms, failure, end);
    } catch (error) {
      if (isBug(error)) throw error;
      this.#ended(stage, asked_at_ms, refusalOf(error));
    }
  }

  #ended(
    { name }: StagePlan,
    asked_at_ms: number,
    failure: Refusal | null,
    record?: InvocationEnd,
  ): void {
    const ended_at_ms = this.#parts.clock.nowMs();
    const spent = record
      ? spentOf({
          asked_at_ms,
          decided_at_ms: record.decided_at_ms,
          lacked_ms: record.lacked_ms ?? 0,
          plugged_at_ms: record.plugged_at_ms,
          ready_at_ms: record.instance_ready_at_ms,
          assigned_at_ms: record.assigned_at_ms,
          ended_at_ms,
        })
      : { ...NOTHING_SPENT, wait_ms: ended_at_ms - asked_at_ms };
    this.#cancels.delete(name);
    this.#run = stageEnded(this.#run, name, { ended_at_ms, spent, failure });
    this.#releaseUsed();
  }

  async #call(stage: StagePlan, payload: Joined): Promise<InvocationEnd> {
    const { invoke, stateOf } = this.#parts;
    const program = stateOf().functions.get(stage.function)?.spec.program ?? null;
    const call: Call = {
      payload: payload.bytes,
      content_type: payload.content_type,
      timeout_ms: null,
      http: program?.interface === 'http' ? POST : null,
      peer: this.#asked.peer,
      stage: {
        deadline_at_ms: stageDeadlineMs(this.#run, stage.name),
        expected: this.#idOf(stage.name),
      },
    };
    const id = `${this.#asked.invocation_id}/${stage.name}`;
    return await invoke(stage.function, id, call, (cancel) => {
      this.#cancels.set(stage.name, cancel);
    });
  }

  #payloadOf({ name, before, payload_json }: StagePlan): Joined | Refusal {
    if (payload_json !== null) {
      return { bytes: Buffer.from(payload_json), content_type: JSON_TYPE };
    }
    const { payload: bytes, content_type } = this.#asked;
    return before.length === 0
      ? { bytes, content_type }
      : this.#joined(before, `the payload of stage '${name}'`);
  }

  /** Throws HP_AGENT_PAYLOADS_HELD where answers are more than the agent can hold. */
  #hold({ name }: StagePlan, { answer }: InvocationEnd): void {
    const { payloads } = this.#parts;
    const content_type = answer?.content_type ?? '';
    const payload = answer?.bytes ?? new Uint8Array();
    payloads.hold(this.#idOf(name), { payload, content_type, timeout_ms: null, http: null });
    this.#answers.set(name, answer);
  }

  #joined(names: readonly string[], what: string): Joined | Refusal {
    const joined = joinAnswers(new Map(names.map((one) => [one, this.#answers.get(one) ?? null])));
    if ('stage' in joined) {
      return REFUSALS.stagesNotJoined(`stage '${joined.stage}' answered what is no text`, what);
    }
    if (joined.bytes.length <= PROTOCOL.payload_bytes) return joined;
    const found = `they are ${joined.bytes.length} bytes, more than ${PROTOCOL.payload_bytes}`;
    return REFUSALS.stagesNotJoined(found, what);
  }

  /** Answers that nobody needs any more. */
  #releaseUsed(): void {
    const { plan, stages } = this.#run;
    for (const name of this.#answers.keys()) {
      const after = plan.stages.get(name)?.after ?? [];
      if (after.length === 0 || !after.every((next) => stages.get(next)?.end)) continue;
      this.#answers.delete(name);
      this.#parts.payloads.release(this.#idOf(name));
    }
  }

  #cancelOpen(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}

/** A program that serves HTTP says so by its status. */
function statusFailure({ answer }: InvocationEnd): Refusal | null {
  const status = answer?.http?.status ?? 0;
  return status >= FAILED_STATUS ? REFUSALS.functionFailed(`it answered status ${status}`) : null;
}

const FAILED_STATUS = 500;

/** What a program that serves HTTP is shown of a stage. */
const POST: HttpRequest = { method: 'POST', path: '/', headers: [] };
