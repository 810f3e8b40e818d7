/**
 * Goal: a warm call through the socket leaves the means of cancelling alone: an AbortController for
 * each deadline, and the error with a stack that each abort makes, took a sixth of an agent's CPU.
 * Method: both ends in this process; every controller and every composed signal is counted.
 */
import { getEventListeners } from 'node:events';
import test from 'ava';
import type { AgentClient } from '../../../agent/api/client.ts';
import { specOf, WORK } from '../core/world.ts';
import type { ToldLine } from '../../../agent/model/told-events.ts';
import { serve } from './serving.ts';
import { emulated } from '../../../agent/model/work.ts';

interface Called {
  readonly client: AgentClient;
  readonly call: (signal?: AbortSignal) => Promise<unknown>;
}

/** An agent with one function that has served one call. */
async function served(t: Parameters<typeof serve>[0], keep_alive_ms: number): Promise<Called> {
  const { client } = await serve(t);
  await client.deploy(specOf('f', { keep_alive_ms }));
  const request = { function: 'f', invocation_id: 'one', ...emulated({ ...WORK, wall_ms: 0 }) };
  const call = (signal?: AbortSignal): Promise<unknown> =>
    client.invoke(request, signal ? { signal } : {});
  await call();
  return { client, call };
}

/** How many controllers and composed signals `work` makes, in the whole process. */
async function signalsMadeBy(work: () => Promise<void>): Promise<number> {
  const { AbortController: Controller } = globalThis;
  const any = AbortSignal.any.bind(AbortSignal);
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  let made = 0;
  globalThis.AbortController = class extends Controller {
    constructor() {
      super();
      made += 1;
    }
  };
  AbortSignal.any = (signals) => {
    made += 1;
    return any(signals);
  };
  AbortSignal.timeout = (ms) => {
    made += 1;
    return timeout(ms);
  };
  try {
    await work();
  } finally {
    globalThis.AbortController = Controller;
    AbortSignal.any = any;
    AbortSignal.timeout = timeout;
  }
  return made;
}

test.serial('warm calls make no AbortController and no composed signal', async (t) => {
  const { call } = await served(t, 60_000);
  const made = await signalsMadeBy(async () => {
    for (let count = 0; count < 20; count += 1) await call();
  });
  t.is(made, 0);
});

test.serial('cycles of plug and unplug make no AbortController either', async (t) => {
  const { client, call } = await served(t, 0);
  const made = await signalsMadeBy(async () => {
    for (let count = 0; count < 5; count += 1) await call();
    await client.drain('f');
  });
  t.is(made, 0);
});

test.serial('a signal that outlives its calls keeps nothing of them', async (t) => {
  const { call } = await served(t, 60_000);
  const { signal } = new AbortController();
  for (let count = 0; count < 20; count += 1) await call(signal);
  t.is(getEventListeners(signal, 'abort').length, 0);
});

test.serial(
  'of a call that was answered the core is not told that its caller has gone',
  async (t) => {
    const { agent, client } = await serve(t);
    await client.deploy(specOf('f', { keep_alive_ms: 60_000 }));
    const watch = agent.watch({ records: ['event'] });
    const request = { function: 'f', invocation_id: 'one', ...emulated({ ...WORK, wall_ms: 0 }) };
    for (let count = 0; count < 5; count += 1) await client.invoke(request);
    // By then the server has heard of the end of the last call.
    await client.status();
    watch.close();
    const types: string[] = [];
    for await (const { event } of watch) {
      const told: ToldLine = JSON.parse(event?.event_json ?? '{}');
      types.push(told.event?.type ?? 'begin');
    }
    t.is(types.filter((type) => type === 'invocation-finished').length, 5);
    t.false(types.includes('cancel'), types.join(' '));
  },
);
