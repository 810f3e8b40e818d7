/**
 * What published traces have that nobody would expect, and what is done about it: a named rule for
 * each, counted, so that nothing about the data is hidden. Evidence: the data sets' own documents,
 * their issue threads, and the files themselves. Pure.
 */

interface Rule {
  /** What is seen in the file. */
  readonly seen: string;
  /** What comes of it. */
  readonly done: string;
}

export const TRACE_RULES = {
  'byte-order-mark': { seen: 'a byte order mark at the head of the file', done: 'passed over' },
  'carriage-returns': { seen: 'lines that end with \\r\\n', done: 'read as \\n' },
  'blank-end-lines': { seen: 'blank lines at the end', done: 'passed over' },
  'zero-duration': { seen: 'invocations that took no time', done: 'kept as they are' },
  'out-of-order': { seen: 'rows that arrive before the row above them', done: 'sorted' },
  'negative-start': { seen: 'invocations that began before 0', done: 'kept as they are' },
  'negative-count': {
    seen: 'rows with a negative number of invocations in a minute',
    done: 'the row is left out, as FaaSRail does',
  },
  'fractional-count': {
    seen: 'counts that are no whole numbers',
    done: 'rounded to the nearest',
  },
  'missing-minutes': { seen: 'files with fewer than 1440 minutes', done: 'those it has are read' },
  'missing-days': {
    seen: 'days between the first and the last of which nothing was named',
    done: 'their time is left empty',
  },
  'never-invoked': { seen: 'functions without an invocation', done: 'left out' },
  'duplicate-row': {
    seen: 'rows of a function or application that has one already',
    done: 'the first one is kept, as In-Vitro does',
  },
  'trigger-changes': {
    seen: 'functions whose trigger is another one on a later day',
    done: 'the last one counts',
  },
  'negative-average': {
    seen: 'negative average durations',
    done: 'the 50th percentile is taken instead, as the publisher says',
  },
  'zero-average': {
    seen: 'average durations of 0 with executions',
    done: 'taken as 1 ms',
  },
  'no-extremes': {
    seen: 'Minimum or Maximum not logged (0) where the average is not',
    done: 'they are not used',
  },
  'percentiles-not-ascending': {
    seen: 'rows whose percentiles do not ascend',
    done: 'each is raised to the one before it',
  },
  'nonpositive-memory': {
    seen: 'rows of memory with a value of 0 or less',
    done: 'the row is left out',
  },
  'no-durations': {
    seen: 'functions that were invoked and have no row of durations',
    done: 'the median duration of those that have one',
  },
  'durations-only': {
    seen: 'rows of durations of functions that were not invoked',
    done: 'left out',
  },
  'no-memory': {
    seen: 'applications that were invoked and have no row of memory',
    done: 'the median memory of those that have one',
  },
  'count-differs': {
    seen: 'functions whose executions differ from their invocations',
    done: 'the minutes count; the number of executions is a weight only',
  },
  'no-data': { seen: 'fields without a value', done: 'read as no invocation' },
} as const satisfies Readonly<Record<string, Rule>>;
export type TraceRule = keyof typeof TRACE_RULES;

/** How often a rule was needed, and where first. */
export interface RuleUse extends Rule {
  readonly rule: TraceRule;
  readonly count: number;
  /** Of the file where it was seen first; null: it is about no line. */
  readonly first_line: number | null;
}

export class RuleCounts {
  readonly #uses = new Map<TraceRule, { count: number; readonly first_line: number | null }>();

  note(rule: TraceRule, line: number | null = null, count = 1): void {
    if (count === 0) return;
    const use = this.#uses.get(rule);
    if (use) use.count += count;
    else this.#uses.set(rule, { count, first_line: line });
  }

  of(rule: TraceRule): number {
    return this.#uses.get(rule)?.count ?? 0;
  }

  /** Those that were needed, in the order of the table. */
  list(): RuleUse[] {
    const found: RuleUse[] = [];
    for (const [rule, about] of Object.entries(TRACE_RULES)) {
      if (!isRule(rule)) continue;
      const use = this.#uses.get(rule);
      if (use) found.push({ rule, ...use, ...about });
    }
    return found;
  }
}

function isRule(name: string): name is TraceRule {
  return name in TRACE_RULES;
}
