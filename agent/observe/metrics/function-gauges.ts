/**
 * Figures by function, as text: gauges, and what the state itself has counted. They are made anew
 * for every scrape, and are thousands: setting and reading them one by one in a registry takes most
 * of its time. Pure.
 */
import { READY_RUNGS, type ReadyRung } from '../../model/pool.ts';
import type { FunctionFigures } from './host-figures.ts';
import { INSTANCE_PHASES } from './host-figures.ts';
import { METRIC_ROWS } from './table.ts';

/** Labels beside the function's, as text; value: null is no sample. */
type Sample = readonly [labels: string, value: number | null];

/** Rungs that stand for something here. */
const offered = (populated_regions: number | null): readonly ReadyRung[] =>
  populated_regions === null ? READY_RUNGS.filter((rung) => rung !== 'populated') : READY_RUNGS;

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
  spans_opened: ({ spans }) => [['', spans?.opened ?? null]],
  spans_denied: ({ spans }) => [['', spans?.denied ?? null]],
  spans_open: ({ spans }) => [['', spans ? spans.opened - spans.closed : null]],
  spans_plugged: ({ spans }) => [['', spans?.plugged_bytes ?? null]],
  spans_held: ({ spans }) => [['', spans ? spans.byte_ms / 1_000 : null]],
  rung_regions: ({ instances, ready_regions, populated_regions, empty_regions }) => [
    [',rung="unplugged"', empty_regions],
    [',rung="plugged"', ready_regions],
    [',rung="populated"', populated_regions],
    [',rung="warm"', instances.idle],
    [',rung="busy"', instances.starting + instances.busy + instances.stopping],
  ],
  rung_wanted: ({ rungs }) =>
    READY_RUNGS.map((rung): Sample => [`,rung="${rung}"`, rungs[rung].want]),
  rung_looks: ({ rungs, populated_regions }) =>
    offered(populated_regions).flatMap((rung): Sample[] => {
      const { asked, hits } = rungs[rung];
      return [
        [`,rung="${rung}",result="hit"`, hits],
        [`,rung="${rung}",result="miss"`, asked - hits],
      ];
    }),
  rung_idle: ({ rungs, populated_regions }) =>
    offered(populated_regions).map(
      (rung): Sample => [`,rung="${rung}"`, rungs[rung].byte_ms / 1_000],
    ),
  pages: ({ pages }) =>
    Object.entries(pages?.told ?? {}).map(([what, count]): Sample => [`,what="${what}"`, count]),
  pages_age: ({ pages }) => [['', pages?.age_ms == null ? null : pages.age_ms / 1_000]],
} as const satisfies Partial<
  Record<keyof typeof METRIC_ROWS, (figures: FunctionFigures) => readonly Sample[]>
>;

export type FunctionGauge = keyof typeof SAMPLES;

export const isFunctionGauge = (key: string): key is FunctionGauge => Object.hasOwn(SAMPLES, key);

/** Functions of which one piece of text is. */
const AT_ONCE = 32;

/**
 * One metric after the other in the exposition format of Prometheus, in pieces of whole lines; the
 * first piece of a metric begins with its help.
 */
export function* functionGauges(
  functions: ReadonlyMap<string, FunctionFigures>,
): Generator<string> {
  const labelled = [...functions].map(([name, figures]) => [escaped(name), figures] as const);
  for (const [key, samplesOf] of Object.entries(SAMPLES)) {
    if (!isFunctionGauge(key)) continue;
    const { name, help, type } = METRIC_ROWS[key];
    let lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
    for (const [index, [label, figures]] of labelled.entries()) {
      for (const [more, value] of samplesOf(figures)) {
        if (value !== null) lines.push(`${name}{function="${label}"${more}} ${value}`);
      }
      if (index % AT_ONCE !== AT_ONCE - 1) continue;
      yield lines.join('\n');
      lines = [];
    }
    if (lines.length > 0) yield lines.join('\n');
  }
}

/** The value of a label. */
const escaped = (text: string): string =>
  /[\\\n"]/.test(text)
    ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
    : text;
