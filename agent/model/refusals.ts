/** Why the agent said no, or why something broke: the data of a HotplaneError, as plain JSON. */
import type { ErrorCategory } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import { type FunctionSpec, regionBytes } from './spec.ts';

export interface Refusal {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly message: string;
  readonly next: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function refusal(
  code: string,
  category: ErrorCategory,
  message: string,
  next: string,
  details: Readonly<Record<string, unknown>> = {},
): Refusal {
  return { code, category, message, next, details };
}

export const REFUSALS = {
  noFunction: (name: string) =>
    refusal(
      'HP_AGENT_NO_FUNCTION',
      'failure',
      `no function '${name}' is deployed on this host.`,
      'deploy it first, or ask for the status of all functions to see what is there.',
    ),
  conflict: (name: string, fields: readonly string[]) =>
    refusal(
      'HP_AGENT_CONFLICT',
      'conflict',
      `function '${name}' is deployed with another spec (different: ${fields.join(', ')}).`,
      'remove it first, or deploy with the same spec.',
      { fields },
    ),
  removing: (name: string) =>
    refusal(
      'HP_AGENT_REMOVING',
      'unavailable',
      `function '${name}' is being removed.`,
      'wait until it is gone, then deploy it again.',
    ),
  tooManyFunctions: (limit: number) =>
    refusal(
      'HP_AGENT_TOO_MANY_FUNCTIONS',
      'unavailable',
      `this host already runs ${limit} function VMs, its limit.`,
      'remove a function first.',
      { limit },
    ),
  noMemory: (asked_bytes: number, granted_bytes: number, limit_bytes: number) =>
    refusal(
      'HP_AGENT_NO_MEMORY',
      'unavailable',
      `asked for ${formatBytes(asked_bytes)}, but ${formatBytes(granted_bytes)} of the host limit` +
        ` of ${formatBytes(limit_bytes)} are granted already.`,
      'wait until instances go idle, remove a function, or raise the host limit of the agent.',
      { asked_bytes, granted_bytes, limit_bytes },
    ),
  neverFits: (
    spec: FunctionSpec,
    instances: number,
    sizes: {
      readonly needed_bytes: number;
      readonly vmm_overhead_bytes: number;
      readonly limit_bytes: number;
    },
  ) =>
    refusal(
      'HP_AGENT_NO_MEMORY',
      'unavailable',
      `function '${spec.name}' can never run here: boot memory ${formatBytes(spec.boot_bytes)}, ` +
        `VMM ${formatBytes(sizes.vmm_overhead_bytes)} and ${instances} x ` +
        `${formatBytes(regionBytes(spec))} are ${formatBytes(sizes.needed_bytes)}, more than the ` +
        `host limit of ${formatBytes(sizes.limit_bytes)}.`,
      'deploy it with less memory, or raise the host limit of the agent.',
      { ...sizes, boot_bytes: spec.boot_bytes, region_bytes: regionBytes(spec), instances },
    ),
  tooManyVcpus: (vcpus: number, host_cpus: number) =>
    refusal(
      'HP_AGENT_TOO_MANY_VCPUS',
      'usage',
      `${vcpus} vCPUs are more than the ${host_cpus} CPUs of this host.`,
      'deploy it with fewer vCPUs.',
      { vcpus, host_cpus },
    ),
  queueFull: (name: string, limit: number) =>
    refusal(
      'HP_AGENT_QUEUE_FULL',
      'unavailable',
      `${limit} invocations of '${name}' wait already, the limit.`,
      'send fewer at once, or deploy with a higher concurrency.',
      { limit },
    ),
  notAdmitted: (name: string, policy: string, reason: string) =>
    refusal(
      'HP_AGENT_NOT_ADMITTED',
      'unavailable',
      `policy '${policy}' does not let an invocation of '${name}' wait: ${reason}`,
      'send fewer at once, or run the agent with another policy.',
      { policy },
    ),
  queuedTooLong: (name: string, waited_ms: number) =>
    refusal(
      'HP_AGENT_QUEUED_TOO_LONG',
      'timeout',
      `no instance of '${name}' became free for ${Math.round(waited_ms)} ms.`,
      'send fewer at once, or deploy with a higher concurrency.',
      { waited_ms },
    ),
  cancelled: () =>
    refusal('HP_AGENT_CANCELLED', 'interrupted', 'the caller went away.', 'call again.'),
  vmLost: (name: string, why: Refusal | null) =>
    refusal(
      'HP_AGENT_VM_LOST',
      'unavailable',
      `the VM of function '${name}' is gone${why ? `: ${why.code}: ${why.message}` : '.'}`,
      'deploy the function again with the same spec; it gets a new VM.',
      why ? { cause: why.code } : {},
    ),
  unresponsive: (name: string, silent_ms: number) =>
    refusal(
      'HP_AGENT_UNRESPONSIVE',
      'unavailable',
      `the guest of function '${name}' does not answer; found out ${Math.round(silent_ms)} ms ago.`,
      'try again when it answers, or remove the function and deploy it again.',
      { silent_ms },
    ),
  vmUndead: (name: string, reason: string) =>
    refusal(
      'HP_AGENT_VM_UNDEAD',
      'failure',
      `the VM of function '${name}' could not be shut down: ${reason}`,
      'remove the function again; if that fails too, end the VMM process by hand.',
    ),
  plugFailed: (code: string | null, reason: string | null) =>
    refusal(
      code ?? 'HP_AGENT_PLUG_FAILED',
      'failure',
      `the region of the new instance was not plugged: ${reason ?? 'no reason given.'}`,
      'look at the operation record and the console of the VM.',
    ),
  guestStuck: (instance_id: string, attempts: number, reason: string) =>
    refusal(
      'HP_AGENT_GUEST_STUCK',
      'failure',
      `the guest did not stop instance '${instance_id}' in ${attempts} tries: ${reason}`,
      'deploy the function again; look at the console of the VM for the cause.',
    ),
  instanceExited: (reason: string, status: number | null, signal: number | null) =>
    refusal(
      reason === 'oom' ? 'HP_AGENT_INSTANCE_OOM' : 'HP_AGENT_INSTANCE_EXITED',
      'failure',
      `the instance ended by itself: ${reason}` +
        `${status === null ? '' : `, status ${status}`}${signal === null ? '' : `, signal ${signal}`}.`,
      reason === 'oom'
        ? 'raise the memory limit of the function, or let the invocation use less.'
        : 'look at the console of the VM for its output.',
      { reason, status, signal },
    ),
} as const;
