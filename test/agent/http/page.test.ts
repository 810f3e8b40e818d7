/** The page in a real browser: it shows what the API says, on any screen, from this agent alone. */
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';
import { GIB } from '../../../base/units.ts';
import { Browser, findBrowser, type Screen } from '../../fakes/browser.ts';
import { elasticAgent } from './elastic-agent.ts';
import { agentWithPage, type BusyAgent, makeBusy } from './busy-agent.ts';

const program = findBrowser();
const inBrowser = program === null ? test.serial.skip : test.serial;

/** By their keys; a text that is no number is what it is. */
async function figuresOf(browser: Browser): Promise<ReadonlyMap<string, string>> {
  const found = await browser.evaluate(
    `[...document.querySelectorAll('[data-key]')].map((one) => [one.dataset.key, one.dataset.value])`,
  );
  return new Map(z.array(z.tuple([z.string(), z.string()])).parse(found));
}

/** What the API says of the same, under the same keys. */
async function toldBy({ client }: BusyAgent): Promise<ReadonlyMap<string, string>> {
  const status = await client.status();
  const sum = (part: (fn: (typeof status.functions)[number]) => number | null): number =>
    status.functions.reduce((total, fn) => total + (part(fn) ?? Number.NaN), 0);
  const figures: Record<string, number> = {
    host_limit_bytes: status.host_limit_bytes,
    granted_bytes: status.granted_bytes,
    free_bytes: status.free_bytes,
    permits_bytes: status.permits_bytes,
    resident_bytes: sum((fn) => fn.vm_resident_bytes),
    vms: sum((fn) => fn.vms.length),
    instances: sum((fn) => fn.instances_idle + fn.instances_busy + fn.instances_starting),
    instances_busy: sum((fn) => fn.instances_busy),
    queued: sum((fn) => fn.invocations_queued),
    operations: 0,
  };
  for (const fn of status.functions) {
    figures[`queued:${fn.function.name}`] = fn.invocations_queued;
    figures[`permits_bytes:${fn.function.name}`] = fn.permits_bytes;
  }
  return new Map(Object.entries(figures).map(([key, value]) => [key, String(value)]));
}

/** Waits until every figure on the page is the API's; tells those that are not, at the deadline. */
async function untilEqual(t: ExecutionContext, browser: Browser, agent: BusyAgent) {
  let wrong: string[] = [];
  const equal = await waitFor(
    async () => {
      const [shown, told] = await Promise.all([figuresOf(browser), toldBy(agent)]);
      wrong = [...shown].flatMap(([key, value]) =>
        told.get(key) === value ? [] : [`${key}: ${value} shown, ${told.get(key)} told`],
      );
      return shown.size > 10 && wrong.length === 0 ? shown : null;
    },
    { clock: hostClock, deadline_ms: 60_000, longest_pause_ms: 500 },
  );
  t.truthy(equal, wrong.join('; '));
  return equal;
}

/** Whether the page is wider than its screen, which people would have to scroll. */
const isTooWide = 'document.documentElement.scrollWidth > window.innerWidth';
/** Names of VMs that have no room, and would be over those beside them. */
const cut =
  "[...document.querySelectorAll('figcaption')].filter((one) => one.scrollWidth > one.clientWidth)" +
  '.map((one) => one.textContent)';
const count = (selector: string) => `document.querySelectorAll('${selector}').length`;

