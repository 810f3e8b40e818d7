/** Lists in pages: complete for what stays, whatever comes and goes between two pages. */
import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { step } from '../../../agent/core/step.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import type { ListRequest } from '../../../agent/model/list-messages.ts';
import type { HostState } from '../../../agent/model/state.ts';
import * as lists from '../../../agent/observe/lists.ts';
import { holds } from '../../seed.ts';
import { specOf } from '../core/world.ts';
import { hostOf } from './many-vms.ts';

const ALL: ListRequest = {
  function: null,
  vm_id: null,
  state: null,
  page_size: null,
  page_token: null,
};

interface PageOf {
  readonly rows: readonly object[];
  readonly next_page_token: string | null;
}

const LISTS: readonly (readonly [
  name: string,
  list: (state: HostState, request: ListRequest) => PageOf,
])[] = [
  ['functions', lists.listFunctions],
  ['vms', lists.listVms],
  ['instances', lists.listInstances],
  ['regions', lists.listRegions],
  ['operations', lists.listOperations],
];

/** With instances on their way, and so operations in flight. */
function busyHost(): HostState {
  let state = hostOf(5, 4);
  for (const [index, name] of [...state.functions.keys()].entries()) {
    for (let call = 0; call <= index % 3; call += 1) {
      const id = `c${index}-${call}`;
      const about = { request_id: id, invocation_id: id, function: name, timeout_ms: null };
      const context = { policy: DEFAULT_POLICY, recording: false };
      ({ state } = step(state, { type: 'invoke', ...about }, 1, context));
    }
  }
  return state;
}

const STATE = busyHost();

for (const [name, list] of LISTS) {
  test(`${name}: pages of any size are the whole list, each row once`, (t) => {
    const whole = list(STATE, ALL);
    t.true(whole.rows.length >= 5);
    t.is(whole.next_page_token, null);
    for (const page_size of [1, 2, 3, 7]) {
      const rows: object[] = [];
      let page_token: string | null = null;
      do {
        const page: PageOf = list(STATE, { ...ALL, page_size, page_token });
        t.true(page.rows.length <= page_size);
        rows.push(...page.rows);
        page_token = page.next_page_token;
      } while (page_token !== null);
      t.deepEqual(rows, whole.rows);
    }
  });

  test(`${name}: a token of another list, or of nobody, is refused by name`, (t) => {
    for (const page_token of ['', 'Ünsinn', '1', '../x', '0'.repeat(15)]) {
      if (name === 'functions' && /^[a-z0-9-]+$/.test(page_token)) continue;
      t.throws(() => list(STATE, { ...ALL, page_token }), {
        code: 'HP_AGENT_BAD_REQUEST',
        message: /page_token/,
      });
    }
  });
}

test('rows that stay are told once each, though others come and go between pages', async (t) => {
  const names = [...STATE.functions.keys()];
  const removals = fc.array(fc.constantFrom(...names.slice(1)), { maxLength: 3 });
  await holds(
    t,
    fc.property(removals, fc.integer({ min: 1, max: 5 }), (gone, page_size) => {
      let state = STATE;
      const told: string[] = [];
      let page_token: string | null = null;
      let turn = 0;
      do {
        const page = lists.listFunctions(state, { ...ALL, page_size, page_token });
        told.push(...page.rows.map((row) => row.function));
        page_token = page.next_page_token;
        const name = gone[turn];
        turn += 1;
        const context = { policy: DEFAULT_POLICY, recording: false };
        const spec = specOf(`g${turn}`);
        const added = { type: 'deploy', request_id: `d${turn}`, spec } as const;
        ({ state } = step(state, added, turn, context));
        if (name === undefined) continue;
        const asked = {
          type: 'remove',
          request_id: `r${turn}`,
          function: name,
          drain_ms: 0,
        } as const;
        ({ state } = step(state, asked, turn, context));
      } while (page_token !== null && turn < 50);
      t.is(new Set(told).size, told.length, 'twice');
      for (const name of names) {
        if (!gone.includes(name)) t.true(told.includes(name), `${name} is missing`);
      }
    }),
  );
});

test('filters choose by function, VM and state', (t) => {
  const of_one = lists.listRegions(STATE, { ...ALL, function: 'f2' });
  t.is(of_one.rows.length, 4);
  t.true(of_one.rows.every((row) => row.function === 'f2'));
  const vm_id = of_one.rows[0]?.vm_id ?? '';
  t.deepEqual(lists.listRegions(STATE, { ...ALL, vm_id }).rows, of_one.rows);
  const moving = lists.listRegions(STATE, { ...ALL, state: 'resizing' }).rows;
  const operations = lists.listOperations(STATE, ALL).rows;
  t.deepEqual(
    moving.map((row) => row.operation_id),
    operations.map((row) => row.operation_id),
  );
  t.deepEqual(lists.listVms(STATE, { ...ALL, state: 'lost' }).rows, []);
});

test('a page looks at so many rows at most, and says where to go on', (t) => {
  const state = hostOf(64, 192);
  let page_token: string | null = null;
  let pages = 0;
  do {
    const page: PageOf & { readonly next_page_token: string | null } = lists.listRegions(state, {
      ...ALL,
      state: 'left',
      page_token,
    });
    t.deepEqual(page.rows, []);
    page_token = page.next_page_token;
    pages += 1;
  } while (page_token !== null);
  t.is(pages, Math.ceil((64 * 192) / AGENT_LIMITS.page_looks));
  t.is(lists.listRegions(state, { ...ALL, page_size: 1e9 }).rows.length, AGENT_LIMITS.page_rows);
});
