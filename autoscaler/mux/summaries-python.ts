/** Library calls of Python. NumPy's are of 1.24, the standard library's of CPython 3.11. Pure. */
import { ARRAY_SUMMARIES } from './summaries-arrays.ts';
import { LIBRARY_SUMMARIES } from './summaries-libraries.ts';
import type { CallSummary } from './summaries.ts';

const LAYOUT = 'the layouts of CPython 3.11 and NumPy 1.24; no test measures it';
const BY_NATURE = 'what it gives is a scalar or nothing';
const SMALL = { kind: 'object', type: 'small', bytes: '256' } as const;

const named = (prefix: string, words: string): string[] =>
  words.split(' ').map((word) => `${prefix}${word}`);

const FILE_SUMMARIES: readonly CallSummary[] = [
  {
    names: ['open', 'io.open', 'gzip.open'],
    result: { kind: 'object', type: 'file', bytes: '8704 + buffering' },
    certainty: 'exact',
    source: 'its buffer (io.DEFAULT_BUFFER_SIZE, or what it is given) and the object',
    note: 'a file under /tmp is page cache or tmpfs: not in the heap, and not in the partition',
  },
  {
    names: ['file.read'],
    result: { kind: 'bytes', length: 'read0' },
    certainty: 'exact',
    source: 'as much as it is asked for, or the size of the file',
  },
  {
    names: ['file.readline'],
    result: { kind: 'text', length: 'line0' },
    certainty: 'fitted',
    source: 'the length of a line is in the data',
  },
  {
    names: ['file.readlines', 'file.__iter__'],
    result: { kind: 'unknown' },
    certainty: 'fitted',
    source: 'the lines are in the data',
  },
  {
    names: ['io.BytesIO', 'io.StringIO'],
    result: { kind: 'object', type: 'buffer', bytes: '200' },
    keeps_arguments: true,
    certainty: 'exact',
    source: 'shares the bytes it is given until they are written to (Modules/_io/bytesio.c)',
  },
  {
    names: ['buffer.read', 'buffer.getvalue', 'buffer.getbuffer'],
    result: { kind: 'object', type: 'small', bytes: '100' },
    certainty: 'exact',
    source: 'shares the bytes until they are written to',
  },
  {
    names: ['buffer.*'],
    result: { kind: 'none' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['shutil.make_archive', 'zipfile.*', 'tarfile.*'],
    result: { kind: 'text', length: '64' },
    transient: '1MiB',
    certainty: 'summary',
    source: 'deflate streams in blocks: 256 KiB and two buffers, taken as 1 MiB',
  },
  {
    names: ['os.walk', 'os.listdir'],
    result: { kind: 'unknown' },
    certainty: 'attribute',
    source: 'as many names as the folder has',
  },
  {
    names: ['json.dumps'],
    result: { kind: 'text', length: 'text0' },
    certainty: 'summary',
    source: 'as long as its parts when they are printed; escapes are not counted',
  },
  {
    names: ['json.loads', 'json.load', 'pickle.load', 'pickle.loads', 'yaml.safe_load'],
    result: { kind: 'unknown' },
    certainty: 'fitted',
    source: 'how many objects there are is in the data',
  },
  {
    names: ['subprocess.*', 'os.system', 'os.popen'],
    result: { kind: 'object', type: 'process', bytes: '1024' },
    certainty: 'fitted',
    source: 'a child process',
    note: 'a child process is not in the heap, and in the partition: measure it',
  },
  { names: ['process.*'], result: SMALL, certainty: 'exact', source: BY_NATURE },
  {
    names: [
      'multiprocessing.*',
      'concurrent.futures.*',
      'threading.Thread',
      'multiprocessing.dummy.Pool',
      'multiprocessing.dummy.*',
    ],
    result: { kind: 'object', type: 'pool', bytes: '1024' },
    certainty: 'fitted',
    source: 'threads and processes',
    note: 'what threads and processes do is not followed; each thread has a stack',
  },
  { names: ['pool.*'], result: { kind: 'unknown' }, certainty: 'fitted', source: 'not followed' },
];

export const PYTHON_SUMMARIES: readonly CallSummary[] = [
  {
    names: [
      ...named('', 'print setattr hasattr isinstance callable id exit'),
      ...named('time.', 'sleep'),
      ...named('random.', 'seed shuffle'),
      ...named('os.', 'fsync remove unlink rmdir makedirs mkdir chmod close'),
      ...named('logging.', 'info debug warning error basicConfig getLogger'),
      ...named('file.', 'write writelines flush close seek truncate'),
      ...named('list.', 'sort reverse clear remove'),
      ...named('socket.', 'setdefaulttimeout'),
      ...named('shutil.', 'rmtree copyfile copy move'),
    ],
    result: { kind: 'none' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: [
      ...named('time.', 'time perf_counter monotonic process_time clock'),
      ...named('random.', 'random uniform gauss'),
      ...named('math.', 'sin cos tan sqrt exp log log2 log10 pow pi e fabs'),
      ...named('', 'float round sum abs'),
      ...named('numpy.ndarray.', 'mean std max min item'),
    ],
    result: { kind: 'float' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: [
      ...named('random.', 'randint randrange'),
      ...named('math.', 'floor ceil gcd'),
      ...named('', 'ord hash'),
      ...named('os.', 'getpid cpu_count'),
      ...named('os.path.', 'getsize isfile exists isdir'),
      ...named('str.', 'find count index startswith endswith isdigit'),
      ...named('bytes.', 'find count index startswith endswith'),
      ...named('list.', 'index count'),
      ...named('file.', 'fileno tell'),
    ],
    result: { kind: 'int' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  { names: ['int'], result: { kind: 'int', amount: 'a0' }, certainty: 'exact', source: LAYOUT },
  { names: ['len'], result: { kind: 'int', amount: 'len0' }, certainty: 'exact', source: LAYOUT },
  { names: ['bool'], result: { kind: 'int' }, certainty: 'exact', source: BY_NATURE },
  {
    names: ['range', 'xrange'],
    result: { kind: 'range' },
    certainty: 'exact',
    source: 'a range counts and holds nothing (CPython: Objects/rangeobject.c)',
  },
  {
    names: ['str', 'repr', 'str.format', 'str.join', 'os.path.join', 'hex', 'chr'],
    result: { kind: 'text', length: 'all' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: named('str.', 'lower upper strip lstrip rstrip replace title'),
    result: { kind: 'text', length: 'len' },
    certainty: 'exact',
    source: 'at most as long as the text (a longer replacement is not looked at)',
  },
  {
    names: [
      'os.path.basename',
      'os.path.dirname',
      'os.path.abspath',
      'os.path.realpath',
      'urllib.parse.unquote_plus',
    ],
    result: { kind: 'text', length: 'len0' },
    certainty: 'exact',
    source: 'at most as long as the path',
  },
  {
    names: ['str.encode', 'bytes.strip'],
    result: { kind: 'bytes', length: 'len' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['bytes.decode', 'bytes.hex'],
    result: { kind: 'text', length: 'len' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['str.split', 'str.splitlines', 'bytes.split'],
    result: { kind: 'object', type: 'list of parts', bytes: '66 * len' },
    certainty: 'summary',
    source: 'one part for each two characters at the most, 49 + 8 bytes each and its own character',
  },
  {
    names: ['os.urandom', 'random.randbytes'],
    result: { kind: 'bytes', length: 'a0' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['bytes', 'bytearray'],
    result: { kind: 'bytes', length: 'a0' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['list', 'sorted', 'tuple'],
    result: { kind: 'list', length: 'len0', each: 'int' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['random.sample'],
    result: { kind: 'list', length: 'a1', each: 'int' },
    transient: '216 + 107 * a1',
    certainty: 'exact',
    source: 'its set of what was taken (Lib/random.py), dropped when it returns',
  },
  {
    names: ['random.choice', 'next', 'min', 'max'],
    result: { kind: 'float' },
    certainty: 'exact',
    source: 'one of what is there already',
  },
  {
    names: [
      'uuid.uuid4',
      'datetime.*',
      'socket.*',
      'small.*',
      'os.environ.*',
      'threading.Lock',
      're.compile',
      'string.*',
      'sys.*',
      'stat.*',
    ],
    result: SMALL,
    certainty: 'exact',
    source: 'bounded by a constant, taken as 256 bytes',
  },
  {
    names: ['set', 'frozenset'],
    result: { kind: 'list', of: 'set', length: 'len0' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['enumerate', 'zip', 'reversed', 'iter'],
    result: { kind: 'list', of: 'generator', length: 'len0' },
    keeps_arguments: true,
    certainty: 'exact',
    source: 'goes through what is there and holds one item',
  },
  {
    names: ['dict', 'collections.OrderedDict', 'collections.defaultdict'],
    result: { kind: 'record' },
    certainty: 'exact',
    source: LAYOUT,
  },
  ...ARRAY_SUMMARIES,
  ...FILE_SUMMARIES,
  ...LIBRARY_SUMMARIES,
];
