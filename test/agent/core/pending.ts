/** Which actions of the core something comes back of. */
import type { Action } from '../../../agent/model/actions.ts';

/** Those that nothing comes back of. */
const NO_ANSWER = [
  'record-refusal',
  'deny-growth',
  'cut-shrink',
  'end-steps',
  'yield-cpu',
  'open-span',
  'refuse-span',
] as const;
const UNANSWERED: ReadonlySet<Action['type']> = new Set(NO_ANSWER);
type Told = 'reply' | 'wake' | 'report' | 'decision' | (typeof NO_ANSWER)[number];
/** What the host is to do, and to tell the end of. */
export type Pending = Exclude<Action, { type: Told }>;
export const isPending = (action: Action): action is Pending => !UNANSWERED.has(action.type);
