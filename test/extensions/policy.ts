import { scaleToQueue } from '../../agent/core/default-policy/scale.ts';
import type { Policy } from '../../agent/core/policy.ts';

/** Takes calls of one function only, each by whatever comes first. */
export const PAPER_POLICY: Policy = {
  name: 'paper-only',
  elastic: false,
  admit: ({ spec }) =>
    spec.name === 'paper' ? { admit: true } : { admit: false, reason: 'it is not of paper' },
  place: (_view, [first]) => first ?? null,
  scale: scaleToQueue,
  size: () => null,
};
