/** An agent that goes ahead of its VMs on the CPUs: real processes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readAutogroupNice } from '../../../agent/pressure/autogroup.ts';
import { goAhead } from '../../../agent/pressure/cpu-ahead.ts';
import { whyNoYield } from '../../../agent/pressure/cpu-yield.ts';
import { cpuShare } from './cpu-share.ts';
import { hogOf } from './hog.ts';

const SHARE_MS = 120_000;

/** A /proc of a test, with one process that leads its session or does not. */
function procOf(
  t: ExecutionContext,
  { enabled, session }: { readonly enabled: string; readonly session: number },
): string {
  const proc = mkdtempSync(join(tmpdir(), 'hp-ahead-'));
  t.teardown(() => rmSync(proc, { recursive: true, force: true }));
  mkdirSync(join(proc, 'sys/kernel'), { recursive: true });
  writeFileSync(join(proc, 'sys/kernel/sched_autogroup_enabled'), enabled);
  mkdirSync(join(proc, '7'));
  writeFileSync(join(proc, '7/stat'), `7 (node (a) b) S 1 7 ${session} 0 -1`);
  return proc;
}

const withWay = whyNoYield(null) === null ? test.serial : test.serial.skip;

withWay(
  'beside one that does not go ahead it gets nearly all of a CPU that both want',
  async (t) => {
    t.timeout(2 * SHARE_MS + 60_000);
    const [ahead, other] = [await hogOf(t), await hogOf(t)];
    const before = (await cpuShare(ahead, other, SHARE_MS)) ?? Number.NaN;
    t.is(goAhead(ahead.pid), null);
    t.is(readAutogroupNice(ahead.pid, '/proc'), -10);
    t.is(readAutogroupNice(other.pid, '/proc'), 0);
    const after = (await cpuShare(ahead, other, SHARE_MS)) ?? Number.NaN;
    t.log(`of one CPU: ${before.toFixed(2)}, ahead ${after.toFixed(2)}`);
    t.true(before < 0.7);
    t.true(after > 0.8);
  },
);

withWay('a session that others are in is left as it is', async (t) => {
  const shared = await hogOf(t, false);
  const before = readAutogroupNice(process.pid, '/proc');
  t.is(goAhead(shared.pid), 'others are in its session, and would go ahead with it');
  t.is(readAutogroupNice(process.pid, '/proc'), before);
});

test('without autogroups nothing is written', (t) => {
  const proc = procOf(t, { enabled: '0\n', session: 7 });
  t.is(goAhead(7, proc), 'the kernel has no autogroups, or they are off');
});

test('its own session is asked for what goes before others by nine to one', (t) => {
  const proc = procOf(t, { enabled: '1\n', session: 7 });
  t.is(goAhead(7, proc), null);
  t.is(readFileSync(join(proc, '7/autogroup'), 'utf8'), '-10');
  t.is(goAhead(8, proc), 'others are in its session, and would go ahead with it', 'it is gone');
});
