/** The policy that answers when nobody chose another. Pure. */
import type { Policy } from '../policy.ts';
import { admitAll } from './admit.ts';
import { placeWarmest } from './place.ts';
import { scaleToQueue } from './scale.ts';
import { wholeRegion } from './size.ts';

export const DEFAULT_POLICY: Policy = {
  name: 'default',
  elastic: false,
  admit: admitAll,
  place: placeWarmest,
  scale: scaleToQueue,
  size: wholeRegion,
};
