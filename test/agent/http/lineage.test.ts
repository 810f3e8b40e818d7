/** Who had a region, as the page shows it: by a click on the region, from the ledger alone. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { HttpSurface } from '../../../agent/http/surface.ts';
import type { Lineage } from '../../../agent/model/lineage.ts';
import { emulated } from '../../../agent/model/work.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { Browser, findBrowser, type Screen } from '../../fakes/browser.ts';
import { folderOf } from '../../ledger/made.ts';
import { serve, type Served } from '../api/serving.ts';
import { specOf, WORK } from '../core/world.ts';
import { ask } from './asking.ts';
import { ledgerIn } from '../ledger/keeping.ts';

const program = findBrowser();
const inBrowser = program === null ? test.serial.skip : test.serial;
const log = pino({ level: 'silent' });
const SOON = { clock: hostClock, deadline_ms: 60_000, longest_pause_ms: 200 };

interface Shown extends Served {
  readonly port: number;
  readonly lineage: (region_id: string) => Promise<Lineage>;
}

async function shown(t: ExecutionContext, has_ledger: boolean): Promise<Shown> {
  const ledger = has_ledger ? ledgerIn(folderOf(t)) : undefined;
  const served = await serve(t, 4 * GIB, ledger ? { ledger } : {});
  const surface = await HttpSurface.listen({ host: '127.0.0.1', port: 0 }, log);
  t.teardown(async () => {
    await surface.close();
    ledger?.close('stopped');
  });
  surface.attach(served.agent);
  surface.serving();
  const port = surface.server.port ?? 0;
  const lineage = async (region_id: string): Promise<Lineage> => {
    const where = { host: '127.0.0.1', port, method: 'GET' };
    const { status, body } = await ask({ ...where, path: `/ledger/lineage/${region_id}` });
    t.is(status, 200);
    return JSON.parse(body);
  };
  return { ...served, port, lineage };
}

/** A, A again and, after an unplug, B, who holds it still; by two callers. */
async function reused(t: ExecutionContext, { client, agent, lineage }: Shown): Promise<void> {
  const shape = { concurrency: 1, limit_bytes: 128 * MIB, keep_alive_ms: 600_000 };
  await client.deploy(specOf('resize-image', shape));
  const call = (id: string, wall_ms = 0, peer = 'carol') =>
    agent.invoke('resize-image', id, { ...emulated({ ...WORK, wall_ms }), peer });
  await call('A1');
  await call('A2', 30, '<b>mallory</b>');
  await client.drain('resize-image');
  await call('B');
  // Calls in memory that is there are written a little later.
  const is_there = async (): Promise<true | null> =>
    (await lineage('vm1/r0')).tenures[1]?.runs[0]?.outcome === 'done' ? true : null;
  t.true(await waitFor(is_there, SOON));
}

test('a region is told with its holders, their calls, and what the next one found', async (t) => {
  const host = await shown(t, true);
  await reused(t, host);
  const told = await host.lineage('vm1/r0');
  t.like(told, { region_id: 'vm1/r0', is_kept: true, tenures_count: 2 });
  const [a, b] = told.tenures;
  if (!a) throw new Error('nobody had it');
  t.like(a, { handover: 'clean', left_vmm_bytes: 0, left_host_bytes: 0, runs_count: 2 });
  t.deepEqual(
    a.runs.map(({ invocation_id, peer, reuse_seq }) => [invocation_id, peer, reuse_seq]),
    [
      ['A1', 'carol', null],
      ['A2', '<b>mallory</b>', a.runs[0]?.seq ?? null],
    ],
  );
  t.true((a.emptied_ms ?? Infinity) <= (b?.from_ms ?? 0));
  t.like(b, { handover: 'held', gone_ms: null, runs_count: 1 });
  t.like(await host.lineage('vm7/r9'), { is_kept: true, tenures: [], tenures_count: 0 });
});

test('an agent without a ledger says so', async (t) => {
  const host = await shown(t, false);
  t.like(await host.lineage('vm1/r0'), { is_kept: false, tenures: [], since_ms: null });
});

const isTooWide = 'document.documentElement.scrollWidth > window.innerWidth';
const text = (selector: string) => `document.querySelector('${selector}')?.textContent ?? ''`;
const click = (selector: string) =>
  `document.querySelector('${selector}').dispatchEvent(new MouseEvent('click', { bubbles: true }))`;

inBrowser('a click on a region shows who had it, and one on a holder what he did', async (t) => {
  t.timeout(300_000);
  const host = await shown(t, true);
  await reused(t, host);
  const screens: readonly Screen[] = [
    { width: 1_280, height: 900, scheme: 'light' },
    { width: 1_280, height: 900, scheme: 'dark' },
    { width: 420, height: 800, scheme: 'light' },
  ];
  const browser = await Browser.start(program ?? '');
  t.teardown(() => browser.close());
  await browser.open(`http://127.0.0.1:${host.port}/`, screens[0] ?? t.fail('no screen'));
  const until = async (expression: string): Promise<void> => {
    const look = async (): Promise<true | null> =>
      (await browser.evaluate(expression)) === true ? true : null;
    t.true(await waitFor(look, SOON), expression);
  };
  await until(`document.querySelector('[data-region="vm1/r0"]') !== null`);
  t.regex(String(await browser.evaluate(text('#lineage'))), /Choose a region/);
  await browser.evaluate(click('[data-region="vm1/r0"]'));
  await until(`document.querySelectorAll('#lineage .tenure').length === 2`);
  // The newest one is chosen: B.
  t.regex(String(await browser.evaluate(text('#lineage table'))), /B #[\d.]+carolfresh.*done/);
  await browser.evaluate(click('#lineage .tenure:nth-of-type(2)'));
  t.regex(String(await browser.evaluate(text('#lineage .holder'))), /clean.*VMM 0 B/);
  const [a] = (await host.lineage('vm1/r0')).tenures;
  const table = String(await browser.evaluate(text('#lineage table')));
  t.true(table.includes(`<b>mallory</b>left by #${a?.runs[0]?.seq}`), table);
  t.is(await browser.evaluate(`document.querySelectorAll('#lineage td b').length`), 0);
  // What is chosen stays so when the page looks again.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  t.is(await browser.evaluate(`document.querySelectorAll('#lineage [data-run]').length`), 2);
  for (const screen of screens) {
    await browser.look(screen);
    t.false(await browser.evaluate(isTooWide), `${screen.width} pixels`);
  }
  t.deepEqual(browser.errors, [], 'its policy forbids nothing that it does');
});
