/** Messages about the host as a whole: whether it takes new work, and what is on it. Pure. */
import { z } from 'zod';
import { AVAILABILITIES } from './cordon.ts';
import { bytes, count, field, known, message, text } from './fields.ts';

const who = z.string().max(256);

/** What is told of a cordon. */
export const cordonSchema = message('Cordon', {
  availability: field(1, z.enum(AVAILABILITIES)),
  author: field(2, text),
  reason: field(3, text),
  since: field(4, text, 'wall clock of the host, RFC 3339'),
});
export type Cordon = Readonly<z.infer<typeof cordonSchema>>;

export const cordonRequestSchema = message('CordonRequest', {
  drain: field(1, z.boolean(), 'what runs may end, and every VM ends then'),
  author: field(
    2,
    who,
    'of a peer with a certificate its name is taken, of another its user is added',
  ),
  reason: field(3, who),
});
export type CordonRequest = Readonly<z.infer<typeof cordonRequestSchema>>;

export const uncordonRequestSchema = message('UncordonRequest', {
  author: field(1, who, 'likewise'),
  reason: field(2, who),
});
export type UncordonRequest = Readonly<z.infer<typeof uncordonRequestSchema>>;

export const getHostRequestSchema = message('GetHostRequest', {});

const tierSchema = message(
  'Tier',
  {
    host_node: field(1, known(count), 'absent: what no node has of the limit'),
    limit_bytes: field(2, bytes),
    granted_bytes: field(3, bytes),
    free_bytes: field(4, bytes, 'of its limit'),
  },
  'A budget of host memory: of one NUMA node, or of whatever node.',
);
export type HostTier = Readonly<z.infer<typeof tierSchema>>;

export const hostSchema = message(
  'Host',
  {
    availability: field(1, z.enum(AVAILABILITIES)),
    cordon: field(2, cordonSchema.nullable(), 'absent: it takes new work'),
    limit_bytes: field(3, bytes, 'host memory that all VMs may be granted'),
    granted_bytes: field(4, bytes, 'the book as a whole: boot memory, VMM processes and regions'),
    free_bytes: field(5, bytes, 'of limit_bytes'),
    functions: field(6, count, 'that are deployed, in whatever phase'),
    vms: field(7, count, 'that hold memory; those of an earlier agent that would not end included'),
    instances_starting: field(8, count),
    instances_busy: field(9, count),
    instances_idle: field(10, count),
    instances_stopping: field(11, count),
    invocations_queued: field(12, count),
    version: field(13, text, 'of the agent'),
    pid: field(14, count, 'of the agent'),
    tiers: field(
      15,
      z.array(tierSchema).readonly().default([]),
      'the budgets that the limit is made of; none: an older agent',
    ),
  },
  'By the book of the agent: nobody is asked.',
);
export type Host = Readonly<z.infer<typeof hostSchema>>;
