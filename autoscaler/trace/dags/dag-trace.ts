/**
 * A trace of calls of DAGs, a format of the project's own: JSON lines. The first says what it is,
 * then come functions, DAGs, and calls in their order. Its lines are made and read here. Pure.
 */
import { z } from 'zod';
import { LIMITS } from '../../../base/limits.ts';
import { parseJson } from '../../../base/json.ts';
import { type DagSpec, dagSpecSchema, dagTrouble } from '../../../agent/model/dag.ts';
import { TRACE_LIMITS } from '../limits.ts';
import { traceEmpty, traceHeader, traceParts, traceRow, traceTooLong } from '../errors.ts';

export const DAG_TRACE_FORMAT = 'hotplane-dags/1';

const headSchema = z.strictObject({
  format: z.literal(DAG_TRACE_FORMAT),
  /** How it was made; `recorded` where nobody made it. */
  kind: z.enum(['synthetic', 'recorded']),
  made_of: z.record(z.string(), z.number()),
  window_ms: z.number().positive(),
});
/** What a trace of DAGs is: from 0 to `window_ms`. */
export type DagTraceHead = Readonly<z.infer<typeof headSchema>>;

const functionSchema = z.strictObject({
  function: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  memory_bytes: z.number().int().positive(),
  mean_ms: z.number().nonnegative(),
});
export interface DagFunction {
  readonly name: string;
  /** Of one instance. */
  readonly memory_bytes: number;
  /** How long it runs on average. */
  readonly mean_ms: number;
}

export interface DagArrival {
  /** Its place among the DAGs. */
  readonly dag: number;
  readonly at_ms: number;
  /** How long each of its stages runs, in the order of the definition. */
  readonly run_ms: readonly number[];
}

export interface DagTrace {
  readonly head: DagTraceHead;
  readonly functions: readonly DagFunction[];
  readonly dags: readonly DagSpec[];
  readonly calls: readonly DagArrival[];
}

/** The lines of its file, each with its end. */
export function* dagTraceLines({ head, functions, dags, calls }: DagTrace): Generator<string> {
  yield `${JSON.stringify(head)}\n`;
  for (const { name, memory_bytes, mean_ms } of functions) {
    yield `${JSON.stringify({ function: name, memory_bytes, mean_ms })}\n`;
  }
  for (const dag of dags) yield `${JSON.stringify({ dag })}\n`;
  for (const { dag, at_ms, run_ms } of calls) {
    yield `${JSON.stringify({ call: dags[dag]?.name ?? '', at_ms, run_ms })}\n`;
  }
}

/** Reads lines one by one; `finish` gives the trace. Throws HP_TRACE_*. */
export class DagTraceReader {
  readonly #path: string;
  #head: DagTraceHead | null = null;
  readonly #functions = new Map<string, DagFunction>();
  readonly #dags = new Map<string, number>();
  readonly #specs: DagSpec[] = [];
  readonly #calls: DagArrival[] = [];
  #last_ms = 0;

  constructor(path: string) {
    this.#path = path;
  }

  add(text: string, line: number): void {
    const value = parseJson(text);
    if (line === 1) {
      const head = headSchema.safeParse(value);
      const wanted = `{"format":"${DAG_TRACE_FORMAT}",...}`;
      if (!head.success) throw traceHeader(this.#path, wanted, text);
      this.#head = head.data;
      return;
    }
    if (typeof value !== 'object' || value === null) this.#refuse(line, text, 'is no JSON object');
    if ('call' in value) this.#addCall(value, line, text);
    else if ('dag' in value) this.#addDag(value.dag, line, text);
    else this.#addFunction(value, line, text);
  }

  finish(): DagTrace {
    if (!this.#head) throw traceHeader(this.#path, `{"format":"${DAG_TRACE_FORMAT}",...}`, '');
    if (this.#calls.length === 0) throw traceEmpty(this.#path);
    const functions = [...this.#functions.values()];
    return { head: this.#head, functions, dags: this.#specs, calls: this.#calls };
  }

  #addFunction(value: object, line: number, text: string): void {
    const read = functionSchema.safeParse(value);
    if (!read.success) this.#refuse(line, text, 'is no function, DAG or call');
    const { function: name, memory_bytes, mean_ms } = read.data;
    if (this.#functions.has(name)) this.#refuse(line, text, 'names a function twice');
    this.#functions.set(name, { name, memory_bytes, mean_ms });
  }

  #addDag(value: unknown, line: number, text: string): void {
    const read = dagSpecSchema.safeParse(value);
    if (!read.success) this.#refuse(line, text, 'is no DAG');
    const trouble = dagTrouble(read.data);
    if (trouble) this.#refuse(line, text, trouble.problem);
    const { name, stages } = read.data;
    if (this.#dags.has(name)) this.#refuse(line, text, 'names a DAG twice');
    const lost = stages.find((stage) => !this.#functions.has(stage.function));
    if (lost) throw traceParts(this.#path, `DAG ${name} runs a function that is not there`, FIRST);
    this.#dags.set(name, this.#specs.length);
    this.#specs.push(read.data);
  }

  #addCall(value: object, line: number, text: string): void {
    const { call, at_ms, run_ms }: CallFields = value;
    const dag = typeof call === 'string' ? this.#dags.get(call) : undefined;
    if (dag === undefined) this.#refuse(line, text, 'calls a DAG that is not there');
    if (!isTime(at_ms)) this.#refuse(line, text, 'has no time');
    if (at_ms < this.#last_ms) this.#refuse(line, text, 'comes before the call above it');
    const stages = this.#specs[dag]?.stages.length ?? 0;
    if (!Array.isArray(run_ms) || run_ms.length !== stages || !run_ms.every(isTime)) {
      this.#refuse(line, text, `must have ${stages} times in run_ms`);
    }
    if (this.#calls.length >= TRACE_LIMITS.dag_calls)
      throw traceTooLong(this.#path, TRACE_LIMITS.dag_calls);
    this.#last_ms = at_ms;
    this.#calls.push({ dag, at_ms, run_ms });
  }

  #refuse(line: number, value: string, problem: string): never {
    throw traceRow({ path: this.#path, line, column: 'row', value, problem });
  }
}

const FIRST = 'name every function in a line of its own, before the DAGs';

/** Of a line that calls a DAG, before they are looked at. */
interface CallFields {
  readonly call?: unknown;
  readonly at_ms?: unknown;
  readonly run_ms?: unknown;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LIMITS.invocation_ms;
}
