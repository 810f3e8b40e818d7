/** Where a function has a network: the part of a spec that says so. Pure. */
import { z } from 'zod';
import { field, message } from './fields.ts';

/** As the kernel names devices, without what has a meaning to those who read names. */
export const BRIDGE = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,14}$/;

export const networkSpecSchema = message(
  'NetworkSpec',
  {
    bridge: field(
      1,
      z.string().regex(BRIDGE, 'must be the name of a bridge'),
      "one of 'bridges' in the configuration of the agent",
    ),
  },
  'Where a function has a network: each of its instances an address of its own on a bridge.',
);
