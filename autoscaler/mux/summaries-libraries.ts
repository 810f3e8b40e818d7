/** Libraries of FunctionBench and SeBS, as far as their memory can be told. Pure. */
import type { CallSummary } from './summaries.ts';
import { BY_NATURE, named } from './summary-words.ts';

const stored = { kind: 'bytes', length: 'size1' } as const;
const client = (type: string, words: readonly string[]): CallSummary => ({
  names: words,
  result: { kind: 'object', type, bytes: '0' },
  certainty: 'exact',
  source: 'a client that is made once; its memory is in the base that is measured',
});

export const LIBRARY_SUMMARIES: readonly CallSummary[] = [
  client('storage', ['.storage.storage.get_instance', 'boto3.client', 'boto3.resource']),
  client('nosql', ['.nosql.nosql.get_instance']),
  {
    names: named('storage.', 'download upload download_file upload_file upload_stream put_object'),
    result: { kind: 'text', length: '64' },
    transient: '8MiB',
    certainty: 'summary',
    source: 'a transfer streams in parts (boto3: 8 MiB each, at most 10 at a time)',
  },
  {
    names: ['storage.download_directory', 'storage.invoke'],
    result: { kind: 'none' },
    transient: '8MiB',
    certainty: 'summary',
    source: 'as a transfer, one file after the other',
  },
  {
    names: ['storage.download_stream'],
    result: stored,
    certainty: 'attribute',
    source: 'as long as the object that is asked for',
  },
  {
    names: ['storage.get_object'],
    result: { kind: 'object', type: 'storage response', bytes: '0' },
    certainty: 'exact',
    source: 'read only when its body is',
  },
  {
    names: ['storage response.read', 'response.read'],
    result: { kind: 'bytes', length: 'size' },
    certainty: 'attribute',
    source: 'as long as the object that is asked for',
  },
  {
    names: named('storage.', 'Bucket Object Table'),
    result: { kind: 'object', type: 'storage', bytes: '0' },
    certainty: 'exact',
    source: 'names a part of the store, and reads nothing',
  },
  {
    names: ['storage response.*', 'storage.*'],
    result: { kind: 'object', type: 'stored', bytes: 'size' },
    certainty: 'attribute',
    source: 'as much as the store has',
  },
  {
    names: ['nosql.insert', 'nosql.update', 'nosql.delete'],
    result: { kind: 'none' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['nosql.*'],
    result: { kind: 'object', type: 'stored', bytes: 'size' },
    certainty: 'attribute',
    source: 'as many rows as the table has, and what they hold',
  },
  {
    names: ['urllib.request.urlopen', 'requests.get'],
    result: { kind: 'object', type: 'response', bytes: '16384' },
    certainty: 'exact',
    source: 'its buffers',
  },
  {
    names: ['urllib.request.Request'],
    result: { kind: 'object', type: 'request', bytes: '1024' },
    certainty: 'exact',
    source: 'an address and its headers, taken as 1024 bytes',
  },
  {
    names: ['request.*', 'response.*', 'storage.close'],
    result: { kind: 'none' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['igraph.Graph.Barabasi'],
    result: { kind: 'object', type: 'igraph', bytes: '40 * a0 * a1 + 24 * a0', count: 'a0' },
    transient: '19 * a0 * a1',
    certainty: 'summary',
    source: 'igraph 1.0: 40 bytes an edge, 24 a vertex, up to 19 an edge while it is made',
  },
  {
    names: ['igraph.pagerank'],
    result: { kind: 'list', length: 'len', each: 'float' },
    transient: '9 * bytes / 8 + 96 * len',
    certainty: 'summary',
    source: 'igraph 1.0: PRPACK makes a graph of its own, of 45 bytes an edge and 120 a vertex',
  },
  {
    names: ['igraph.bfs'],
    result: { kind: 'list', length: '2 * len', each: 'int' },
    certainty: 'summary',
    source: 'igraph 1.0: vertices, layers and parents as lists',
  },
  {
    names: ['igraph.spanning_tree'],
    result: { kind: 'list', length: 'len', each: 'int' },
    certainty: 'summary',
    source: 'igraph 1.0: the edges that are kept, one less than there are vertices',
  },
  {
    names: ['pyaes.AESModeOfOperationCTR'],
    result: { kind: 'object', type: 'aes', bytes: '5120' },
    certainty: 'summary',
    source: 'pyaes 1.6: key schedules as lists (pyaes/aes.py)',
  },
  {
    names: named('aes.', 'encrypt decrypt'),
    result: { kind: 'bytes', length: 'len0' },
    transient: '26 * len0 + 1024',
    certainty: 'summary',
    source: 'pyaes 1.6: lists of one integer a byte (pyaes/aes.py)',
  },
  {
    names: ['PIL.Image.open'],
    result: { kind: 'object', type: 'image', bytes: '4 * pixels0' },
    certainty: 'attribute',
    source: 'Pillow 13: decoded on first use, 4 bytes a pixel also of RGB (Storage.c)',
  },
  {
    names: named('image.', 'convert transpose rotate filter resize copy crop'),
    result: { kind: 'object', type: 'image', bytes: '4 * pixels' },
    certainty: 'attribute',
    source: 'Pillow 13: a copy of the image, 4 bytes a pixel; a smaller one takes less',
  },
  {
    names: ['image.save'],
    result: { kind: 'none' },
    transient: '64KiB',
    fills: '9 / 8 * encoded + 33',
    certainty: 'attribute',
    source: 'the encoded image; a buffer that grows has an eighth more (Modules/_io/bytesio.c)',
  },
  { names: ['image.*'], result: { kind: 'none' }, certainty: 'exact', source: BY_NATURE },
  {
    names: ['cv2.VideoCapture', 'cv2.VideoWriter', 'cv2.CascadeClassifier'],
    result: { kind: 'object', type: 'video', bytes: '4 * pixels0' },
    certainty: 'attribute',
    source: 'a decoder holds some frames; not measured',
  },
  {
    names: ['video.read', 'cv2.cvtColor', 'cv2.imread'],
    result: { kind: 'object', type: 'frame', bytes: '3 * pixels' },
    certainty: 'attribute',
    source: 'a frame: width times height times 3',
  },
  {
    names: ['video.*', 'frame.*', 'cv2.*'],
    result: { kind: 'float' },
    certainty: 'exact',
    source: BY_NATURE,
  },
  {
    names: ['pandas.*', 'sklearn.*', 'joblib.*', 'chameleon.*', 'jinja2.*', 'squiggle.*'],
    result: { kind: 'unknown' },
    certainty: 'fitted',
    source: 'what it holds is in the data',
  },
  {
    names: ['torch.*', 'torchvision.*', 'tensorflow.*', 'keras.*', 'onnxruntime.*'],
    result: { kind: 'unknown' },
    certainty: 'refused',
    source: 'weights and work areas of a framework are not to be told from source',
  },
];
