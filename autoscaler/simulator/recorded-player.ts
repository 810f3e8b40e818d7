/** One mechanism of a recorded run, event by event: the core decides anew what it was told live. */
import { join } from 'node:path';
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../agent/core/policy.ts';
import { type Step, step } from '../../agent/core/step.ts';
import type { HostEvent } from '../../agent/model/events.ts';
import type { HostState } from '../../agent/model/state.ts';
import { stateOf, type ToldLine } from '../../agent/model/told-events.ts';
import { AUTOSCALER_POLICIES } from '../policy/registry.ts';
import { resultsMalformed } from '../results/errors.ts';
import { decisionLine, type RunOrigin } from '../results/run-time.ts';
import type { EventLine, Manifest } from '../results/schema.ts';
import { RESULT_FILES } from '../results/writer.ts';
import { notRecorded } from './errors.ts';

export interface PlayedMechanism {
  readonly mechanism: string;
  readonly policy: string;
  readonly events: number;
  readonly decisions: number;
}

const POLICIES: ReadonlyMap<string, Policy> = new Map(
  [DEFAULT_POLICY, ...AUTOSCALER_POLICIES].map((policy) => [policy.name, policy]),
);

/** Plays the lines of one mechanism. */
export class Player {
  readonly #folder: string;
  readonly #origin: RunOrigin;
  #state: HostState | null = null;
  #policy: Policy = DEFAULT_POLICY;
  #events = 0;
  #decisions = 0;

  constructor(folder: string, { mechanisms }: Manifest, mechanism: string) {
    const start_ms = mechanisms.find(({ name }) => name === mechanism)?.clock_start_ms ?? null;
    if (start_ms === null) throw notRecorded(folder, `does not tell when ${mechanism} began`);
    this.#folder = folder;
    this.#origin = { mechanism, start_ms };
  }

  /** The lines of what is decided now. */
  play({ host_ms, event_json }: EventLine, line: number): string[] {
    const told = this.#read(event_json, line);
    if (told.begin) {
      if (told.begin.functions > 0) {
        const there = `began on an agent with ${told.begin.functions} functions, which it does not tell`;
        throw notRecorded(this.#folder, there);
      }
      const policy = POLICIES.get(told.begin.policy);
      if (!policy) throw notRecorded(this.#folder, `has the unknown policy ${told.begin.policy}`);
      this.#policy = policy;
      this.#state = stateOf(told.begin);
      return [];
    }
    if (!this.#state) throw notRecorded(this.#folder, 'does not tell how it began');
    const { state, actions } = this.#step(this.#state, told.event, host_ms, line);
    this.#state = state;
    this.#events += 1;
    const lines = actions.flatMap((action) =>
      action.type === 'decision' ? JSON.stringify(decisionLine(action.decision, this.#origin)) : [],
    );
    this.#decisions += lines.length;
    return lines;
  }

  /** What the core cannot have been told is damage of the file. */
  #step(state: HostState, event: HostEvent, now_ms: number, line: number): Step {
    try {
      return step(state, event, now_ms, {
        policy: this.#policy,
        policies: POLICIES,
        recording: true,
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const path = join(this.#folder, RESULT_FILES.events);
      throw resultsMalformed(path, line, `the core cannot have been told this: ${why}`);
    }
  }

  /** Of the host's clock, from which the times of the run count. */
  get start_ms(): number {
    return this.#origin.start_ms;
  }

  /** As it is after the lines so far; null: it was not told how it began. */
  get state(): HostState | null {
    return this.#state;
  }

  told(): PlayedMechanism {
    const { mechanism } = this.#origin;
    const counts = { events: this.#events, decisions: this.#decisions };
    return { mechanism, policy: this.#policy.name, ...counts };
  }

  #read(text: string, line: number): ToldLine {
    try {
      const told: ToldLine = JSON.parse(text);
      if (told.begin ?? told.event?.type) return told;
    } catch {
      // Told below, with its line.
    }
    const path = join(this.#folder, RESULT_FILES.events);
    throw resultsMalformed(path, line, 'event_json is no event');
  }
}
