/** How soon a reader of the live state hears of what happened, while much happens. */
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { LiveMessage } from '../../agent/model/live.ts';
import { emulated } from '../../agent/model/work.ts';
import { hostClock } from '../../base/clock.ts';
import { latencyOf } from './loop.ts';
import { measured } from './marks.ts';
import { OPERATIONS_PER_S } from './plan.ts';
import type { LiveRun } from './records.ts';
import type { AgentStage } from './stage.ts';

const LIVE_FUNCTION = 'live';
const LIVE_REGIONS = 64;
const TICK_MS = 10;
/** Open calls beyond which no more are made: an agent that cannot keep up is not drowned. */
const OPEN_MAX = LIVE_REGIONS / 2;

/**
 * Calls at a fixed rate, each on an instance of its own, and one reader. What is measured of an
 * operation is the time from its last stamp to the moment at which the reader has the message.
 */
export async function measureLive(
  stage: AgentStage,
  for_ms: number,
  signal: AbortSignal,
): Promise<LiveRun> {
  await stage.deploy(LIVE_FUNCTION, LIVE_REGIONS, false);
  const latencies: number[] = [];
  let dropped = 0;
  const socket = new WebSocket(stage.live_url);
  socket.on('message', (data: Buffer) => {
    const at_ms = hostClock.nowMs();
    const message: LiveMessage = JSON.parse(data.toString());
    if (message.type !== 'change') return;
    dropped += message.news.dropped;
    for (const { plugged_at_ms, resident_at_ms, instance_ready_at_ms } of message.news.operations) {
      const last_ms = Math.max(plugged_at_ms ?? 0, resident_at_ms ?? 0, instance_ready_at_ms ?? 0);
      if (last_ms > 0) latencies.push(at_ms - last_ms);
    }
  });
  await once(socket, 'open');
  try {
    const { wall_ms, others_share, lag_max_ms } = await measured(stage, async () => {
      await callAtRate(stage, for_ms, signal);
    });
    return {
      operations_per_s: (latencies.length * 1_000) / wall_ms,
      latency: latencyOf(latencies),
      dropped,
      lag_max_ms,
      others_share,
    };
  } finally {
    socket.terminate();
    await stage.client.remove(LIVE_FUNCTION);
  }
}

const NO_WORK = emulated({ anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0 });

async function callAtRate(stage: AgentStage, for_ms: number, signal: AbortSignal): Promise<void> {
  const open = new Set<Promise<unknown>>();
  const begin_ms = performance.now();
  let made = 0;
  for (;;) {
    const passed_ms = performance.now() - begin_ms;
    if (passed_ms >= for_ms || signal.aborted) break;
    const due = Math.floor((passed_ms * OPERATIONS_PER_S) / 2 / 1_000);
    for (; made < due && open.size < OPEN_MAX; made += 1) {
      const call = stage.client
        .invoke({ function: LIVE_FUNCTION, invocation_id: 'bench', ...NO_WORK })
        .finally(() => open.delete(call));
      open.add(call);
    }
    await pause(TICK_MS);
  }
  await Promise.all(open);
}
