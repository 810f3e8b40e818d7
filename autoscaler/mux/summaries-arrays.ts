/** NumPy 1.24. Pure. */
import type { CallSummary } from './summaries.ts';
import { named } from './summary-words.ts';

const LAYOUT = 'CPython 3.11 and NumPy 1.24, as test/autoscaler/mux/measured.test.ts counts';

const numpy = (words: string): string[] => named('numpy.', words);
const like = { kind: 'array', shape: 'like' } as const;

export const ARRAY_SUMMARIES: readonly CallSummary[] = [
  {
    names: [...named('numpy.random.', 'rand randn')],
    result: { kind: 'array', shape: 'arguments' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: [...named('numpy.random.', 'random_sample random'), ...numpy('zeros ones empty full')],
    result: { kind: 'array', shape: 'first' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: numpy('arange'),
    result: { kind: 'array', shape: 'first' },
    certainty: 'exact',
    source: '8 bytes an item, of one argument',
  },
  {
    names: [...numpy('matmul dot'), 'numpy.ndarray.dot'],
    result: { kind: 'array', shape: 'product' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: [
      ...numpy('matrix array copy sqrt exp sin cos zeros_like ones_like'),
      ...named('numpy.ndarray.', 'copy'),
    ],
    result: like,
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: numpy('add multiply subtract maximum minimum'),
    result: { kind: 'array', shape: 'broadcast' },
    certainty: 'exact',
    source: LAYOUT,
  },
  {
    names: ['numpy.asarray', ...named('numpy.ndarray.', 'ravel T transpose'), 'numpy.transpose'],
    result: { kind: 'view', shape: 'like' },
    certainty: 'exact',
    source: 'a view: no memory of its own but its header',
  },
  {
    names: ['numpy.ndarray.reshape'],
    result: { kind: 'view', shape: 'arguments' },
    certainty: 'exact',
    source: 'a view where strides allow, and a fresh array is contiguous',
  },
  {
    names: ['numpy.ndarray.sum', 'numpy.sum'],
    result: { kind: 'array', shape: 'reduced' },
    transient: '66KiB',
    certainty: 'exact',
    source: 'adds up through a buffer of 8,192 items of 8 bytes (NPY_BUFSIZE)',
  },
  {
    names: named('numpy.ndarray.', 'argmax argmin'),
    result: { kind: 'array', shape: 'reduced' },
    certainty: 'exact',
    source: 'a place of 8 bytes for each row',
  },
  {
    names: ['numpy.linalg.inv'],
    result: like,
    transient: '2 * bytes0',
    certainty: 'summary',
    source: 'LAPACK works on a copy (numpy/linalg/umath_linalg)',
  },
  {
    names: ['numpy.linalg.solve'],
    result: { kind: 'array', shape: 'second' },
    transient: 'bytes0 + bytes1 + 4 * a0',
    certainty: 'exact',
    source: 'LAPACK works on copies of both, and 4 bytes a pivot (umath_linalg.cpp)',
  },
  {
    names: numpy('load'),
    result: { kind: 'array', shape: 'file' },
    certainty: 'attribute',
    source: 'as many items as the file has, of the type that it has (numpy/lib/format.py)',
  },
  {
    names: ['numpy.*'],
    result: { kind: 'unknown' },
    certainty: 'fitted',
    source: 'no summary of it',
  },
];
