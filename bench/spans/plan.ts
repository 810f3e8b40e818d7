/** What is run, on which mechanism. Pure. */
import { PLAIN_SPEC } from '../../agent/model/spec.ts';
import { BASELINE, type MechanismName } from '../../agent/model/mechanism.ts';
import type { Work } from '../../agent/model/work.ts';
import type { FunctionSpec } from '../../autoscaler/replay/agent-api.ts';
import { MIB } from '../../base/units.ts';
import type { SpansOptions } from './options.ts';

/** Measured beside {@link BASELINE}: the mechanism that has spans. */
export const MEASURED: MechanismName = 'hotmem';
/** The baseline first: what it holds afterwards is nothing new to the other. */
export const SPANS_MECHANISMS: readonly MechanismName[] = [BASELINE, MEASURED];

const SPAN = 'data';
/** Of the instance itself, beside the span. */
const OWN_BYTES = 128 * MIB;
const HELD_BYTES = 4 * MIB;
const HOUR_MS = 3_600_000;
/** What is unmapped once stays with the VMM: more often tells nothing new, and takes as long. */
const BASELINE_TIMES = 8;

/** What an instance keeps all the time. */
export const IDLE: Work = { anonymous_bytes: HELD_BYTES, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };

export const spansFunction = (mechanism: MechanismName): string => `spans-${mechanism}`;

/** With static the memory of the span is a part of the instance's own. */
export function spansSpecOf(mechanism: MechanismName, options: SpansOptions): FunctionSpec {
  const { span_bytes } = options;
  const has_spans = mechanism === MEASURED;
  return {
    name: spansFunction(mechanism),
    mechanism,
    limit_bytes: has_spans ? OWN_BYTES : OWN_BYTES + span_bytes,
    concurrency: 1,
    vcpus: 2,
    boot_bytes: 512 * MIB,
    keep_alive_ms: HOUR_MS,
    ...PLAIN_SPEC,
    spans: has_spans ? [{ name: SPAN, max_bytes: span_bytes, host_node: null }] : [],
  };
}

/** How often memory of that size comes and goes. */
export const repeatsOf = (mechanism: MechanismName, { times }: SpansOptions): number =>
  mechanism === MEASURED ? times : Math.min(times, BASELINE_TIMES);

/** One invocation; one after another, as fast as they go. */
export function spansWorkOf(mechanism: MechanismName, options: SpansOptions): Work {
  const { span_bytes: bytes, touch_bytes } = options;
  const times = repeatsOf(mechanism, options);
  const step = { span: SPAN, at_ms: 0, bytes, touch_bytes, hold_ms: 0, times };
  if (mechanism === MEASURED) return { ...IDLE, spans: [step] };
  const phases = Array.from({ length: 2 * times }, (_, index) => ({
    at_ms: 0,
    anonymous_bytes: index % 2 === 0 ? HELD_BYTES + touch_bytes : HELD_BYTES,
  }));
  return { ...IDLE, phases };
}
