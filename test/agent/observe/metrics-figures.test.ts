/** What a scrape tells of functions is what the lists of the API tell, whatever happened before. */
import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { ListRequest } from '../../../agent/model/list-messages.ts';
import type { HostState } from '../../../agent/model/state.ts';
import { listFunctions, listInstances, listRegions } from '../../../agent/observe/lists.ts';
import { AgentMetrics } from '../../../agent/observe/metrics/metrics.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { MOVES, play } from '../core/moves.ts';
import { World } from '../core/world.ts';
import { hostOf } from './many-vms.ts';

interface Scraped {
  readonly permits: number;
  readonly plugged: number;
  readonly boot: number;
  readonly queued: number;
  readonly instances: number;
}

const NAMES: Readonly<Record<string, keyof Scraped>> = {
  hotplane_function_permit_bytes: 'permits',
  hotplane_function_plugged_bytes: 'plugged',
  hotplane_function_boot_bytes: 'boot',
  hotplane_invocations_queued: 'queued',
  hotplane_instances: 'instances',
};

const NOTHING: Scraped = { permits: 0, plugged: 0, boot: 0, queued: 0, instances: 0 };

/** The samples of each function, those of one name together. */
function scrapedFrom(text: string): Record<string, Scraped> {
  const told: Record<string, Scraped> = {};
  for (const line of text.split('\n')) {
    const [, name = '', fn = '', value = ''] =
      /^(\w+)\{function="(\w+)".*\} (\S+)$/.exec(line) ?? [];
    const key = NAMES[name];
    if (key === undefined) continue;
    const so_far = told[fn] ?? NOTHING;
    told[fn] = { ...so_far, [key]: so_far[key] + Number(value) };
  }
  return told;
}

const ALL: ListRequest = {
  function: null,
  vm_id: null,
  state: null,
  page_token: null,
  page_size: 0,
};

/** The same by the lists of the API. */
function listedOf(state: HostState): Record<string, Scraped> {
  const told: Record<string, Scraped> = {};
  for (const row of listFunctions(state, ALL).rows) {
    const of = { ...ALL, function: row.function };
    const regions = listRegions(state, of).rows;
    told[row.function] = {
      permits: row.permits_bytes,
      plugged: regions.reduce((sum, { plugged_bytes }) => sum + plugged_bytes, 0),
      boot: row.boot_bytes,
      queued: row.invocations_queued,
      instances: listInstances(state, of).rows.length,
    };
  }
  return told;
}

function metricsOf(state: () => HostState, clock = hostClock): AgentMetrics {
  return new AgentMetrics({
    clock,
    version: 'test',
    functions_max: 256,
    state,
    residentBytes: () => null,
  });
}

test('random hosts: after each move a scrape tells what the lists tell', async (t) => {
  const property = fc.asyncProperty(MOVES, async (moves) => {
    const world = new World(2 * GIB);
    world.context = { policy: DEFAULT_POLICY, recording: false };
    for (const move of moves) {
      play(world, [move]);
      const text = await metricsOf(() => world.state).render();
      const [scraped, listed] = [scrapedFrom(text), listedOf(world.state)];
      if (sorted(scraped) === sorted(listed)) continue;
      throw new Error(`${JSON.stringify(scraped)}, not ${JSON.stringify(listed)}`);
    }
  });
  await holds(t, property, { runs: 20 });
});

const sorted = (told: Readonly<Record<string, Scraped>>): string =>
  JSON.stringify(
    Object.keys(told)
      .toSorted()
      .map((name) => {
        const { permits, plugged, boot, queued, instances } = told[name] ?? NOTHING;
        return [name, permits, plugged, boot, queued, instances];
      }),
  );

test('who asks while an answer is being made gets that one, however long it takes', async (t) => {
  let looks = 0;
  let now_ms = 0;
  const state = hostOf(4, 8);
  const metrics = metricsOf(
    () => {
      looks += 1;
      return state;
    },
    { ...hostClock, nowMs: () => now_ms },
  );
  const first = metrics.render();
  now_ms += 60_000;
  const second = metrics.render();
  t.is(await first, await second);
  t.is(looks, 1, 'two that are made at once would set the same gauges');
  now_ms += 60_000;
  await metrics.render();
  t.is(looks, 2, 'what was made long ago is not told');
});

test('the process is told of too, and nothing of it is asked socket by socket twice', async (t) => {
  const text = await metricsOf(() => hostOf(1, 1)).render();
  for (const name of ['process_open_fds', 'nodejs_active_resources_total']) {
    t.regex(text, new RegExp(`^${name} \\d+`, 'm'));
  }
  t.notRegex(text, /^nodejs_active_(handles|requests)/m);
});
