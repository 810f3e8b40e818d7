/** Library calls of Node 24, as data. */
import type { CallSummary } from './summaries.ts';

const LAYOUT = 'V8 13.6 of Node 24, as test/autoscaler/mux/measured-node.test.ts counts';
const BY_NATURE = 'what it gives is a scalar or nothing';
const SMALL = { kind: 'object', type: 'small', bytes: '256' } as const;

const named = (prefix: string, words: string): string[] =>
  words.split(' ').map((word) => `${prefix}${word}`);

export const NODE_SUMMARIES: readonly CallSummary[] = [
  {
    names: named('', 'setTimeout setImmediate queueMicrotask'),
    result: { kind: 'none' },
    calls_back: 'nothing',
    certainty: 'exact',
    source: 'what it is given is followed as if it ran at once',
  },
  {
    names: [
      ...named('console.', 'log error warn info debug'),
      ...named('fs.', 'mkdirSync unlinkSync rmSync writeFileSync'),
      'clearTimeout',
    ],
    result: { kind: 'none' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: [
      ...named('Math.', 'random sin cos sqrt exp log pow abs PI max min'),
      ...named('performance.', 'now'),
      ...named('Date.', 'now'),
      ...named('', 'Number parseFloat'),
    ],
    result: { kind: 'float' },
    takes_spread: true,
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['Array.from'],
    result: { kind: 'built', of: 'list' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['Uint8Array.from'],
    result: { kind: 'built', of: 'uint8' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['Int32Array.from', 'Uint32Array.from'],
    result: { kind: 'built', of: 'int32' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['Float32Array.from'],
    result: { kind: 'built', of: 'float32' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['Float64Array.from'],
    result: { kind: 'built', of: 'float64' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['list.entries', 'numpy.ndarray.entries'],
    result: { kind: 'through', of: 'numbered' },
    certainty: 'exact',
    source: 'goes through what is there and holds one item',
  },
  {
    names: ['list.values', 'numpy.ndarray.values'],
    result: { kind: 'through', of: 'items' },
    certainty: 'exact',
    source: 'goes through what is there and holds one item',
  },
  {
    names: ['list.slice'],
    result: { kind: 'list', length: 'len', each: 'own' },
    certainty: 'exact',
    source: 'at most as long as the list',
  },
  {
    names: ['crypto.createHash'],
    result: { kind: 'object', type: 'hash', bytes: '2048' },
    certainty: 'exact',
    source: 'the state of the hash, taken as 2 KiB: data is taken in as it comes',
  },
  { names: ['hash.update'], result: { kind: 'self' }, certainty: 'exact', source: BY_NATURE },
  {
    names: ['hash.digest'],
    result: { kind: 'text', length: '256' },
    certainty: 'exact',
    source: 'two digits for each of 64 bytes at the most, or those bytes',
  },
  {
    names: named('zlib.', 'deflateSync gzipSync deflateRawSync'),
    result: {
      kind: 'object',
      type: 'deflated',
      bytes: '200 + len0 + len0 / 1000 + 16KiB',
      count: 'len0',
    },
    transient: 'len0 + len0 / 1000 + 336KiB',
    certainty: 'summary',
    source: 'no shorter than what it packs, at the worst; its blocks and window (lib/zlib.js)',
  },
  {
    names: named('zlib.', 'inflateSync gunzipSync inflateRawSync'),
    result: { kind: 'bytes', length: 'inflated0 + 16KiB' },
    transient: 'inflated0 + 64KiB',
    certainty: 'exact',
    source: 'as long as what was packed, in blocks of 16 KiB; its window (lib/zlib.js)',
  },
  {
    names: ['number.toFixed', 'number.toString', 'number.toPrecision'],
    result: { kind: 'text', length: '128' },
    certainty: 'exact',
    source: '124 characters at the most (ECMA-262, 21.1.3)',
  },
  {
    names: [
      ...named('Math.', 'round'),
      ...named('str.', 'charCodeAt codePointAt indexOf lastIndexOf startsWith endsWith includes'),
      ...named('list.', 'indexOf lastIndexOf includes'),
    ],
    result: { kind: 'int' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['Math.floor', 'Math.trunc'],
    result: { kind: 'int', amount: 'floor(a0)' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['Math.ceil'],
    result: { kind: 'int', amount: 'ceil(a0)' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['parseInt'],
    result: { kind: 'int', amount: 'a0' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['Array'],
    result: { kind: 'list', length: 'a0' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: named('Buffer.', 'alloc allocUnsafe'),
    result: { kind: 'bytes', length: 'a0' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['Buffer.from'],
    result: { kind: 'bytes', length: 'len0' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: named('', 'Map WeakMap Object'),
    result: { kind: 'record' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: named('', 'Set WeakSet'),
    result: { kind: 'list', of: 'set', length: 'len0' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['list.sort'],
    result: { kind: 'self' },
    transient: '8 * len',
    calls_back: 'pairs',
    certainty: 'exact',
    source:
      'in its place, through a copy of its references (third_party/v8/builtins/array-sort.tq)',
  },
  {
    names: [
      ...named('list.', 'reverse'),
      ...named('numpy.ndarray.', 'fill sort reverse set subarray'),
      ...named('bytes.', 'fill subarray'),
    ],
    result: { kind: 'self' },
    certainty: 'exact',
    source: 'the same memory: changed in its place, or seen in part',
  },
  {
    names: ['bytes.toString'],
    result: { kind: 'text', length: '2 * len' },
    certainty: 'exact',
    source: 'two digits a byte in hexadecimal; no other encoding is longer',
  },
  {
    names: ['str.split'],
    result: { kind: 'parts', bytes: '12 * len' },
    certainty: 'exact',
    source: '8 bytes a part; those of 3 and more characters are texts of 24 bytes and their own',
  },
  {
    names: ['list.join'],
    result: { kind: 'text', length: 'elements0' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['crypto.randomBytes'],
    result: { kind: 'bytes', length: 'a0' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['Float64Array'],
    result: { kind: 'array', shape: 'first' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['Float32Array'],
    result: { kind: 'array', shape: 'first', item: 'float32' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['Int32Array', 'Uint32Array'],
    result: { kind: 'array', shape: 'first', item: 'int32' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['Uint8Array'],
    result: { kind: 'array', shape: 'first', item: 'uint8' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['String', ...named('path.', 'join resolve basename dirname extname')],
    result: { kind: 'text', length: 'all' },
    certainty: 'exact',
    source: 'as long as its parts',
  },
  {
    names: named('str.', 'substr substring slice toLowerCase toUpperCase trim'),
    result: { kind: 'text', length: 'len' },
    certainty: 'exact',
    source: 'at most as long as the text; a slice may keep all of it alive',
  },
  {
    names: ['str.replace', 'str.replaceAll'],
    result: { kind: 'text', length: 'replaced' },
    certainty: 'exact',
    source: 'as often as what is replaced fits into the text, at the most',
  },
  {
    names: ['str.repeat'],
    result: { kind: 'text', length: 'len * a0' },
    certainty: 'exact',
    source: 'flat, as it is once it was read',
  },
  {
    names: ['Date', 'Date.*', 'small.*', 'uuid.*', 'process.*', 'fs.statSync'],
    result: SMALL,
    certainty: 'exact',
    source: 'bounded by a constant, taken as 256 bytes',
  },
  {
    names: ['JSON.stringify'],
    result: { kind: 'text', length: 'text0' },
    certainty: 'summary',
    source: 'as long as its parts when they are printed; escapes are not counted',
  },
  {
    names: ['JSON.parse'],
    result: { kind: 'unknown' },
    certainty: 'fitted',
    source: 'how many objects there are is in the data',
  },
  {
    names: ['fs.readFileSync', 'fs.readFile', 'fs.promises.readFile'],
    result: { kind: 'bytes', length: 'size0' },
    calls_back: 'error_and_result',
    certainty: 'attribute',
    source: 'as long as the file',
  },
  {
    names: ['fs.createWriteStream', 'fs.createReadStream'],
    result: { kind: 'object', type: 'stream', bytes: '65536' },
    certainty: 'exact',
    source: 'its high-water mark',
    note: 'a file under /tmp is page cache or tmpfs: not in the heap, and not in the partition',
  },
  { names: ['stream.*'], result: { kind: 'self' }, certainty: 'exact', source: BY_NATURE },
  {
    names: ['.nosql.nosql.get_instance'],
    result: { kind: 'object', type: 'nosql', bytes: '0' },
    certainty: 'exact',
    source: 'a client that is made once; its memory is in the base that is measured',
  },
  {
    names: ['.storage.storage'],
    result: { kind: 'object', type: 'storage', bytes: '0' },
    certainty: 'exact',
    source: 'a client that is made once; its memory is in the base that is measured',
  },
  {
    names: ['nosql.insert', 'nosql.update', 'nosql.delete'],
    result: { kind: 'none' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['nosql.*', 'storage.*'],
    result: { kind: 'object', type: 'stored', bytes: 'size' },
    certainty: 'attribute',
    source: 'as much as the store has',
  },
  {
    names: ['mustache.*', 'sharp.*', 'sharp', 'archiver', 'archiver.*', 'request', 'request.*'],
    result: { kind: 'unknown' },
    certainty: 'fitted',
    source: 'what it holds is in the data',
  },
];
