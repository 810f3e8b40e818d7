/**
 * Error codes of the agent, and of the way to it. Pure. Refusals are made of the same table, see
 * refusals.ts.
 */
import { SPAN_CODES } from './span-errors.ts';
import { type CodeInfo, errorMaker } from '../../base/errors.ts';
import { DAG_CODES } from './dag-errors.ts';
import { EXPRESSION_OF_FUNCTION_CODES } from './expression-codes.ts';
import { NETWORK_CODES } from './network-errors.ts';
import { TIER_CODES } from './tier-errors.ts';
import { PEER_CODES } from './peer-errors.ts';
import { UPDATE_CODES } from './update-errors.ts';

export const AGENT_CODES = {
  /* What a request asks for. */
  HP_AGENT_BAD_REQUEST: {
    category: 'usage',
    meaning: 'A field of a request is missing or out of range; `details.field` names it.',
    next: 'correct the request; agent.proto says what each field means.',
  },
  HP_AGENT_BAD_NUMBER: {
    category: 'usage',
    meaning: 'A number does not fit into 53 bits.',
    next: 'send a smaller number.',
  },
  HP_AGENT_NO_FUNCTION: {
    category: 'failure',
    meaning: 'No function of that name is deployed.',
    next: 'deploy it first, or ask for the status of all functions to see what is there.',
  },
  HP_AGENT_NO_INSTANCE: {
    category: 'failure',
    meaning: 'No instance of that name lives on this host.',
    next: "see 'hotplane instances' for the names of those that do.",
  },
  HP_AGENT_NOT_ELASTIC: {
    category: 'usage',
    meaning: 'The memory of the function cannot follow its use: mechanism, sizes or policy.',
    next: 'choose a mechanism that plugs on demand and a policy that is elastic, or no sizes.',
  },
  HP_AGENT_GROWTH_DENIED: {
    category: 'failure',
    meaning: 'An instance needed more memory than it has, and none came in time.',
    next: 'raise its limit, the memory of the host, or grow_wait_ms.',
  },
  ...SPAN_CODES,
  HP_AGENT_CONFLICT: {
    category: 'conflict',
    meaning: 'A function of that name is deployed with another spec.',
    next: 'remove it first, deploy with the same spec, or ask for an update.',
  },
  ...UPDATE_CODES,
  ...DAG_CODES,
  HP_AGENT_REMOVING: {
    category: 'unavailable',
    meaning: 'The function is being removed.',
    next: 'wait until it is gone, then deploy it again.',
  },
  HP_AGENT_HOST_CORDONED: {
    category: 'unavailable',
    meaning: 'The host is cordoned or drained: nothing new starts there. The message says by whom.',
    next: "ask another host, or take it away with 'hotplane uncordon'.",
  },
  HP_AGENT_TOO_MANY_FUNCTIONS: {
    category: 'unavailable',
    meaning: 'The host runs as many function VMs as it may.',
    next: 'remove a function first.',
  },
  HP_AGENT_TOO_MANY_VCPUS: {
    category: 'usage',
    meaning: 'The function asks for more vCPUs than the host has.',
    next: 'deploy it with fewer vCPUs.',
  },
  HP_AGENT_LEDGER_FULL: {
    category: 'unavailable',
    meaning: 'The disk of the ledger is full; nothing is granted that cannot be recorded.',
    next: 'make room on that disk; grants go on by themselves. `ledger_full: go-on` does without.',
  },
  HP_AGENT_NO_MEMORY: {
    category: 'unavailable',
    meaning: 'The host limit leaves no permit for it, now or ever; the message has the numbers.',
    next: 'wait until instances go idle, remove a function, or raise the host limit of the agent.',
  },
  HP_AGENT_NOT_ADMITTED: {
    category: 'unavailable',
    meaning: 'The policy did not admit the invocation.',
    next: 'send fewer at once, or run the agent with another policy.',
  },
  HP_AGENT_QUEUE_FULL: {
    category: 'unavailable',
    meaning: 'As many invocations wait for the function as may.',
    next: 'send fewer at once, or deploy with a higher concurrency.',
  },
  HP_AGENT_QUEUED_TOO_LONG: {
    category: 'timeout',
    meaning: 'No instance became free in the time an invocation may wait.',
    next: 'send fewer at once, or deploy with a higher concurrency.',
  },
  HP_AGENT_BUSY: {
    category: 'unavailable',
    meaning: 'As many requests are open as may.',
    next: 'send fewer at once.',
  },
  HP_AGENT_TARGETS: {
    category: 'usage',
    meaning: 'The targets are not such as the function can have.',
    next: 'set others; the message says which value does not fit, and why.',
  },
  HP_AGENT_TARGETS_CHANGED: {
    category: 'usage',
    meaning: 'Somebody else changed the targets of the function meanwhile.',
    next: 'read them again, and set them with the revision that they have now.',
  },
  HP_AGENT_REGION_DRIFT: {
    category: 'failure',
    meaning: 'VMM, guest and host disagree on the size of a region for longer than a resize takes.',
    next: 'see the region in the status of its function; draining that tries its unplug again.',
  },
  HP_AGENT_GUEST_HEADROOM: {
    category: 'failure',
    meaning: 'The guest is too small to take up more memory: it would die of the plug.',
    next: 'deploy the function with more boot memory, or with less for each instance.',
  },
  HP_AGENT_HOST_MEMORY: {
    category: 'unavailable',
    meaning: 'The host itself has less memory than the host limit of the agent allows.',
    next: 'end what else takes memory on the host, or lower host_keep.',
  },
  HP_AGENT_HOST_PRESSURE: {
    category: 'unavailable',
    meaning: 'The host is short of memory: it takes memory back, and grants less or nothing.',
    next: 'end what else takes memory on the host, and call again.',
  },
  HP_AGENT_CANCELLED: {
    category: 'interrupted',
    meaning: 'The caller went away, or cancelled the call.',
    next: 'call again.',
  },
  HP_AGENT_PAYLOADS_HELD: {
    category: 'unavailable',
    meaning: 'The agent holds as many bytes of payloads and answers as it may.',
    next: 'send fewer at once, or smaller ones.',
  },
  HP_AGENT_RESTARTED: {
    category: 'unavailable',
    meaning: 'The agent ended while the invocation waited: no instance ever took it.',
    next: 'call again.',
  },
  HP_AGENT_LEAVES: {
    category: 'unavailable',
    meaning: 'The agent ended and left its VMs running: what runs in them goes on.',
    next: 'call again when the next agent serves.',
  },
  HP_AGENT_KEY_REUSED: {
    category: 'conflict',
    meaning: 'An idempotency key was used before, for a call with another payload.',
    next: 'use a new key for each call, and the same one only to ask for the same again.',
  },
  HP_AGENT_ANSWER_LOST: {
    category: 'failure',
    meaning: 'The agent ended while the invocation ran, and the guest does not know its answer.',
    next: 'call again if it may run twice; it may have run to its end.',
  },
  /* How instances, guests and VMs fail. */
  HP_AGENT_FUNCTION_FAILED: {
    category: 'failure',
    meaning: 'The function ran and says that it failed; its instance serves on.',
    next: "read the answer, which is the function's own, and its log.",
  },
  HP_AGENT_INSTANCE_OOM: {
    category: 'failure',
    meaning: 'The instance used more than its memory and was killed inside its region.',
    next: 'raise the memory limit of the function, or let the invocation use less.',
  },
  HP_AGENT_INSTANCE_EXITED: {
    category: 'failure',
    meaning: 'The instance ended by itself.',
    next: 'look at the console of the VM for its output.',
  },
  HP_AGENT_PLUG_FAILED: {
    category: 'failure',
    meaning: 'The region of a new instance was not plugged, and nobody said why.',
    next: 'look at the operation record and the console of the VM.',
  },
  HP_AGENT_UNPLUG_GIVEN_UP: {
    category: 'failure',
    meaning:
      'In the log: a region was not given back in as many tries as there are; its permit stays.',
    next: 'drain or remove the function; look at the console of the VM for what holds the memory.',
  },
  HP_AGENT_POLICY_FAILED: {
    category: 'failure',
    meaning: 'In the log: a policy threw, was too slow or answered nonsense; default answers now.',
    next: 'mend the policy and start the agent again, or run it with another one.',
  },
  HP_AGENT_OBSERVERS_DISAGREE: {
    category: 'failure',
    meaning: 'VMM, guest and host do not agree about a region after its operation.',
    next: 'look at the operation record: the three counts stand in it.',
  },
  HP_AGENT_GUEST_STUCK: {
    category: 'failure',
    meaning: 'The guest did not stop an instance in as many tries as there are; its VM is ended.',
    next: 'look at the console of the VM for the cause; the function gets another VM by itself.',
  },
  HP_AGENT_UNRESPONSIVE: {
    category: 'unavailable',
    meaning: 'The guest of the function does not answer now.',
    next: 'try again when it answers, or remove the function and deploy it again.',
  },
  HP_AGENT_VM_LOST: {
    category: 'unavailable',
    meaning: 'The VM of the function is gone; the cause stands in the message.',
    next: 'try again in a while: it gets a new VM by itself; if VMs of it are lost again and again, see the cause.',
  },
  HP_AGENT_VM_ENDED: {
    category: 'unavailable',
    meaning: 'The VMM ended, or the guest was reset.',
    next: 'look at the console of the VM for the cause; the function gets another VM by itself.',
  },
  HP_AGENT_VM_QUARANTINED: {
    category: 'unavailable',
    meaning: 'A guest is silent, or keeps memory: its VM takes no new work and is being replaced.',
    next: "look at its console in the state folder; 'hotplane status' shows the VM in its place.",
  },
  HP_AGENT_NO_VM: {
    category: 'usage',
    meaning: 'The function has no VM of that name, or the VM does not serve.',
    next: "see 'hotplane vms' for its VMs.",
  },
  HP_AGENT_VM_UNDEAD: {
    category: 'failure',
    meaning: 'The VM could not be shut down; its memory stays booked.',
    next: 'remove the function again; if that fails too, end the VMM process by hand.',
  },
  HP_AGENT_BOOK_EXCEEDED: {
    category: 'failure',
    meaning: 'In the log: more is plugged than was permitted; the book now counts it.',
    next: 'report it with the log of the agent.',
  },
  ...NETWORK_CODES,
  ...TIER_CODES,
  ...EXPRESSION_OF_FUNCTION_CODES,
  HP_AGENT_NO_IMAGE: {
    category: 'unavailable',
    meaning: 'There is no guest image for the mechanism.',
    next: "run 'hotplane images build', then try again; the agent need not be started anew.",
  },
  HP_AGENT_NO_HOTMEM: {
    category: 'unavailable',
    meaning: 'The guest kernel has no partitions, so that mechanism `hotmem` cannot run.',
    next: "build the patched kernel with 'hotplane images build', or use another mechanism.",
  },
  /* The agent and the way to it. */
  HP_AGENT_NOTIFY: {
    category: 'unavailable',
    meaning: 'The service manager was not told that the agent serves, lives or stops.',
    next: 'see that systemd-notify is in PATH and the unit has NotifyAccess=all.',
  },
  HP_AGENT_HTTP: {
    category: 'unavailable',
    meaning: 'The agent cannot serve HTTP where http_listen says.',
    next: 'name another port or socket, or leave http_listen out.',
  },
  HP_AGENT_HTTP_PATH: {
    category: 'usage',
    meaning: 'There is nothing at the path of an HTTP request.',
    next: 'see docs/metrics.md for what there is; the page is at /.',
  },
  HP_AGENT_HTTP_METHOD: {
    category: 'usage',
    meaning: 'The path of an HTTP request does not take its method.',
    next: 'use one of those that the header Allow names.',
  },
  HP_AGENT_HTTP_BODY: {
    category: 'usage',
    meaning: 'The body of an HTTP request is longer than the payload of an invocation may be.',
    next: 'send at most 6 MiB.',
  },
  HP_AGENT_HTTP_FOREIGN: {
    category: 'usage',
    meaning: 'An HTTP request came from a web page, or named another host than this one.',
    next: 'ask from a program on this host, or its own page, by 127.0.0.1 or localhost.',
  },
  HP_AGENT_HTTP_EARLY: {
    category: 'unavailable',
    meaning: 'The live state was asked for before the agent serves.',
    next: 'wait until /readyz says ok.',
  },
  HP_AGENT_UNREACHABLE: {
    category: 'unavailable',
    meaning: 'No agent answers on the socket.',
    next: "start one with 'hotplane agent', or name its socket with --socket.",
  },
  HP_AGENT_DEADLINE: {
    category: 'timeout',
    meaning: 'The agent did not answer in time.',
    next: 'see the log of the agent; its process may be stopped, or the host overloaded.',
  },
  HP_AGENT_VERSION: {
    category: 'unavailable',
    meaning: 'Caller and agent speak different versions of the API.',
    next: 'use client and agent of one version; end the agent and start it with this one.',
  },
  HP_AGENT_CALL_FAILED: {
    category: 'failure',
    meaning: 'The call failed on its way, or was answered with nothing.',
    next: 'compare the versions of client and agent; see the log of the agent.',
  },
  ...PEER_CODES,
  HP_AGENT_TOO_MANY_WATCHERS: {
    category: 'unavailable',
    meaning: 'As many watchers are connected as may.',
    next: 'end one of them first.',
  },
  HP_AGENT_SLOW_READER: {
    category: 'failure',
    meaning: 'A watcher did not read its records and was dropped.',
    next: 'read faster, or ask for a longer memory_interval_ms; records in between are lost.',
  },
  HP_AGENT_SOCKET_IN_USE: {
    category: 'conflict',
    meaning: 'Another agent listens on the socket.',
    next: 'stop it first, or name another --socket and --state-dir.',
  },
  HP_AGENT_STATE_DIR_IN_USE: {
    category: 'conflict',
    meaning: 'Another agent uses the state folder.',
    next: 'stop it first, or name another --state-dir.',
  },
  HP_AGENT_STATE_DIR: {
    category: 'usage',
    meaning: 'Sockets in the state folder would have paths that are too long.',
    next: 'name a --state-dir with a shorter path.',
  },
  HP_AGENT_STATE_CORRUPT: {
    category: 'failure',
    meaning: 'The file with the state of the agent is damaged, or is no such file.',
    next:
      'put a copy back, or move it away and start again: the agent then ends the VMs it finds and ' +
      'functions are to be deployed again.',
  },
  HP_AGENT_STATE_VERSION: {
    category: 'conflict',
    meaning: 'The state was written by another version of hotplane, which this one cannot read.',
    next: 'start the version that wrote it, remove its functions and stop it; or move it away.',
  },
  HP_AGENT_STATE_READ_ONLY: {
    category: 'unavailable',
    meaning: 'The file with the state of the agent, or its folder, cannot be written.',
    next: 'make file and folder writable for this user, or name another --state-dir.',
  },
  HP_AGENT_STATE_FULL: {
    category: 'unavailable',
    meaning: 'No room is left on the disk for the state of the agent, which ends; its VMs live on.',
    next: 'make room and start the agent again: it goes on with its VMs.',
  },
  HP_AGENT_STATE_LOST: {
    category: 'failure',
    meaning:
      'The state of the agent could not be read or written; the agent ends, its VMs live on.',
    next: 'see the cause in the message; start the agent again once it is mended.',
  },
  HP_AGENT_HOST_LIMIT: {
    category: 'usage',
    meaning: 'The host limit is more than the host has, or less than any function takes.',
    next: 'give --host-limit what the message says, or --overcommit if VMs may be killed for it.',
  },
  HP_AGENT_CGROUP: {
    category: 'unavailable',
    meaning: 'The cgroup folder cannot hold VMMs.',
    next: 'name a cgroup v2 folder delegated to this user, with +memory in its subtree_control.',
  },
  HP_AGENT_VMM_USERS: {
    category: 'usage',
    meaning: 'VMMs cannot get users of their own.',
    next: 'run the agent as root, with setpriv (util-linux), or without vmm_uids.',
  },
  HP_AGENT_FATAL: {
    category: 'failure',
    meaning: 'The agent found a fault of its own and ends; every open call is answered with it.',
    next: 'report it with the last line of its log; start the agent again and deploy again.',
  },
  HP_AGENT_INTERNAL: {
    category: 'failure',
    meaning: 'An error that nobody foresaw.',
    next: 'this is a bug of the agent; report it with its log.',
  },
  HP_AGENT_VMM_WARNING: {
    category: 'failure',
    meaning: 'In the log: what a VMM said on its standard error.',
    next: 'read it; the VM goes on.',
  },
} as const satisfies Record<string, CodeInfo>;

export type AgentErrorCode = keyof typeof AGENT_CODES;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const agentError = errorMaker<AgentErrorCode>(AGENT_CODES);
