/**
 * The configuration of the agent: one row for each key. From it come the flags of `hotplane agent`
 * (`--state-dir`), the variables (`HOTPLANE_STATE_DIR`), the keys of the file (`state_dir`),
 * docs/configuration.md and the file that a package installs.
 */
import { join } from 'node:path';
import { AGENT_LIMITS } from '../../agent/limits.ts';
import { GUEST_KERNELS, servedByEither } from '../../agent/model/guest-kernel.ts';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { DEFAULT_QUEUE } from '../../agent/model/operation-queue.ts';
import { FULL_MODES } from '../../agent/model/config.ts';
import { LIMITS } from '../../base/limits.ts';
import { LEDGER_LIMITS } from '../../ledger/limits.ts';
import { runtimeDir } from '../../base/paths.ts';
import { DRIVERS } from '../../hypervisor-client/drivers.ts';
import { CLI_LIMITS } from '../limits.ts';
import { POLICIES, USUAL_POLICY } from './policies.ts';
import {
  ADDRESSES,
  BRIDGES,
  CERTIFICATE_NAMES,
  GROUP,
  HTTP_ADDRESS,
  type ConfigKind,
  listOf,
  NETWORK_ADDRESS,
  oneOf,
  pathCalled,
  SIZE,
  SIZE_OR_OFF,
  SOCKET_MODE,
  SWITCH,
  USERS,
  wholeBetween,
} from './kinds.ts';
import { NODE_KEYS } from './node-keys.ts';
import { READY_KEYS } from './ready-keys.ts';
import { VMM_KEYS } from './vmm-keys.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export const VMM_CHOICES: readonly string[] = ['auto', ...DRIVERS.names];

export interface ConfigKey {
  /** In the file. Flag and variable are the same name, written their way. */
  readonly name: string;
  readonly kind: ConfigKind;
  /** One line: what it is. */
  readonly doc: string;
  /** As text, taken where no source has a value; null: there is none. */
  readonly default: string | null;
  /** What holds then, in words; also where the default differs from host to host. */
  readonly otherwise?: string;
  /** An earlier name of its variable, which comes after the usual one. */
  readonly variable_too?: string;
}