for (const vms of [8, 256]) {
  const screens: readonly Screen[] = [
    { width: 1_280, height: 900, scheme: 'light' },
    { width: 1_280, height: 900, scheme: 'dark' },
    { width: 420, height: 800, scheme: 'light' },
  ];
  inBrowser(`the page of ${vms} VMs shows what the API says, on every screen`, async (t) => {
    t.timeout(300_000);
    const agent = await agentWithPage(t, vms * GIB);
    const browser = await Browser.start(program ?? '');
    t.teardown(() => browser.close());
    const [first] = screens;
    await browser.open(`http://127.0.0.1:${agent.port}/`, first ?? t.fail('no screen'));
    await makeBusy(agent, vms);
    await untilEqual(t, browser, agent);
    t.is(await browser.evaluate(count('[data-vm]')), vms);
    t.is(await browser.evaluate(count('[data-vm] g')), vms * 8, 'a cell for each region');
    t.is(await browser.evaluate(count('#memory svg')), 3);
    t.true(Number(await browser.evaluate(count('#timeline path.dot'))) > 0);
    const troubles = "document.getElementById('troubles').textContent";
    const isTold = async (): Promise<true | null> =>
      String(await browser.evaluate(troubles)).includes('HP_TEST_FAULT') ? true : null;
    const options = { clock: hostClock, deadline_ms: 30_000, longest_pause_ms: 500 };
    t.true(await waitFor(isTold, options), 'what was refused');
    const papers = new Set<unknown>();
    for (const screen of screens) {
      await browser.look(screen);
      const paper = 'getComputedStyle(document.body).backgroundColor';
      papers.add(await browser.evaluate(paper));
      t.false(await browser.evaluate(isTooWide), `${screen.width} pixels`);
      t.deepEqual(await browser.evaluate(cut), [], `${screen.width} pixels`);
    }
    const names = await browser.evaluate(
      "[...document.querySelectorAll('[data-vm]')].slice(0, 3).map((vm) => vm.dataset.vm)",
    );
    t.deepEqual(names, ['vm1', 'vm2', 'vm3'], 'as people count');
    t.deepEqual([...papers], ['rgb(255, 255, 255)', 'rgb(17, 22, 30)']);
    t.deepEqual(browser.errors, [], 'its policy forbids nothing that it does');
    const own = new RegExp(`^(http|ws)://127\\.0\\.0\\.1:${agent.port}/|^data:|^about:blank$`);
    t.deepEqual(
      browser.requested.filter((url) => !own.test(url)),
      [],
      'it asks nobody else',
    );
  });
}

inBrowser(
  'elastic memory and named spans are shown as the API says, on every screen',
  async (t) => {
    const agent = await elasticAgent(t, 3);
    const browser = await Browser.start(program ?? '');
    t.teardown(() => browser.close());
    const [wide, narrow] = [1_280, 420].map(
      (width) => ({ width, height: 800, scheme: 'dark' }) as const,
    );
    await browser.open(`http://127.0.0.1:${agent.port}/`, wide ?? t.fail('no screen'));
    const isTold = async (): Promise<true | null> => {
      const [shown, { functions }] = await Promise.all([figuresOf(browser), agent.client.status()]);
      const told = functions.map(({ function: { name }, memory, spans }) => [
        shown.get(`baseline_bytes:${name}`) === memory?.baseline_bytes.toString(),
        shown.get(`elastic_bytes:${name}`) === memory?.plugged_bytes.toString(),
        shown.get(`elastic_max_bytes:${name}`) === memory?.max_bytes.toString(),
        shown.get(`waits:${name}`) === memory?.waits.toString(),
        shown.get(`spans_open:${name}`) === spans?.open.toString(),
        shown.get(`spans_open_bytes:${name}`) === spans?.open_bytes.toString(),
        shown.get(`spans_plugged_bytes:${name}`) === spans?.plugged_bytes.toString(),
      ]);
      return told.flat().every(Boolean) ? true : null;
    };
    const options = { clock: hostClock, deadline_ms: 30_000, longest_pause_ms: 500 };
    t.true(await waitFor(isTold, options));
    t.is(await browser.evaluate(count('#elastic tbody tr')), 6, 'not of the one of one size');
    await browser.look(narrow ?? t.fail('no screen'));
    t.false(await browser.evaluate(isTooWide));
    t.deepEqual(browser.errors, []);
  },
);

inBrowser('names are shown as what they are, never as markup', async (t) => {
  const agent = await agentWithPage(t);
  const browser = await Browser.start(program ?? '');
  t.teardown(() => browser.close());
  const screen: Screen = { width: 800, height: 600, scheme: 'light' };
  await browser.open(`http://127.0.0.1:${agent.port}/`, screen);
  const message = '<img src=x onerror=alert(1)> & "quoted"';
  const read = "document.getElementById('troubles')?.textContent ?? ''";
  const publish = async (): Promise<true | null> => {
    const report = { level: 'error', code: 'HP_TEST', function: 'f', vm_id: 'vm1' } as const;
    agent.agent.hub.publish('report', { at_ms: hostClock.nowMs(), ...report, message });
    return String(await browser.evaluate(read)).includes(message) ? true : null;
  };
  const options = { clock: hostClock, deadline_ms: 30_000, longest_pause_ms: 500 };
  t.true(await waitFor(publish, options));
  t.is(await browser.evaluate(count('#troubles img')), 0);
});
