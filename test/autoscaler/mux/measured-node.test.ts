/**
 * Summaries of Node against Node itself: what a handler returns, as the extractor says it, and as
 * the heap and what lies outside of it grow by it. Skipped, with why, under another Node than 24.
 */
import test from 'ava';
import { execa } from 'execa';
import { join } from 'node:path';
import { z } from 'zod';
import { intervalOf } from '../../../agent/expression/bounds.ts';
import { subtract } from '../../../agent/expression/polynomial.ts';
import { numberOfRational, rational } from '../../../agent/expression/rational.ts';
import { extractSource } from '../../../autoscaler/mux/source.ts';
import { NODE_SUMMARIES } from '../../../autoscaler/mux/summaries-node.ts';
import type { CallResult } from '../../../autoscaler/mux/summaries.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { median } from '../../../base/statistics.ts';

const N = 100_000;
const PAYLOAD = { n: N, text: 'x'.repeat(N) };
/** What a call leaves beside its result: code, feedback, and what of the collector is not exact. */
const LEFT_BYTES = 8 * 1024;

interface Case {
  /** The summaries, or what of the cost model, that it is about. */
  readonly names: readonly string[];
  readonly lines: readonly string[];
  /** Share of the measured by which more may be said. */
  readonly above: number;
}

const gives = (names: string, value: string, above = 0.005): Case => ({
  names: names.split(' '),
  lines: [`const x = ${value};`, 'return x;'],
  above,
});
/** A text is put together when it is read first. */
const reads = (names: string, value: string): Case => ({
  names: names.split(' '),
  lines: [`const x = ${value};`, 'x.charCodeAt(7);', 'return x;'],
  above: 0.005,
});
const grows = (what: string, start: string, each: string, above: number): Case => ({
  names: [what],
  lines: [`let x = ${start};`, `for (let i = 0; i < n; i += 1) ${each};`, 'return x;'],
  above,
});

const CASES: readonly Case[] = [
  gives('Buffer.alloc', 'Buffer.alloc(n)'),
  gives('Buffer.allocUnsafe', 'Buffer.allocUnsafe(n)'),
  gives('Buffer.from', 'Buffer.from(text)'),
  gives('Float64Array', 'new Float64Array(n)'),
  gives('Float32Array', 'new Float32Array(n)'),
  gives('Int32Array', 'new Int32Array(n)'),
  gives('Uint32Array', 'new Uint32Array(n)'),
  gives('Uint8Array', 'new Uint8Array(n)'),
  gives('Array', 'new Array(n)', 0.01),
  gives('a list that is filled', 'new Array(n).fill(1)', 0.01),
  gives('numpy.ndarray.fill', 'new Float64Array(n).fill(1)'),
  gives('bytes.fill bytes.subarray', 'Buffer.alloc(n).fill(1).subarray(8)'),
  gives('Array.from', 'Array.from({ length: n }, (_, i) => i)', 0.01),
  gives('Array.from', 'Array.from({ length: n }, (_, i) => i / 7)', 0.01),
  gives('Array.from', 'Array.from({ length: n }, (_, i) => [i, i])', 0.35),
  gives('Array.from', 'Array.from(new Array(n).fill(7))', 0.6),
  gives('Uint8Array.from', 'Uint8Array.from({ length: n }, () => 7)'),
  gives('Uint8Array.from', 'Uint8Array.from(new Array(n).fill(7))'),
  gives('Int32Array.from', 'Int32Array.from({ length: n }, () => 7)'),
  gives('Float64Array.from', 'Float64Array.from({ length: n }, () => 7)'),
  gives('Float32Array.from', 'Float32Array.from({ length: n }, () => 7)'),
  gives('a typed array that is filtered', 'new Uint8Array(n).filter((one) => one === 0)'),
  gives('a typed array that is mapped', 'new Uint8Array(n).map((one) => one + 1)'),
  gives('list.slice', 'new Array(n).fill(1).slice()', 0.01),
  gives('list.push', 'many(n)', 0.5),
  gives(
    'nested functions',
    'Array.from({ length: 300 }, () => Array.from({ length: 300 }, () => 7))',
    0.05,
  ),
  gives(
    'zlib.inflateSync zlib.gunzipSync',
    'zlib.inflateSync(zlib.deflateSync(Buffer.alloc(n)))',
    0.3,
  ),
  reads('a text that is put together', '`${text}and more${7}`'),
  reads('str.replaceAll', "text.replaceAll('x', 'yyyy')"),
  reads('str.replace', "text.replace(/x/g, 'yyyy')"),
  reads('str.repeat', "'ab'.repeat(n)"),
  reads('str.toUpperCase str.toLowerCase', 'text.toUpperCase()'),
  gives('bytes.toString', "Buffer.from(text).toString('hex')"),
  gives('JSON.stringify', 'JSON.stringify({ text })'),
  gives('list.join', "new Array(n).fill('ab').join('')"),
  gives('str.split', "'abc,'.repeat(n).split(',')", 0.7),
  grows('a text that grows', "''", "x += 'x'", 0.05),
  grows('a list that grows', '[]', 'x.push(i)', 0.5),
  grows('a list of fractions', '[]', 'x.push(i / 3)', 0.5),
  grows('a list of objects', '[]', 'x.push({ a: i, b: i })', 0.8),
  grows('an object under keys of the run', '{}', "x['k' + i] = i", 0.4),
  grows('Map', 'new Map()', 'x.set(i, i)', 2),
  grows('Set', 'new Set()', 'x.add(i)', 0.7),
];

