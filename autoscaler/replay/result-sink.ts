import type { DecisionLine, EventLine, InvocationLine, LoadLine } from '../results/schema.ts';
import type { MemoryLine, OperationLine } from '../results/schema.ts';

/** Where lines of a run go; the result folder's writer has this shape. */
export interface ResultSink {
  operation(line: OperationLine): void;
  invocation(line: InvocationLine): void;
  memory(line: MemoryLine): void;
  load(line: LoadLine): void;
  decision(line: DecisionLine): void;
  event(line: EventLine): void;
}
