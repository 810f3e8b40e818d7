/** What spans a function has: a part of its spec. Pure. */
import { z } from 'zod';
import { LIMITS } from '../../base/limits.ts';
import { DEVICE_BLOCK_BYTES } from '../../base/units.ts';
import { HOST_NODE_MAX } from '../../hypervisor-client/host/host-nodes.ts';
import { field, known, message } from './fields.ts';

/** Name of a span: what a program asks for it by. */
export const SPAN_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export const spanSpecSchema = message(
  'SpanSpec',
  {
    name: field(1, z.string().regex(SPAN_NAME, 'must be like [a-z0-9][a-z0-9_-]{0,62}')),
    max_bytes: field(
      2,
      z.number().int().min(DEVICE_BLOCK_BYTES).max(LIMITS.function_bytes),
      'most that one can be',
    ),
    host_node: field(
      3,
      known(z.number().int().min(0).max(HOST_NODE_MAX)),
      'NUMA node of the host that its memory comes from; absent: that of its function',
    ),
  },
  'Memory with a life of its own inside an instance: opened, touched, closed, given back.',
);
export type SpanSpec = Readonly<z.infer<typeof spanSpecSchema>>;
