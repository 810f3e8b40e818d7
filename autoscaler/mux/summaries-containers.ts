/** What gathers, goes through, packs or fills in values: CPython 3.11. Pure. */
import type { CallSummary } from './summaries.ts';
import { BY_NATURE, named } from './summary-words.ts';

const LAYOUT = 'CPython 3.11, as test/autoscaler/mux/measured.test.ts counts';

export const CONTAINER_SUMMARIES: readonly CallSummary[] = [
  {
    names: ['list', 'sorted', 'tuple'],
    result: { kind: 'list', length: 'len0', each: 'own' },
    keys: 'kept',
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['collections.deque'],
    result: { kind: 'list', length: 'len0', each: 'own', besides: 640 },
    certainty: 'exact',
    source: 'blocks of 64 places, one of them from the start (Modules/_collectionsmodule.c)',
  },
  {
    names: ['set', 'frozenset'],
    result: { kind: 'list', of: 'set', length: 'len0', each: 'own' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['reversed', 'iter'],
    result: { kind: 'through', of: 'items' },
    certainty: 'exact',
    source: 'goes through what is there and holds one item',
  },
  {
    names: ['zip'],
    result: { kind: 'through', of: 'pairs' },
    takes_spread: true,
    certainty: 'exact',
    source: 'as long as its shortest argument; holds one item of each (Python/bltinmodule.c)',
  },
  {
    names: ['enumerate'],
    result: { kind: 'through', of: 'numbered' },
    certainty: 'exact',
    source: 'goes through what is there and holds one item (Objects/enumobject.c)',
  },
  {
    names: ['string.Template'],
    result: { kind: 'object', type: 'template', bytes: '512' },
    keeps_arguments: true,
    certainty: 'exact',
    source: 'the text and an object (Lib/string.py)',
  },
  {
    names: ['template.substitute', 'template.safe_substitute'],
    result: { kind: 'text', length: 'substituted' },
    transient: '8KiB',
    certainty: 'exact',
    source: 'its text with what is put in as often as it is named, at most a hundred times',
  },
  {
    names: ['re.compile'],
    result: { kind: 'object', type: 'pattern', bytes: '1024' },
    certainty: 'exact',
    source: 'bounded by the pattern, taken as 1 KiB',
  },
  {
    names: ['zlib.compress'],
    result: {
      kind: 'object',
      type: 'deflated',
      bytes: '33 + len0 + len0 / 1000 + 32KiB',
      count: 'len0',
    },
    transient: 'len0 + len0 / 1000 + 600KiB',
    certainty: 'summary',
    source:
      'no shorter than what it packs, at the worst; its blocks and window (Modules/zlibmodule.c)',
  },
  {
    names: ['zlib.decompress'],
    result: { kind: 'bytes', length: 'inflated0' },
    transient: 'inflated0 + 64KiB',
    certainty: 'exact',
    source: 'as long as what was packed; its blocks and window, where they are touched',
  },
  {
    names: named(
      'hashlib.',
      'md5 sha1 sha224 sha256 sha384 sha512 sha3_256 sha3_512 blake2b blake2s',
    ),
    result: { kind: 'object', type: 'hash', bytes: '1024' },
    certainty: 'exact',
    source: 'the state of the hash, taken as 1 KiB: data is taken in as it comes',
  },
  { names: ['hash.update'], result: { kind: 'none' }, certainty: 'exact', source: BY_NATURE },
  {
    names: ['hash.hexdigest'],
    result: { kind: 'text', length: '128' },
    certainty: 'exact',
    source: 'two digits for each of 64 bytes at the most',
  },
  {
    names: ['hash.digest'],
    result: { kind: 'bytes', length: '64' },
    certainty: 'exact',
    source: '64 bytes at the most',
  },
];