/** Sizes that nothing here measures: why not. */
const UNMEASURED: Readonly<Record<string, string>> = {
  'crypto.randomBytes': 'as Buffer.alloc',
  'Uint32Array.from': 'as Int32Array.from',
  'zlib.inflateRawSync': 'as zlib.inflateSync',
  'hash.digest': 'a constant',
  'number.toFixed': 'a constant',
  'number.toString': 'a constant',
  'number.toPrecision': 'a constant',
  String: 'a number or a text that is there',
  Object: 'as a dictionary',
  WeakMap: 'as Map',
  WeakSet: 'as Set',
};
const BOUNDED = /^(path|str\.(substr|substring|slice|trim|replace)$)/;
const SIZED: ReadonlySet<CallResult['kind']> = new Set([
  'text',
  'bytes',
  'array',
  'list',
  'record',
  'parts',
]);

test('every exact size of Node is measured, or says why not', (t) => {
  const measured = new Set(CASES.flatMap(({ names }) => names));
  const left = NODE_SUMMARIES.filter(
    ({ result, certainty }) => SIZED.has(result.kind) && ['exact', 'summary'].includes(certainty),
  )
    .flatMap(({ names }) => names)
    .filter((name) => !measured.has(name) && !(name in UNMEASURED) && !BOUNDED.test(name));
  t.deepEqual(left, []);
});

const MANY =
  'function many(n) { const a = []; for (let i = 0; i < n; i += 1) a.push(i, i); return a; }';
const sourceOf = ({ lines }: Case): string =>
  [MANY, 'function handler({ n, text }) {', ...lines.map((line) => `  ${line}`), '}', ''].join(
    '\n',
  );

/** What is alive when the call is over: its result. */
function saidOf(source: string): number {
  const { cold } = extractSource('f.js', source, { model: null, entry: null });
  const kept = subtract(cold.consumed, cold.freed);
  const exactly = { low: rational(BigInt(N)), high: rational(BigInt(N)) };
  const ranges = new Map(['n', 'text_length'].map((name) => [name, exactly]));
  return numberOfRational(intervalOf(kept, ranges).high);
}

const answerSchema = z.object({ node: z.string(), kept: z.array(z.array(z.number())) });

test('what is said of what a call of Node returns is what that takes', async (t) => {
  const script = join(PROJECT_ROOT, 'test/autoscaler/mux/measured.mjs');
  const sources = CASES.map(sourceOf);
  const input = JSON.stringify(sources.map((source) => ({ source, payload: PAYLOAD })));
  const { stdout } = await execa(process.execPath, [script], { input, timeout: 240_000 });
  const { node, kept } = answerSchema.parse(JSON.parse(stdout));
  if (!node.startsWith('24.')) {
    t.log(`skipped: this is Node ${node}; 24 is wanted`);
    t.pass();
    return;
  }
  for (const [at, { names, above }] of CASES.entries()) {
    const rounds = kept[at] ?? [];
    const measured = median(rounds) ?? Number.NaN;
    const said = saidOf(sources[at] ?? '');
    const figures = `${names.join(', ')}: ${said} said, ${measured} measured (${rounds.join(', ')})`;
    t.true(said + LEFT_BYTES >= measured * 0.995, figures);
    t.true(said <= measured * (1 + above) + LEFT_BYTES, figures);
  }
});
