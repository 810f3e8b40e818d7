/** The calls of a ledger under other policies: the one that ran comes out near what was metered. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import { isObject, parseJson } from '../../../base/json.ts';
import { seededRandom } from '../../../base/random.ts';
import { MIB } from '../../../base/units.ts';
import type { PolicyCost } from '../../../ledger/policy-costs.ts';
import { runLine } from '../../cli/run-line.ts';
import { folderOf } from '../../ledger/made.ts';
import { SEED } from '../../seed.ts';
import { specOf, WORK } from '../core/world.ts';
import { keepingHost } from './keeping.ts';

const KEEP_ALIVE_S = 4;
/** Of the metered GiB s, how far off the simulation of the very same policy may be. */
const NEAR = 0.03;
const CALLS = 150;
const PRICES = { currency: 'EUR', guaranteed: 2, above_baseline: 3, pool: 1, boot: 0.5 };

function costsOf(text: string): PolicyCost[] {
  const told = parseJson(text);
  if (!isTold(told)) throw new Error(text.slice(0, 200));
  return told.policies.costs;
}

const isTold = (value: unknown): value is { policies: { costs: PolicyCost[] } } =>
  isObject(value) && isObject(value['policies']) && Array.isArray(value['policies']['costs']);

test('the policy that ran is simulated as it was metered, and others beside it', async (t) => {
  t.timeout(300_000);
  t.log(`seed ${SEED}`);
  const { agent, clock, ledger, folder } = keepingHost(t);
  const random = seededRandom(SEED);
  const keep_alive_ms = KEEP_ALIVE_S * 1_000;
  for (const [name, limit_bytes] of [
    ['a', 128 * MIB],
    ['b', 256 * MIB],
  ] as const) {
    const size = { concurrency: 8, limit_bytes, boot_bytes: 128 * MIB };
    await clock.until(agent.deploy(specOf(name, { ...size, keep_alive_ms })));
  }
  for (let call = 0; call < CALLS; call += 1) {
    const wall_ms = Math.floor(2_000 * random());
    const name = random() < 0.5 ? 'a' : 'b';
    void agent.invoke(name, `c${call}`, emulated({ ...WORK, wall_ms })).catch(() => undefined);
    await clock.advance(Math.floor(3_000 * random() * random()));
  }
  await clock.advance(10_000);
  await clock.until(agent.stop(0));
  ledger.close('stopped');

  const prices = join(folderOf(t), 'prices.json');
  writeFileSync(prices, JSON.stringify(PRICES));
  const own = `fixed-keep-alive:${KEEP_ALIVE_S}`;
  const asked = `grow-only,${own},fixed-keep-alive:0,hybrid-histogram`;
  const line = `ledger meter --ledger ${folder} --what-if ${asked} --prices ${prices}`;
  const { code, out } = await runLine(`${line} --json`);
  t.is(code, 0);
  const costs = costsOf(out);
  for (const name of ['a', 'b']) {
    const of = (policy: string): PolicyCost => {
      const found = costs.find((one) => one.function === name && one.policy === policy);
      if (!found) throw new Error(`${policy} of ${name} is not told`);
      return found;
    };
    const [measured, same] = [of('measured'), of(own)];
    const off = Math.abs(same.gib_s / measured.gib_s - 1);
    t.log(`${name}: ${same.gib_s} GiB s simulated, ${measured.gib_s} metered: ${100 * off} % off`);
    t.true(off < NEAR, `${name}: ${off}`);
    t.is(same.starts, measured.starts);
    const [oracle, none, kept] = [of('oracle'), of('fixed-keep-alive:0'), of('grow-only')];
    t.true(oracle.gib_s < none.gib_s && none.gib_s < same.gib_s && same.gib_s < kept.gib_s);
    t.true(same.gib_s < of('static').gib_s);
    t.true((oracle.cost ?? 0) < (same.cost ?? 0) && (same.cost ?? 0) < (kept.cost ?? 0));
  }
  const text = (await runLine(line)).out;
  t.regex(text, /h1 a +fixed-keep-alive:4 +[\d.]+ +\d+\.\d % +\d+ +\d+ +[\d.]+\n/);

  // The calls alone are a trace as any other.
  const trace = join(folderOf(t), 'calls.csv');
  const exported = await runLine(`ledger export --trace --ledger ${folder}`);
  t.is(exported.out.split('\n').length, CALLS + 2);
  writeFileSync(trace, exported.out);
  const simulated = await runLine(`simulate --trace ${trace} --keep-alive ${KEEP_ALIVE_S} --json`);
  t.is(simulated.code, 0, simulated.err);
  t.regex(simulated.out, new RegExp(`"invocations": ${CALLS},`));
});

test('what cannot be played is refused, with what can', async (t) => {
  for (const [asked, wanted] of [
    ['greedy-dual', /grow-only, fixed-keep-alive/],
    ['fixed-keep-alive', /:SECONDS/],
    ['hybrid-histogram:4', /:SECONDS/],
    ['grow-only --format csv', /--format table/],
  ] as const) {
    const { code, err } = await runLine(`ledger meter --ledger /none --what-if ${asked}`);
    t.is(code, 2);
    t.regex(err, wanted);
  }
  const both = await runLine('ledger export --ledger /none --trace --prov-json');
  t.regex(both.err, /name one format/);
});
