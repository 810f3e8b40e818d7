/** Under what each step is made: who is asked, whether that is told, and whether it can be. */
import { DEFAULT_POLICY } from '../core/default-policy/policy.ts';
import type { StepContext } from '../core/draft.ts';
import type { HostAgentOptions } from './host-options.ts';

/** `isWatched`: somebody is told of decisions as they are taken. */
export function stepContextOf(
  { policy = DEFAULT_POLICY, policies, ledger }: HostAgentOptions,
  isWatched: () => boolean,
): () => StepContext {
  const who = policies ? { policy, policies } : { policy };
  return () => ({
    ...who,
    recording: ledger !== undefined || isWatched(),
    grants_closed: ledger?.grantsClosed === true,
  });
}