/** In the order in which they are shown. */
export const CONFIG_KEYS: readonly ConfigKey[] = [
  {
    name: 'socket',
    kind: pathCalled('PATH'),
    doc: "the agent's Unix socket",
    default: join(runtimeDir(), 'agent.sock'),
    otherwise: '`agent.sock` in the runtime folder',
  },
  {
    name: 'socket_group',
    kind: GROUP,
    doc: 'group of the socket: with socket_mode 0660 its members may do all that its owner may',
    default: null,
    otherwise: 'as it comes',
  },
  {
    name: 'socket_mode',
    kind: SOCKET_MODE,
    doc: 'permissions of the socket: 0600, or 0660 for the group too',
    default: '0600',
  },
  {
    name: 'socket_write',
    kind: USERS,
    doc: "users and %groups that may do all over the socket; root and the agent's user always may",
    default: null,
    otherwise: 'whoever may connect, unless socket_read is given',
  },
  {
    name: 'socket_read',
    kind: USERS,
    doc: 'users and %groups that may look over the socket, and change nothing',
    default: null,
    otherwise: 'none',
  },
  {
    name: 'read_socket',
    kind: pathCalled('PATH'),
    doc: 'another Unix socket, on which all may be looked at and nothing changed',
    default: null,
    otherwise: 'there is none',
  },
  {
    name: 'read_group',
    kind: GROUP,
    doc: 'group whose members may use read_socket; else its owner alone may',
    default: null,
    otherwise: 'none',
  },
  {
    name: 'tls_listen',
    kind: NETWORK_ADDRESS,
    doc: 'the API on a network, for those who have a certificate of tls_authority',
    default: 'off',
  },
  {
    name: 'tls_key',
    kind: pathCalled('FILE'),
    doc: 'key of the agent for tls_listen, in PEM',
    default: null,
    otherwise: 'none',
  },
  {
    name: 'tls_certificate',
    kind: pathCalled('FILE'),
    doc: 'certificate of the agent, in PEM',
    default: null,
    otherwise: 'none',
  },
  {
    name: 'tls_authority',
    kind: pathCalled('FILE'),
    doc: 'who signs the certificates of those who may call, in PEM',
    default: null,
    otherwise: 'none',
  },
  {
    name: 'tls_read',
    kind: CERTIFICATE_NAMES,
    doc: 'common names of certificates that may look',
    default: null,
    otherwise: 'nobody',
  },
  {
    name: 'tls_write',
    kind: CERTIFICATE_NAMES,
    doc: 'common names of certificates that may look, deploy, invoke, drain and remove',
    default: null,
    otherwise: 'nobody',
  },
  {
    name: 'state_dir',
    kind: pathCalled('DIR'),
    doc: 'sockets, consoles and handles of its VMs; one agent each',
    default: join(runtimeDir(), 'state'),
    otherwise: '`state` in the runtime folder',
  },
  {
    name: 'http_listen',
    kind: HTTP_ADDRESS,
    doc: 'page, health and metrics over HTTP: a port of loopback (127.0.0.1:9464) or a Unix socket',
    default: 'off',
  },
  {
    name: 'vmm',
    kind: oneOf('NAME', VMM_CHOICES),
    doc: 'which VMM to use',
    default: 'auto',
  },
  {
    name: 'host_limit',
    kind: SIZE,
    doc: 'most host memory all VMs may be granted together, VMMs included',
    default: null,
    otherwise: 'what the host or its memory cgroup has, less a twentieth, at least 256MiB',
  },
  {
    name: 'overcommit',
    kind: SWITCH,
    doc: 'let the host limit be more than the host has',
    default: 'false',
  },
  {
    name: 'host_keep',
    kind: SIZE,
    doc: 'memory the host keeps for others: where it has less, VMs give theirs back',
    default: null,
    otherwise: 'a twentieth of what it has, at least 256MiB; with `overcommit` it is not looked at',
  },
  {
    name: 'vmm_overhead',
    kind: SIZE,
    doc: 'booked for each VMM process besides the memory of its guest',
    default: String(CLI_LIMITS.vmm_overhead_bytes / 1024 / 1024).concat('MiB'),
  },
  {
    name: 'vms_max',
    kind: wholeBetween('N', 1, LIMITS.vms_per_host),
    doc: 'most function VMs at a time',
    default: String(LIMITS.vms_per_host_usual),
  },
  {
    name: 'queue_length_max',
    kind: wholeBetween('N', 0, AGENT_LIMITS.invocations_queued_per_function),
    doc: 'most invocations of one function that wait for an instance; more are refused',
    default: String(AGENT_LIMITS.invocations_queued_per_function),
  },
  {
    name: 'queued_ms',
    kind: wholeBetween('MS', 1, AGENT_LIMITS.invocation_queued_ms),
    doc: 'longest wait of an invocation for an instance',
    default: String(AGENT_LIMITS.invocation_queued_ms),
  },
  {
    name: 'memory_wait_ms',
    kind: wholeBetween('MS', 0, AGENT_LIMITS.invocation_queued_ms),
    doc: 'longest wait of an invocation for memory that others give back; 0: refused at once',
    default: String(AGENT_LIMITS.memory_wait_ms),
  },
  {
    name: 'reclaim_step',
    kind: SIZE_OR_OFF,
    doc: 'slow unplugs are made in steps of so much, between which starts go first; off: all at once',
    default: `${(DEFAULT_QUEUE.step_bytes ?? 0) / 1024 / 1024}MiB`,
  },
  {
    name: 'reclaim_tokens',
    kind: wholeBetween('N', 1, CLI_LIMITS.operations_max),
    doc: 'most steps of 128MiB of larger unplugs at once, while no function is slowed down',
    default: String(DEFAULT_QUEUE.tokens_max),
  },
  {
    name: 'reclaim_tokens_first',
    kind: wholeBetween('N', 1, CLI_LIMITS.operations_max),
    doc: 'how many of them at first; then one more, or half as many, as functions beside allow',
    default: null,
    otherwise: 'one for each CPU',
  },
  {
    name: 'reclaim_slowdown',
    kind: wholeBetween('PERCENT', 0, 10_000),
    doc: 'how much longer a function may run beside them: above it, half as many go on',
    default: String(Math.round(100 * (DEFAULT_QUEUE.slowdown_max - 1))),
  },
  {
    name: 'reclaim_wait_ms',
    kind: wholeBetween('MS', 0, 600_000),
    doc: 'longest time for which an unplug waits for its turn, before it and between its steps',
    default: String(DEFAULT_QUEUE.wait_ms.reclaim),
  },
  {
    name: 'reclaim_yields',
    kind: SWITCH,
    doc: 'a VMM runs behind all else while all it does is give back what nobody waits for',
    default: 'true',
  },
  {
    name: 'agent_ahead',
    kind: SWITCH,
    doc: 'the agent runs ahead of its VMs on the CPUs, where it leads its session and may',
    default: 'true',
  },
  {
    name: 'operations_max',
    kind: wholeBetween('N', 1, CLI_LIMITS.operations_max),
    doc: 'most changes of memory at once; those with the least time left go first',
    default: null,
    otherwise: 'no bound',
  },
  {
    name: 'hold_ms_per_gib_s',
    kind: wholeBetween('MS', 1, 1_000_000),
    doc: 'work that holding a GiB for a second is worth: what is wanted again sooner stays plugged',
    default: null,
    otherwise: 'all is given back',
  },
  ...VMM_KEYS,
  ...NODE_KEYS,
  {
    name: 'count_accesses',
    kind: pathCalled('PLUGIN'),
    doc: 'for measuring: a plugin of QEMU 7.2 that counts what guests do with memory, slowly',
    default: null,
    otherwise: 'nothing is counted',
  },
  {
    name: 'landlock',
    kind: SWITCH,
    doc: 'confine the VMM to its files (Cloud Hypervisor)',
    default: 'true',
  },
  {
    name: 'bridges',
    kind: BRIDGES,
    doc: 'bridges of this host that functions may be on: BRIDGE=GATEWAY/LENGTH:POOL of addresses each',
    default: null,
    otherwise: 'none: no function has a network',
  },
  {
    name: 'dns',
    kind: ADDRESSES,
    doc: 'servers that functions on a bridge ask for addresses of names',
    default: null,
    otherwise: 'none: what their image says',
  },
  ...READY_KEYS,
  {
    name: 'keep_vms',
    kind: SWITCH,
    doc: 'at SIGTERM leave the VMs running, for the next agent to go on with',
    default: 'false',
  },
  {
    name: 'ledger',
    kind: SWITCH,
    doc: "record all that moves memory, for 'hotplane ledger who'; it costs CPU",
    default: 'false',
  },
  {
    name: 'ledger_dir',
    kind: pathCalled('DIR'),
    doc: 'where the ledger is; one agent each',
    default: null,
    otherwise: '`ledger` in the state folder',
  },
  {
    name: 'ledger_kept',
    kind: SIZE,
    doc: 'the oldest segments of the ledger go when all have more',
    default: `${LEDGER_LIMITS.kept_bytes / 1024 / 1024}MiB`,
  },
  {
    name: 'ledger_full',
    kind: oneOf('WHAT', FULL_MODES),
    doc: 'when the disk of the ledger is full: grant nothing, or go on unrecorded',
    default: 'stop-grants',
  },
  {
    name: 'ledger_heads',
    kind: pathCalled('PATH'),
    doc: 'file to which heads of the ledger are written every second, best on another disk',
    default: null,
    otherwise: 'nowhere',
  },
  {
    name: 'build',
    kind: SWITCH,
    doc: 'build guest images that are not in the cache',
    default: 'true',
  },
  {
    name: 'mechanisms',
    kind: listOf(MECHANISMS.names),
    doc: 'make the guest images of these ready before serving',
    default: MECHANISMS.names.join(','),
  },
  {
    name: 'images',
    kind: pathCalled('DIR'),
    doc: "finished guest images ('hotplane images export'); nothing is built then",
    default: null,
    otherwise: 'the cache',
  },
  {
    name: 'guest_kernel',
    kind: oneOf('NAME', GUEST_KERNELS),
    doc: `of ${servedByEither().join(', ')}: with the series, switched off, or untouched`,
    default: 'series',
  },
  {
    name: 'policy',
    kind: oneOf('NAME', POLICIES.names),
    doc: 'who decides on starts, stops and sizes',
    default: USUAL_POLICY.name,
  },
  {
    name: 'policy_file',
    kind: pathCalled('FILE'),
    doc: "a module (.ts, .js) whose default export is a policy of one's own, which answers instead",
    default: null,
    otherwise: 'none: `policy` answers',
  },
  {
    name: 'log_level',
    kind: oneOf('LEVEL', LOG_LEVELS),
    doc: 'of the log',
    default: 'info',
  },
];

/** `state_dir` as a flag, without its dashes. Pure. */
export const flagOf = ({ name }: ConfigKey): string => name.replaceAll('_', '-');

/** `state_dir` as a variable. Pure. */
export const variableOf = ({ name }: ConfigKey): string => `HOTPLANE_${name.toUpperCase()}`;
