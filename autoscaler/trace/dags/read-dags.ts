/** Reads the file of a trace of DAGs. */
import { createReadStream } from 'node:fs';
import { isHotplaneError } from '../../../base/errors.ts';
import { LineSplitter } from '../../../base/lines.ts';
import { traceRow, traceUnreadable } from '../errors.ts';
import { TRACE_LIMITS } from '../limits.ts';
import { type DagTrace, DagTraceReader } from './dag-trace.ts';

/** Throws HP_TRACE_*, and the reason of `signal`. */
export async function readDagTrace(path: string, signal: AbortSignal): Promise<DagTrace> {
  const reader = new DagTraceReader(path);
  const splitter = new LineSplitter({
    limit_bytes: TRACE_LIMITS.line_bytes,
    onLine: (text, number) => {
      if (text !== '') reader.add(text, number);
    },
    onTooLong: (value, line) => {
      const problem = `is longer than ${TRACE_LIMITS.line_bytes} bytes`;
      throw traceRow({ path, line, column: 'row', value, problem });
    },
  });
  try {
    const chunks: AsyncIterable<Buffer> = createReadStream(path);
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      splitter.push(chunk);
    }
    splitter.end();
  } catch (error) {
    if (isHotplaneError(error) || signal.aborted) throw error;
    throw traceUnreadable(path, error);
  }
  return reader.finish();
}
