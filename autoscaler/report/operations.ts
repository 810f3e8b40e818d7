/** What plugging and unplugging cost, from the operation lines of one mechanism, one by one. */
import { between, describe, type Distribution, plus, Sample } from '../../base/statistics.ts';
import type { OperationLine } from '../results/schema.ts';

/**
 * Times since the resize was sent to the VMM; each stage is counted from there, without the times
 * in which other regions were let go first.
 */
export interface OperationStages {
  /** Before that: decided (plug) or instance gone (unplug) -> request sent to the VMM. */
  readonly queued: Distribution;
  /** The VMM took the request. Never success. */
  readonly accepted: Distribution;
  /** Plugged = requested, the VMM's word. */
  readonly plugged: Distribution;
}

export interface OutcomeCounts {
  readonly done: number;
  readonly partial: number;
  readonly refused: number;
  readonly failed: number;
}

/** Starts of instances with a plug of their own, whoever the instance then served. */
export interface StartStages {
  readonly n: number;
  /** Decided -> instance ready. */
  readonly total: Distribution;
  /** Decided -> plugged. */
  readonly plug: Distribution;
  /** Decided -> sandbox waits for its partition; runs beside the plug. */
  readonly sandbox: Distribution;
  /** The later of plugged and sandbox -> instance ready. */
  readonly ready: Distribution;
}

export interface OperationSummary {
  /** Operations before the run's start (a static VM plugs at boot); not in the figures below. */
  readonly during_set_up: number;
  readonly plug: OperationStages & {
    readonly outcomes: OutcomeCounts;
    readonly bytes: number;
  };
  readonly unplug: OperationStages & {
    /** The host holds no memory of the region any more. */
    readonly resident: Distribution;
    /** Before the request: stopping the instance, until its process tree is gone. */
    readonly stop: Distribution;
    readonly outcomes: OutcomeCounts;
    /** Given back to the host. */
    readonly bytes: number;
    /** Still plugged at the end of an unplug, summed over operations. */
    readonly not_unplugged_bytes: number;
    readonly nudges: number;
    /** Null when a guest did not tell it of each operation. */
    readonly guest_cpu_ms: number | null;
  };
  readonly starts: StartStages;
}

/** When an operation began; one that was refused before it began counts from its decision. */
function startOf(line: OperationLine): number {
  return line.decided_at_ms ?? line.requested_at_ms ?? line.stop_at_ms ?? 0;
}

/** Nothing had to be moved, as in the unplug after a plug that was refused: it took no time. */
const isIdle = (line: OperationLine): boolean =>
  line.outcome === 'done' && line.before_bytes === line.requested_bytes;

/** Figures of one kind of operation. */
class KindTally {
  readonly queued = new Sample();
  readonly accepted = new Sample();
  readonly plugged = new Sample();
  readonly resident = new Sample();
  readonly stop = new Sample();
  readonly outcomes = { done: 0, partial: 0, refused: 0, failed: 0 };
  bytes = 0;
  not_unplugged_bytes = 0;
  nudges = 0;
  guest_cpu_ms: number | null = 0;

  add(line: OperationLine): void {
    const { requested_at_ms: sent_ms } = line;
    if (sent_ms !== null && !isIdle(line)) {
      this.queued.add(between(line.gone_at_ms ?? line.decided_at_ms, sent_ms));
      this.accepted.add(between(sent_ms, line.accepted_at_ms));
      // What was moved of others meanwhile is no time of this one.
      const own_ms = sent_ms + (line.waited_ms ?? 0);
      this.plugged.add(between(own_ms, line.plugged_at_ms));
      this.resident.add(between(own_ms, line.resident_at_ms));
    }
    if (line.stop_at_ms !== null) this.stop.add(between(line.stop_at_ms, line.gone_at_ms));
    this.outcomes[line.outcome] += 1;
    const moved_bytes = line.plugged_bytes - line.before_bytes;
    this.bytes += Math.max(0, line.kind === 'plug' ? moved_bytes : -moved_bytes);
    this.not_unplugged_bytes += Math.max(0, line.plugged_bytes - line.requested_bytes);
    this.nudges += line.nudges;
    this.guest_cpu_ms = plus(this.guest_cpu_ms, line.guest_cpu_ms);
  }

  stages(): OperationStages {
    return {
      queued: describe(this.queued),
      accepted: describe(this.accepted),
      plugged: describe(this.plugged),
    };
  }
}

export class OperationTally {
  readonly plug = new KindTally();
  readonly unplug = new KindTally();
  /** Of all operations, also those of the set-up, but for those of a warm-up. */
  pages_migrated: number | null = 0;
  readonly #has_warm_up: boolean;
  #during_set_up = 0;
  readonly #start = {
    total: new Sample(),
    plug: new Sample(),
    sandbox: new Sample(),
    ready: new Sample(),
  };

  constructor(has_warm_up = false) {
    this.#has_warm_up = has_warm_up;
  }

  add(line: OperationLine): void {
    const is_before = startOf(line) < 0;
    if (!is_before || !this.#has_warm_up) {
      this.pages_migrated = plus(this.pages_migrated, line.pages_migrated);
    }
    if (is_before) {
      this.#during_set_up += 1;
      return;
    }
    this[line.kind].add(line);
    if (line.kind === 'plug' && line.instance_id !== null) this.#addStart(line);
  }

  summary(): OperationSummary {
    const { plug, unplug } = this;
    return {
      during_set_up: this.#during_set_up,
      plug: { ...plug.stages(), outcomes: { ...plug.outcomes }, bytes: plug.bytes },
      unplug: {
        ...unplug.stages(),
        resident: describe(unplug.resident),
        stop: describe(unplug.stop),
        outcomes: { ...unplug.outcomes },
        bytes: unplug.bytes,
        not_unplugged_bytes: unplug.not_unplugged_bytes,
        nudges: unplug.nudges,
        guest_cpu_ms:
          unplug.guest_cpu_ms === null ? null : Math.round(unplug.guest_cpu_ms * 1000) / 1000,
      },
      starts: {
        n: this.#start.total.n,
        total: describe(this.#start.total),
        plug: describe(this.#start.plug),
        sandbox: describe(this.#start.sandbox),
        ready: describe(this.#start.ready),
      },
    };
  }

  #addStart(line: OperationLine): void {
    const { decided_at_ms, plugged_at_ms, sandbox_at_ms, instance_ready_at_ms } = line;
    const both_ms =
      plugged_at_ms === null || sandbox_at_ms === null
        ? null
        : Math.max(plugged_at_ms, sandbox_at_ms);
    this.#start.total.add(between(decided_at_ms, instance_ready_at_ms));
    this.#start.plug.add(between(decided_at_ms, plugged_at_ms));
    this.#start.sandbox.add(between(decided_at_ms, sandbox_at_ms));
    this.#start.ready.add(between(both_ms, instance_ready_at_ms));
  }
}
