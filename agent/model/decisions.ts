/** Decisions: what a policy was asked and what it said. Plain data. */

/** The four questions the core asks. */
export const QUESTIONS = ['admit', 'place', 'scale', 'size'] as const;
export type Question = (typeof QUESTIONS)[number];

export type Fact = string | number | boolean | null;

/** One answer, with what it was given on; to explain what happened and to replay it. */
export interface Decision {
  readonly at_ms: number;
  readonly question: Question;
  readonly policy: string;
  readonly function: string;
  /** What the policy could see, as figures. */
  readonly inputs: Readonly<Record<string, Fact>>;
  readonly answer: Readonly<Record<string, Fact>>;
  /** Why the core did not, or not wholly, do it; null: it did. */
  readonly ignored: string | null;
}
