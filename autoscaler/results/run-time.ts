/** What the agent tells on the clock of its host, as lines on the clock of a run. Pure. */
import type { Decision, ToldEvent } from '../../agent/model/records.ts';
import { type DecisionLine, decisionSchema, type EventLine } from './schema.ts';

/** Where a line belongs: the mechanism, and the host's clock at the run's start. */
export interface RunOrigin {
  readonly mechanism: string;
  readonly start_ms: number;
}

/** Times are kept to the microsecond. */
export function toRunTime(at_ms: number, origin: RunOrigin): number {
  return Math.round((at_ms - origin.start_ms) * 1000) / 1000;
}

/** Every moment of a record, which its name tells, put on the run's own clock. */
const MOMENT = /(?:^|_)at_ms$/;

export function inRunTime<T extends object>(told: T, origin: RunOrigin): T {
  const line = { ...told };
  for (const [name, value] of Object.entries(told)) {
    if (typeof value !== 'number' || !MOMENT.test(name)) continue;
    Object.assign(line, { [name]: toRunTime(value, origin) });
  }
  return line;
}

/** Its fields are in the order of the schema, whoever tells it: same decision, same bytes. */
export function decisionLine(record: Decision, origin: RunOrigin): DecisionLine {
  const line = decisionSchema.parse({ ...record, mechanism: origin.mechanism });
  return inRunTime({ ...line, inputs: inOrder(line.inputs) }, origin);
}

function inOrder(inputs: DecisionLine['inputs']): DecisionLine['inputs'] {
  return Object.fromEntries(Object.entries(inputs).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export function eventLine(record: ToldEvent, origin: RunOrigin): EventLine {
  const { at_ms, event_json } = record;
  const { mechanism } = origin;
  return { at_ms: toRunTime(at_ms, origin), event_json, mechanism, host_ms: at_ms };
}
