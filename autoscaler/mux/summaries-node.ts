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
      ...named('Math.', 'random sin cos sqrt exp log pow abs PI'),
      ...named('performance.', 'now'),
      ...named('Date.', 'now'),
      ...named('', 'Number parseFloat'),
    ],
    result: { kind: 'float' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: [
      ...named('Math.', 'floor ceil round trunc'),
      ...named('str.', 'charCodeAt codePointAt indexOf lastIndexOf startsWith endsWith includes'),
    ],
    result: { kind: 'int' },
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
    names: [
      ...named('list.', 'sort reverse'),
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
    names: named('str.', 'substr substring slice toLowerCase toUpperCase trim replace'),
    result: { kind: 'text', length: 'len' },
    certainty: 'exact',
    source: 'at most as long as the text; a slice may keep all of it alive',
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
