/**
 * Gauges by function, as text. They are made anew for every scrape, and are thousands: setting and
 * reading them one by one in a registry takes most of its time. Pure.
 */
import type { FunctionFigures } from './host-figures.ts';
import { INSTANCE_PHASES } from './host-figures.ts';
import { METRIC_ROWS } from './table.ts';

/** Labels beside the function's, as text; value: null is no sample. */
type Sample = readonly [labels: string, value: number | null];

const SAMPLES = {
  instances: ({ instances }) =>
    INSTANCE_PHASES.map((phase): Sample => [`,phase="${phase}"`, instances[phase]]),
  queued: ({ queued }) => [['', queued]],
  oldest: ({ oldest_wait_ms }) => [['', oldest_wait_ms / 1_000]],
  permits: ({ permit_bytes }) => [['', permit_bytes]],
  plugged: ({ plugged_bytes }) => [['', plugged_bytes]],
  boot: ({ boot_bytes }) => [['', boot_bytes]],
  resident: ({ resident_bytes }) => [['', resident_bytes]],
  expression_answers: ({ expression }) =>
    Object.entries(expression?.answers ?? {}).map(
      ([result, count]): Sample => [`,result="${result}"`, count],
    ),
  expression_error: ({ expression }) => [['', expression?.median_error ?? null]],
  expression_trusted: ({ expression }) => [
    ['', expression ? (expression.is_trusted ? 1 : 0) : null],
  ],
} as const satisfies Partial<
  Record<keyof typeof METRIC_ROWS, (figures: FunctionFigures) => readonly Sample[]>
>;

export type FunctionGauge = keyof typeof SAMPLES;

export const isFunctionGauge = (key: string): key is FunctionGauge => Object.hasOwn(SAMPLES, key);

/** One metric at a time, in the exposition format of Prometheus. */
export function* functionGauges(
  functions: ReadonlyMap<string, FunctionFigures>,
): Generator<string> {
  const labels = new Map([...functions.keys()].map((name) => [name, escaped(name)]));
  for (const [key, samplesOf] of Object.entries(SAMPLES)) {
    if (!isFunctionGauge(key)) continue;
    const { name, help } = METRIC_ROWS[key];
    let text = `# HELP ${name} ${help}\n# TYPE ${name} gauge`;
    for (const [of, figures] of functions) {
      for (const [more, value] of samplesOf(figures)) {
        if (value !== null) text += `\n${name}{function="${labels.get(of)}"${more}} ${value}`;
      }
    }
    yield text;
  }
}

/** The value of a label. */
const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
