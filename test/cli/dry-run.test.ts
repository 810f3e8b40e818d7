/** `hotplane invoke --dry-run`: bytes and cost of a call that is not made, and the same later. */
import test from 'ava';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HISTORY_POLICY } from '../../autoscaler/policy/history.ts';
import { GIB, MIB } from '../../base/units.ts';
import { serve } from '../agent/api/serving.ts';
import { sizedBy } from '../agent/core/sized.ts';
import { specOf } from '../agent/core/world.ts';
import { runLine } from './run-line.ts';

const TOUCHED = {
  parameters: { touched: { pointer: '/anonymous_bytes', unit: 'B', min: 0, max: 256 * MIB } },
  peak: 'touched',
  freed: 'touched',
  base: '2MiB',
};

async function served(t: Parameters<typeof serve>[0]) {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-prices-'));
  t.teardown(async () => await rm(folder, { recursive: true }));
  const prices = join(folder, 'prices.json');
  const rates = { currency: 'EUR', guaranteed: 0.5, above_baseline: 1, pool: 0, boot: 0.1 };
  await writeFile(prices, JSON.stringify(rates));
  const host = await serve(t, 4 * GIB, { policy: HISTORY_POLICY });
  const part = { mechanism: 'hotmem', limit_bytes: GIB, concurrency: 1, keep_alive_ms: 600_000 };
  await host.client.deploy(specOf('f', { ...part, memory: sizedBy(TOUCHED) }));
  return { ...host, prices };
}

test('a dry run tells bytes, why, and cost, and starts nothing', async (t) => {
  const { client, socket_path, prices } = await served(t);
  const line = `invoke f --touch 62MiB --dry-run --prices ${prices} --socket ${socket_path}`;
  const { code, out, err } = await runLine(line);
  t.is(code, 0, err);
  t.regex(out, /^f {2}a start for this call is plugged to 64 MiB of at most 1 GiB$/m);
  t.regex(out, /because {5}its expression says 64 MiB for a cold call with touched = 65011712/);
  t.regex(out, /cold {8}64 MiB, of which 2 MiB stay after it/);
  t.regex(out, /worst case {2}258 MiB/);
  t.regex(out, /cost {8}0.03125 EUR a second, at most 3.75 EUR for the .* it may take/);
  const [status] = (await client.status('f')).functions;
  t.is(status?.instances_started, 0);
  const told = JSON.parse((await runLine(`${line} --json`)).out) as unknown;
  t.like(told, { start_bytes: 64 * MIB, cost: { currency: 'EUR', per_second: 0.03125 } });
});

test('what was told before is what the call then has, and status holds it against its peak', async (t) => {
  const { socket_path } = await served(t);
  const run = await runLine(`invoke f --touch 62MiB --socket ${socket_path} --json`);
  t.like(JSON.parse(run.out) as unknown, { expected_bytes: 64 * MIB, peak_bytes: 62 * MIB });
  const status = await runLine(`status f --socket ${socket_path}`);
  t.regex(
    status.out,
    /expression {2}1 answers, 0 without; 1 measured, 0 wrong \(0 too low\); median error 3.2 %, worst 3.2 % at touched = 65011712/,
  );
});

test('a payload beyond the range is sized without, and the dry run says why', async (t) => {
  const { socket_path } = await served(t);
  const { out } = await runLine(`invoke f --touch 300MiB --dry-run --socket ${socket_path}`);
  t.regex(out, /is plugged to 256 MiB/);
  t.regex(out, /expression {2}no answer: 'touched': it is 314572800, and declared from 0 to/);
});

test('points of a fit come from the calls that the agent has measured', async (t) => {
  const { client, socket_path } = await served(t);
  for (const mib of [1, 20, 50, 90, 130]) {
    await runLine(`invoke f --touch ${mib}MiB --socket ${socket_path}`);
    await client.drain('f');
  }
  const { code, out, err } = await runLine(`mux fit f --socket ${socket_path}`);
  t.is(code, 0, err);
  t.regex(out, /^f: fitted, from 5 points$/m);
  t.regex(out, /^peak {7}1 \* touched$/m);
});

test('prices are of a dry run alone, and a function that is not there is told', async (t) => {
  const { socket_path, prices } = await served(t);
  const without = await runLine(`invoke f --prices ${prices} --socket ${socket_path}`);
  t.is(without.code, 2);
  t.regex(without.err, /--prices is of --dry-run/);
  const nobody = await runLine(`invoke g --dry-run --touch 1MiB --socket ${socket_path}`);
  t.is(nobody.code, 1);
  t.regex(nobody.err, /HP_AGENT_NO_FUNCTION/);
});
