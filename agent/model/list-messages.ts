/**
 * Lists of what the agent's book has, in pages: no VM is asked. States are texts, which a client
 * shows as they are: others may come. Pure.
 */
import { z } from 'zod';
import {
  bytes,
  count,
  field,
  known,
  message,
  moment_ms,
  optional_text,
  stamp_ms,
  text,
} from './fields.ts';
import { CAUSES } from './operations.ts';
import { operationSchema } from './records.ts';

/** Of a page token: the names it is made of are shorter. */
const TOKEN_CHARS = 128;

export const listRequestSchema = message(
  'ListRequest',
  {
    function: field(1, z.string().nullable(), 'absent: of all'),
    vm_id: field(2, z.string().nullable(), 'absent: of all'),
    state: field(3, z.string().nullable(), 'absent: in any'),
    page_size: field(4, count.nullable(), 'most rows of a page; absent, or above: 1,024'),
    page_token: field(
      5,
      z.string().max(TOKEN_CHARS).nullable(),
      'next_page_token of the page before; absent: the first page',
    ),
  },
  'Which rows. Who goes from page to page is told once of each that is there all the time, whatever ' +
    'comes and goes meanwhile. A page may have fewer rows than asked for, even none: the last one ' +
    'is the one without next_page_token.',
);
export type ListRequest = z.infer<typeof listRequestSchema>;

const next_page_token = optional_text;

export const functionRowSchema = message('FunctionRow', {
  function: field(1, text),
  state: field(2, text, 'deploying, serving, removing, ending, lost'),
  mechanism: field(3, text),
  limit_bytes: field(4, bytes, 'memory of one instance'),
  concurrency: field(5, count, 'regions of each VM'),
  vms: field(6, count),
  vms_max: field(7, count),
  instances: field(8, count, 'however far'),
  invocations_queued: field(9, count),
  permits_bytes: field(10, bytes, 'granted for regions'),
  boot_bytes: field(11, bytes, 'granted for ordinary memory of its VMs'),
  last_error_code: field(12, optional_text, 'of what went wrong unasked; absent: nothing did'),
  revision: field(13, count, 'of its definition: how often another one was given'),
});
export type FunctionRow = z.infer<typeof functionRowSchema>;

export const vmRowSchema = message('VmRow', {
  vm_id: field(1, text),
  function: field(2, text),
  state: field(
    3,
    text,
    'booting, filling, running, outdated, draining, quarantined, unresponsive, adopting, ending, lost',
  ),
  instances: field(4, count),
  regions: field(5, count),
  permits_bytes: field(6, bytes, 'granted for regions'),
  boot_bytes: field(7, bytes, 'granted for its ordinary memory'),
  overhead_bytes: field(8, bytes, 'granted for its VMM process'),
  vmm_pid: field(9, count.nullable(), 'absent: it has not told yet'),
  guest_kernel: field(10, optional_text),
  launched_at_ms: field(11, moment_ms),
  instances_started: field(12, count, 'since it was launched'),
});
export type VmRow = z.infer<typeof vmRowSchema>;

export const instanceRowSchema = message('InstanceRow', {
  instance_id: field(1, text),
  function: field(2, text),
  vm_id: field(3, text),
  region_id: field(4, text),
  state: field(5, text, 'starting, busy, idle, stopping'),
  plugged_bytes: field(6, bytes, 'by the book'),
  used_bytes: field(7, bytes.nullable(), "the guest's word; absent: it told nothing"),
  invocations: field(8, count, 'that it ran'),
  invocation_id: field(9, optional_text, 'what it runs'),
  idle_since_ms: field(10, stamp_ms, 'absent: it is not idle'),
  address: field(11, optional_text, 'IPv4, on the bridge of its function; absent: it has none'),
});
export type InstanceRow = z.infer<typeof instanceRowSchema>;

export const regionRowSchema = message('RegionRow', {
  vm_id: field(1, text),
  region_id: field(2, text),
  function: field(3, text),
  state: field(
    4,
    text,
    'resizing; held by an instance; ready: plugged ahead of a start; empty; left: an unplug did ' +
      'not empty it',
  ),
  target_bytes: field(5, bytes, 'what the VMM was asked for last'),
  plugged_bytes: field(6, bytes, "the VMM's word at the end of the last resize"),
  permit_bytes: field(7, bytes, 'granted for it'),
  used_bytes: field(8, bytes.nullable(), "the guest's word; absent: it told nothing"),
  instance_id: field(9, optional_text),
  operation_id: field(10, optional_text, 'the resize in flight'),
  unplug_attempts: field(11, count, 'that left bytes behind since it was last empty'),
  span: field(12, known(text), 'the span that it is of its instance; absent: its own memory'),
  host_node: field(13, known(count), 'node of the host that it is bound to; absent: any'),
});
export type RegionRow = z.infer<typeof regionRowSchema>;

export const operationRowSchema = message(
  'OperationRow',
  {
    operation_id: field(1, text),
    function: field(2, text),
    vm_id: field(3, text),
    region_id: field(4, text),
    instance_id: field(5, optional_text),
    kind: field(6, z.enum(['plug', 'unplug'])),
    cause: field(7, z.enum(CAUSES)),
    from_bytes: field(8, bytes),
    to_bytes: field(9, bytes),
    decided_at_ms: field(10, moment_ms),
  },
  'A resize in flight.',
);
export type OperationRow = z.infer<typeof operationRowSchema>;

export const listFunctionsResponseSchema = message('ListFunctionsResponse', {
  rows: field(1, z.array(functionRowSchema).readonly(), 'by name'),
  next_page_token: field(2, next_page_token),
});
export const listVmsResponseSchema = message('ListVmsResponse', {
  rows: field(1, z.array(vmRowSchema).readonly(), 'the longest there first'),
  next_page_token: field(2, next_page_token),
});
export const listInstancesResponseSchema = message('ListInstancesResponse', {
  rows: field(1, z.array(instanceRowSchema).readonly(), 'VM by VM'),
  next_page_token: field(2, next_page_token),
});
export const listRegionsResponseSchema = message('ListRegionsResponse', {
  rows: field(1, z.array(regionRowSchema).readonly(), 'VM by VM'),
  next_page_token: field(2, next_page_token),
});
export const listOperationsResponseSchema = message('ListOperationsResponse', {
  rows: field(1, z.array(operationRowSchema).readonly(), 'the first decided first'),
  next_page_token: field(2, next_page_token),
});

export const watchOperationsRequestSchema = message('WatchOperationsRequest', {
  after: field(1, count.nullable(), 'a sequence number that was told; absent: all that are kept'),
  function: field(2, z.string().nullable(), 'absent: of all'),
  vm_id: field(3, z.string().nullable(), 'absent: of all'),
  follow: field(4, z.boolean(), 'goes on until the caller cancels; else it ends with the newest'),
});

export const operationEntrySchema = message('OperationEntry', {
  sequence: field(1, count, 'grows with every operation that ends, also from agent to agent'),
  missed: field(
    2,
    count.nullable(),
    'ended after the one told before and are not kept; absent: not known, of an agent before',
  ),
  operation: field(3, operationSchema),
});
export type OperationEntry = z.infer<typeof operationEntrySchema>;
