/** What a replay is doing, for people who wait for it. Goes to stderr. */
import type { Clock } from '../../base/clock.ts';
import { type ProgressStream, rewriteLine } from '../../base/progress.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { formatBytes, formatMs } from '../../base/units.ts';

export interface ProgressState {
  readonly mechanism: string;
  /** 1-based position of the mechanism in the run, and how many there are. */
  readonly position: number;
  readonly of: number;
  readonly phase: 'deploy' | 'warm-up' | 'replay' | 'last replies' | 'drain' | 'remove';
  /** In this mechanism; below 0 in the warm-up. */
  readonly elapsed_ms: number;
  readonly window_ms: number;
  /** Of all mechanisms and rounds, at least. */
  readonly left_ms: number;
  readonly finished: number;
  readonly planned: number;
  readonly failed: number;
  /** Invocations sent and not yet replied to. */
  readonly running: number;
  readonly plugged_bytes: number;
  readonly resident_bytes: number;
}

export interface ProgressSink {
  update(state: ProgressState): void;
  /** Ends a line that is rewritten in place. */
  end(): void;
}

function progressLine(state: ProgressState): string {
  const seconds = `${Math.round(state.elapsed_ms / 1000)} s`;
  const window = `${Math.round(state.window_ms / 1000)} s`;
  const step = `[${state.position}/${state.of}] ${state.mechanism}: ${state.phase}`;
  const left = `, ${leftText(state.left_ms)}`;
  if (state.phase === 'deploy') return `${step}, ${seconds}${left}`;
  const failed = state.failed > 0 ? ` (${state.failed} not done)` : '';
  return (
    `${step}, ${seconds} of ${window}, ${state.finished}/${state.planned} invocations${failed}, ` +
    `${state.running} running, plugged ${formatBytes(state.plugged_bytes)}, ` +
    `resident ${formatBytes(state.resident_bytes)}${left}`
  );
}

/** To the second, for it is told once a second at most. */
function leftText(left_ms: number): string {
  return left_ms < 1000 ? 'nearly done' : `${formatMs(Math.round(left_ms / 1000) * 1000)} left`;
}

/** One line rewritten in place on a terminal; else a line at each change of phase and every 5 s. */
export function progressSink(stream: ProgressStream, clock: Clock): ProgressSink {
  let last_ms = Number.NEGATIVE_INFINITY;
  let last_phase = '';
  let open = false;
  return {
    update(state) {
      const now_ms = clock.nowMs();
      const phase = `${state.mechanism} ${state.phase}`;
      const pause_ms = stream.isTTY ? 100 : REPLAY_LIMITS.progress_ms;
      if (phase === last_phase && now_ms - last_ms < pause_ms) return;
      last_ms = now_ms;
      last_phase = phase;
      const line = progressLine(state);
      if (!stream.isTTY) {
        stream.write(`${line}\n`);
        return;
      }
      rewriteLine(stream, line);
      open = true;
    },
    end() {
      if (open) stream.write('\n');
      open = false;
    },
  };
}

export const SILENT: ProgressSink = { update: () => {}, end: () => {} };
