/** Why the agent said no, or why something broke: the data of a HotplaneError, as plain JSON. */
import type { ErrorCategory } from '../../base/errors.ts';
import { AGENT_CODES, type AgentErrorCode } from './errors.ts';
import { formatBytes } from '../../base/units.ts';
import type { CordonState } from './cordon.ts';
import type { PressureLevel } from './pressure.ts';
import type { FunctionSpec } from './spec.ts';
import type { NodeLimit } from './tiers.ts';

export interface Refusal {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly message: string;
  readonly next: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Without `next` the usual one of the code. */
export function refusal(
  code: AgentErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
  next: string = AGENT_CODES[code].next,
): Refusal {
  return { code, category: AGENT_CODES[code].category, message, next, details };
}

export const REFUSALS = {
  restarted: (name: string) =>
    refusal('HP_AGENT_RESTARTED', `the agent was started anew while a call of '${name}' waited.`),
  agentLeaves: () =>
    refusal('HP_AGENT_LEAVES', 'the agent ends and leaves its VMs to the next one.'),
  endedUnseen: (id: string) =>
    refusal('HP_AGENT_INSTANCE_EXITED', `instance ${id} ended while no agent was there.`),
  keyReused: (name: string, key: string) =>
    refusal('HP_AGENT_KEY_REUSED', `key '${key}' was used for another call of '${name}'.`),
  noFunction: (name: string) =>
    refusal('HP_AGENT_NO_FUNCTION', `no function '${name}' is deployed on this host.`),
  badDag: (name: string, field: string, why: string) =>
    refusal('HP_AGENT_DAG', `DAG '${name}' cannot be: ${field}: ${why}.`, { field }),
  stageWithoutFunction: (dag: string, stage: string, name: string) =>
    refusal(
      'HP_AGENT_NO_FUNCTION',
      `stage '${stage}' of DAG '${dag}' runs '${name}', which is not deployed on this host.`,
      { dag, stage, function: name },
    ),
  noDag: (name: string) => refusal('HP_AGENT_NO_DAG', `no DAG '${name}' is deployed on this host.`),
  /** Exit code and next step are those of the cause. */
  stageFailed: (dag: string, stage: string, cause: Refusal): Refusal => ({
    ...refusal(
      'HP_AGENT_DAG_STAGE',
      `stage '${stage}' of DAG '${dag}' failed: ${cause.code}: ${cause.message}`,
      { dag, stage, cause: cause.code },
      cause.next,
    ),
    category: cause.category,
  }),
  stagesNotJoined: (why: string, what: string) =>
    refusal('HP_AGENT_DAG_PAYLOAD', `${what} cannot be put together: ${why}.`),
  dagsBusy: (limit: number) =>
    refusal('HP_AGENT_DAGS_BUSY', `${limit} calls of DAGs go on already, the limit.`, { limit }),
  tooManyDags: (limit: number) =>
    refusal('HP_AGENT_TOO_MANY_DAGS', `this host has ${limit} DAGs, its limit.`, { limit }),
  noInstance: (id: string) =>
    refusal('HP_AGENT_NO_INSTANCE', `no instance '${id}' lives on this host.`),
  conflict: (name: string, fields: readonly string[]) =>
    refusal(
      'HP_AGENT_CONFLICT',
      `function '${name}' is deployed with another spec (different: ${fields.join(', ')}).`,
      { fields },
    ),
  nothingToUpdate: (name: string) =>
    refusal(
      'HP_AGENT_NO_FUNCTION',
      `function '${name}' has no VM here that an update would touch: a deploy would launch one.`,
    ),
  noUpdate: (name: string, fields: readonly string[], why: string) =>
    refusal(
      'HP_AGENT_NO_UPDATE',
      `function '${name}' cannot be changed while it is there (${fields.join(', ')}): ${why}.`,
      { fields },
    ),
  updateStuck: (name: string, tries: number, failure: Refusal | null) =>
    refusal(
      'HP_AGENT_UPDATE_STUCK',
      `none of ${tries} VMs of the new definition of '${name}' came up, those of the earlier one ` +
        `serve on: ${failure?.message ?? 'why is not known.'}`,
      { tries, code: failure?.code ?? null },
    ),
  badTargets: (name: string, why: string) =>
    refusal('HP_AGENT_TARGETS', `function '${name}' cannot have these targets: ${why}.`),
  targetsChanged: (name: string, asked: number, revision: number) =>
    refusal(
      'HP_AGENT_TARGETS_CHANGED',
      `the targets of '${name}' have revision ${revision} by now, not ${asked}.`,
      { asked, revision },
    ),
  hostCordoned: ({ drains, author, reason }: CordonState) =>
    refusal(
      'HP_AGENT_HOST_CORDONED',
      `this host takes no new work: it ${drains ? 'is drained' : 'is cordoned'}` +
        `${author === '' ? '' : ` by ${author}`}${reason === '' ? '' : `: ${reason}`}.`,
      { drains, author, reason },
    ),
  removing: (name: string) => refusal('HP_AGENT_REMOVING', `function '${name}' is being removed.`),
  tooManyFunctions: (limit: number) =>
    refusal(
      'HP_AGENT_TOO_MANY_FUNCTIONS',
      `this host already runs ${limit} function VMs, its limit.`,
      { limit },
    ),
  /** `host_node`: of whose limit; null: of the host's. */
  noMemory: (
    asked_bytes: number,
    granted_bytes: number,
    limit_bytes: number,
    host_node: number | null = null,
  ) =>
    refusal(
      'HP_AGENT_NO_MEMORY',
      `asked for ${formatBytes(asked_bytes)}, but ${formatBytes(granted_bytes)} of the ` +
        (host_node === null ? 'host limit' : `limit of host node ${host_node}`) +
        ` of ${formatBytes(limit_bytes)} are granted already.`,
      { asked_bytes, granted_bytes, limit_bytes, ...(host_node === null ? {} : { host_node }) },
    ),
  /** Within the budget, but not what the host can give. */
  hostMemory: (
    asked_bytes: number,
    granted_bytes: number,
    host: {
      readonly can_give_bytes: number;
      readonly available_bytes: number;
      readonly keep_bytes: number;
    },
  ) =>
    refusal(
      'HP_AGENT_HOST_MEMORY',
      `asked for ${formatBytes(asked_bytes)}, but the host can give all VMs ` +
        `${formatBytes(host.can_give_bytes)} together, and ${formatBytes(granted_bytes)} are ` +
        `granted: it has ${formatBytes(host.available_bytes)} available, of which it keeps ` +
        `${formatBytes(host.keep_bytes)}.`,
      { asked_bytes, granted_bytes, ...host },
    ),
  hostPressed: (level: PressureLevel, available_bytes: number, keep_bytes: number) =>
    refusal(
      'HP_AGENT_HOST_PRESSURE',
      `the host is short of memory (pressure '${level}'): it has ` +
        `${formatBytes(available_bytes)} available of the ${formatBytes(keep_bytes)} it keeps.`,
      { level, available_bytes, keep_bytes },
    ),
  guestHeadroom: (region_id: string, needed_bytes: number, left_bytes: number, to_bytes: number) =>
    refusal(
      'HP_AGENT_GUEST_HEADROOM',
      `the guest would need ${formatBytes(needed_bytes)} of its ordinary memory to take up ` +
        `${formatBytes(to_bytes)} in ${region_id}, and has ` +
        `${formatBytes(Math.max(0, left_bytes))} for it.`,
      { needed_bytes, left_bytes, to_bytes },
    ),
  /** Others wait longer: what is free, or comes free, is theirs. */
  behindOthers: (asked_bytes: number, granted_bytes: number, limit_bytes: number, first: string) =>
    refusal(
      'HP_AGENT_NO_MEMORY',
      `asked for ${formatBytes(asked_bytes)}, but ${formatBytes(granted_bytes)} of the host limit` +
        ` of ${formatBytes(limit_bytes)} are granted already, and '${first}' waits longer.`,
      { asked_bytes, granted_bytes, limit_bytes, first },
    ),
  /** `failure`: what it was told when it asked last. */
  waitedForMemory: (failure: Refusal, waited_ms: number): Refusal => ({
    ...failure,
    message: `${failure.message.replace(/\.$/, '')}; waited ${Math.round(waited_ms)} ms.`,
    details: { ...failure.details, waited_ms },
  }),
  notRecorded: (asked_bytes: number) =>
    refusal(
      'HP_AGENT_LEDGER_FULL',
      `asked for ${formatBytes(asked_bytes)}, but the disk of the ledger is full, and what cannot ` +
        'be recorded is not granted.',
      { asked_bytes },
    ),
  neverFits: (
    spec: FunctionSpec,
    instances: number,
    sizes: {
      readonly needed_bytes: number;
      readonly vmm_overhead_bytes: number;
      readonly limit_bytes: number;
      /** Of each, at its start. */
      readonly region_bytes: number;
    },
  ) =>
    refusal(
      'HP_AGENT_NO_MEMORY',
      `function '${spec.name}' can never run here: boot memory ${formatBytes(spec.boot_bytes)}, ` +
        `VMM ${formatBytes(sizes.vmm_overhead_bytes)} and ${instances} x ` +
        `${formatBytes(sizes.region_bytes)} are ${formatBytes(sizes.needed_bytes)}, more than the ` +
        `host limit of ${formatBytes(sizes.limit_bytes)}.`,
      { ...sizes, boot_bytes: spec.boot_bytes, instances },
      'deploy it with less memory, or raise the host limit of the agent.',
    ),
  /** `node`: whose limit it is beyond; null: the host's, without what its nodes have of that. */
  neverFitsNodes: (
    name: string,
    node: number | null,
    sizes: { readonly needed_bytes: number; readonly limit_bytes: number },
  ) => {
    const { needed_bytes, limit_bytes } = sizes;
    const [what, limit] =
      node === null
        ? ['boot memory and VMM', 'that the host limit leaves beside those of its nodes']
        : ['a VM with one instance', `of host node ${node}`];
    return refusal(
      'HP_AGENT_NO_MEMORY',
      `function '${name}' can never run here: ${what} take ${formatBytes(needed_bytes)}, more ` +
        `than the ${formatBytes(limit_bytes)} ${limit}.`,
      { ...sizes, host_node: node },
      'deploy it with less memory, or raise the limits of the agent.',
    );
  },
  noHostNode: (name: string, node: number, limits: readonly NodeLimit[]) =>
    refusal(
      'HP_AGENT_NO_HOST_NODE',
      `function '${name}' is to have memory of host node ${node}, and this agent has ` +
        (limits.length === 0
          ? 'none to give of any node.'
          : `some to give of ${limits.map((one) => `node ${one.node}`).join(', ')} alone.`),
      { host_node: node, nodes: limits.map((one) => one.node) },
    ),
  tooManyVcpus: (vcpus: number, host_cpus: number) =>
    refusal(
      'HP_AGENT_TOO_MANY_VCPUS',
      `${vcpus} vCPUs are more than the ${host_cpus} CPUs of this host.`,
      { vcpus, host_cpus },
    ),
  noNetwork: (name: string, missing: readonly string[]) =>
    refusal(
      'HP_AGENT_NO_NETWORK',
      `function '${name}' cannot have the network it asks for: ${missing.join('; ')}.`,
      { missing },
    ),
  noAddress: (bridge: string, addresses: number, pool: number) =>
    refusal(
      'HP_AGENT_NO_ADDRESS',
      `a VM takes ${addresses} addresses in a row, and the pool of bridge '${bridge}' with its ` +
        `${pool} has no room for them.`,
      { bridge, addresses, pool },
    ),
  queueFull: (name: string, limit: number) =>
    refusal('HP_AGENT_QUEUE_FULL', `${limit} invocations of '${name}' wait already, the limit.`, {
      limit,
    }),
  notAdmitted: (name: string, policy: string, reason: string) =>
    refusal(
      'HP_AGENT_NOT_ADMITTED',
      `policy '${policy}' does not let an invocation of '${name}' wait: ${reason}`,
      { policy },
    ),
  queuedTooLong: (name: string, waited_ms: number) =>
    refusal(
      'HP_AGENT_QUEUED_TOO_LONG',
      `no instance of '${name}' became free for ${Math.round(waited_ms)} ms.`,
      { waited_ms },
    ),
  functionFailed: (what: string) =>
    refusal('HP_AGENT_FUNCTION_FAILED', `the function itself failed: ${what}`),
  payloadsHeld: (bytes: number, limit_bytes: number) =>
    refusal(
      'HP_AGENT_PAYLOADS_HELD',
      `another ${formatBytes(bytes)} of payload are more than the ${formatBytes(limit_bytes)} ` +
        'that the agent holds for its callers.',
      { bytes, limit_bytes },
    ),
  cancelled: () => refusal('HP_AGENT_CANCELLED', 'the caller went away.'),
  /** `again_ms`: until it gets another VM; null: not known. */
  vmLost: (name: string, why: Refusal | null, again_ms: number | null = null) => {
    const cause = why ? `: ${why.code}: ${why.message}` : '.';
    const again = again_ms === null ? '' : ` It gets another in ${Math.ceil(again_ms / 1_000)} s.`;
    const details = again_ms === null ? {} : { again_ms };
    const message = `the VM of function '${name}' is gone${cause}${again}`;
    return refusal('HP_AGENT_VM_LOST', message, why ? { cause: why.code, ...details } : details);
  },
  unresponsive: (name: string, silent_ms: number) =>
    refusal(
      'HP_AGENT_UNRESPONSIVE',
      `the guest of function '${name}' does not answer; found out ${Math.round(silent_ms)} ms ago.`,
      { silent_ms },
    ),
  quarantinedSilent: (vm_id: string, silent_ms: number) =>
    refusal(
      'HP_AGENT_VM_QUARANTINED',
      `VM ${vm_id} is quarantined: its guest does not answer for ${Math.round(silent_ms)} ms.`,
      { vm_id, silent_ms },
    ),
  quarantinedKeeps: (
    vm_id: string,
    kept: { region_id: string; plugged_bytes: number; unplug_attempts: number },
  ) =>
    refusal(
      'HP_AGENT_VM_QUARANTINED',
      `VM ${vm_id} is quarantined: region ${kept.region_id} still holds ${kept.plugged_bytes} ` +
        `bytes, which nobody uses, after ${kept.unplug_attempts} unplugs.`,
      { vm_id, ...kept },
    ),
  noVm: (name: string, vm_id: string) =>
    refusal('HP_AGENT_NO_VM', `function '${name}' has no VM '${vm_id}' that serves.`),
  vmUndead: (name: string, reason: string) =>
    refusal('HP_AGENT_VM_UNDEAD', `the VM of function '${name}' could not be shut down: ${reason}`),
  /** `code`: the driver's own, where it told one. */
  plugFailed: (code: string | null, reason: string | null) => {
    const why = reason ?? 'no reason given.';
    const told = `the region of the new instance was not plugged: ${why}`;
    const refused = refusal('HP_AGENT_PLUG_FAILED', told);
    return { ...refused, code: code ?? refused.code };
  },
  notElastic: (name: string, why: string) =>
    refusal('HP_AGENT_NOT_ELASTIC', `the memory of '${name}' cannot follow its use: ${why}.`),
  noSpans: (name: string, why: string) =>
    refusal('HP_AGENT_NO_SPANS', `'${name}' cannot have spans: ${why}.`),
  spanUnknown: (span: string, names: readonly string[]) =>
    refusal(
      'HP_AGENT_SPAN_DENIED',
      `its function has no span '${span}'` +
        (names.length === 0 ? '.' : `, it has ${names.map((one) => `'${one}'`).join(', ')}.`),
      { span },
    ),
  spanBeyond: (span: string, bytes: number, max_bytes: number) =>
    refusal(
      'HP_AGENT_SPAN_DENIED',
      `span '${span}' of ${formatBytes(bytes)} is more than its ${formatBytes(max_bytes)}.`,
      { span, bytes, max_bytes },
    ),
  spanShares: (span: string) =>
    refusal(
      'HP_AGENT_SPAN_DENIED',
      `the device of span '${span}' has other regions, and is not moved for one of them.`,
      { span },
    ),
  /** `why`: what stood in its way last. */
  spanDenied: (span: string, bytes: number, waited_ms: number, why: Refusal | null) =>
    refusal(
      'HP_AGENT_SPAN_DENIED',
      `span '${span}' of ${formatBytes(bytes)} did not come within ${Math.round(waited_ms)} ms: ` +
        (why ? `${why.code}: ${why.message}` : 'its region was not plugged.'),
      { span, bytes, waited_ms, cause: why?.code ?? null },
    ),
  expressionBeyond: (name: string, worst_bytes: number, limit_bytes: number) =>
    refusal(
      'HP_AGENT_EXPRESSION_BEYOND',
      `the memory expression of '${name}' comes to ${formatBytes(worst_bytes)} at the most, more ` +
        `than its limit of ${formatBytes(limit_bytes)}.`,
      { worst_bytes, limit_bytes },
    ),
  expressionWrong: (name: string, because: string) =>
    refusal(
      'HP_AGENT_EXPRESSION_WRONG',
      `calls of '${name}' are sized without its memory expression: ${because}.`,
    ),
  growthBeyond: (max_bytes: number) =>
    refusal('HP_AGENT_GROWTH_DENIED', `${formatBytes(max_bytes)} is all it can be.`, { max_bytes }),
  growthFailed: (
    to_bytes: number,
    plugged_bytes: number,
    code: string | null,
    why: string | null,
  ) =>
    refusal(
      'HP_AGENT_PLUG_FAILED',
      `the VMM has plugged ${formatBytes(plugged_bytes)} of ${formatBytes(to_bytes)}: ` +
        (why ?? 'no reason given'),
      { to_bytes, plugged_bytes, cause: code },
    ),
  growthDenied: (
    instance_id: string,
    about: {
      readonly want_bytes: number;
      readonly plugged_bytes: number;
      readonly max_bytes: number;
      readonly waited_ms: number;
    },
    why: Refusal | null,
  ) =>
    refusal(
      'HP_AGENT_GROWTH_DENIED',
      `instance '${instance_id}' has all its ${formatBytes(about.plugged_bytes)} in use and got ` +
        `no more within ${Math.round(about.waited_ms)} ms: ` +
        (why ? `${why.code}: ${why.message}` : 'nothing more was plugged.'),
      { ...about, cause: why?.code ?? null },
    ),
  guestStuck: (instance_id: string, attempts: number, reason: string) =>
    refusal(
      'HP_AGENT_GUEST_STUCK',
      `the guest did not stop instance '${instance_id}' in ${attempts} tries: ${reason}`,
    ),
  instanceExited: (reason: string, status: number | null, signal: number | null) =>
    refusal(
      reason === 'oom' ? 'HP_AGENT_INSTANCE_OOM' : 'HP_AGENT_INSTANCE_EXITED',
      `the instance ended by itself: ${reason}` +
        `${status === null ? '' : `, status ${status}`}${signal === null ? '' : `, signal ${signal}`}.`,
      { reason, status, signal },
    ),
} as const;
