/**
 * Every error code of this folder, with its category and the usual next step. Users match on
 * `code`; the text is for people. `HP_VMM_*` is about a VM or its VMM, `HP_QMP_*` about the wire.
 */
import { type CodeInfo, errorMaker, type HotplaneError, isHotplaneError } from '../base/errors.ts';

export const VMM_CODES = {
  /* The VMM program and its start. */
  HP_VMM_MISSING: {
    category: 'unavailable',
    meaning: 'The program of the VMM is not there.',
    next: 'Install the VMM, or name its program with an absolute path.',
  },
  HP_VMM_DENIED: {
    category: 'unavailable',
    meaning: 'This user may not execute the VMM.',
    next: 'Let this user execute it (chmod, mount without noexec), or name another program.',
  },
  HP_VMM_NO_PROCESS: {
    category: 'unavailable',
    meaning: 'The host could start no process.',
    next: 'Free memory, or raise the limit of processes (ulimit -u, pids.max of the cgroup).',
  },
  HP_VMM_CGROUP: {
    category: 'unavailable',
    meaning: 'A VMM could not be put into its cgroup.',
    next:
      'Name a cgroup v2 folder that this user may write, with "memory" in its ' +
      'cgroup.subtree_control and no process of its own.',
  },
  HP_VMM_NO_USER: {
    category: 'unavailable',
    meaning: 'No user is left for the VMM of a new VM.',
    next: 'Give the agent a larger range (vmm_uids), of numbers that nobody else on the host has.',
  },
  HP_VMM_TAP: {
    category: 'unavailable',
    meaning: 'A TAP device could not be made on a bridge of the host, or not be removed.',
    next: 'See that iproute2 is there, and that the host still has the bridge and lets us change it.',
  },
  HP_VMM_NO_HUGE_PAGES: {
    category: 'unavailable',
    meaning: 'The host has too few free huge pages for memory with backing `huge`.',
    next:
      'Set more pages of 2 MiB apart (sysctl vm.nr_hugepages=COUNT, best at boot), wait for some ' +
      'to come back, or use backing anonymous.',
  },
  HP_VMM_NO_HOST_NODE: {
    category: 'unavailable',
    meaning: 'Memory is to come from a NUMA node that the host does not have.',
    next: "Name a node that 'hotplane tiers' shows with memory, or none.",
  },
  HP_VMM_UNSUPPORTED: {
    category: 'unavailable',
    meaning: 'The VMM is of a version or kind that is not supported.',
    next: 'Use a version of the VMM that is named as supported in hypervisor-client/README.md.',
  },
  HP_VMM_START_FAILED: {
    category: 'failure',
    meaning: 'The VMM ended, or said no, while it started.',
    next: 'Read the last lines of the VMM above; its full output is in the run folder.',
  },
  HP_VMM_BAD_SPEC: {
    category: 'usage',
    meaning: 'The VM specification does not hold.',
    next: 'Correct the VM specification.',
  },
  HP_VMM_BAD_IMAGE: {
    category: 'usage',
    meaning: 'Kernel or initial RAM disk cannot be read.',
    next: 'Name a kernel and an initial RAM disk that exist and can be read.',
  },
  HP_VMM_SOCKET_PATH: {
    category: 'usage',
    meaning: 'The path of a socket in the run folder is too long.',
    next: 'Use a shorter run_dir: Linux allows 107 bytes for the path of a Unix socket.',
  },
  HP_VMM_RUN_DIR_TAKEN: {
    category: 'conflict',
    meaning: 'Another VM lives in the run folder.',
    next: 'Adopt or shut down the VM that lives there, or use another run_dir.',
  },

  /* A VM that is, or was, there. */
  HP_VMM_GONE: {
    category: 'unavailable',
    meaning: 'The VM is not there any more.',
    next: 'Launch the VM again; its console and the output of its VMM are in the run folder.',
  },
  HP_VMM_BUSY: {
    category: 'conflict',
    meaning: 'Another operation of the VM or region is in flight.',
    next: 'Wait for the operation in flight to end, then try again.',
  },
  HP_VMM_RELEASED: {
    category: 'conflict',
    meaning: 'The VM was released to another owner.',
    next: 'Adopt the VM again by its handle.',
  },
  HP_VMM_BACKING: {
    category: 'failure',
    meaning: 'What the host holds of the VM cannot be read.',
    next: 'Check that /proc/PID/smaps of the VMM can be read by this user.',
  },
  HP_VMM_WONT_END: {
    category: 'failure',
    meaning: 'A process did not end after SIGKILL.',
    next: 'Look for the process by its pid; it did not end after SIGKILL.',
  },
  HP_VMM_CHANNEL: {
    category: 'unavailable',
    meaning: 'The channel to the guest cannot be opened.',
    next: 'Check that the VM runs and that nobody else holds its guest channel.',
  },

  /* Arguments of a resize. */
  HP_VMM_UNKNOWN_REGION: {
    category: 'usage',
    meaning: 'The VM has no such region.',
    next: 'Name a region of the VM specification.',
  },
  HP_VMM_BAD_SIZE: {
    category: 'usage',
    meaning: 'The size is not whole blocks, or above the maximum of the region.',
    next: 'Ask for whole device blocks between zero and the maximum of the region.',
  },

  /* Outcomes of a resize, as `error_code` of its result. */
  HP_VMM_REJECTED: {
    category: 'failure',
    meaning: 'The VMM refused the size.',
    next: 'Read the reason the VMM gave.',
  },
  HP_VMM_STALLED: {
    category: 'partial',
    meaning: 'The guest did not plug or unplug all of it in time.',
    next: 'Free memory in the guest and ask again, or shut the VM down.',
  },
  HP_VMM_HOST_KEPT: {
    category: 'partial',
    meaning: 'The VMM unplugged it, but the host still holds pages of it.',
    next: 'Ask again; if it stays, look for what holds the pages of the VMM on the host.',
  },
  HP_VMM_ABORTED: {
    category: 'interrupted',
    meaning: 'The operation was aborted; it may have taken effect.',
    next: 'Observe the VM before asking again.',
  },
  HP_VMM_CALL_FAILED: {
    category: 'failure',
    meaning: 'A call to the VMM failed; it may have taken effect.',
    next: 'Observe the VM: the call may or may not have taken effect.',
  },

  /* The QEMU Machine Protocol. */
  HP_QMP_CONNECT: {
    category: 'unavailable',
    meaning: 'No connection to the QMP socket.',
    next: 'Check that QEMU runs and that no other client holds its QMP socket.',
  },
  HP_QMP_TIMEOUT: {
    category: 'timeout',
    meaning: 'QEMU did not answer a command in time.',
    next: 'Observe the VM before trying again: the command may still take effect.',
  },
  HP_QMP_CLOSED: {
    category: 'unavailable',
    meaning: 'QEMU closed the connection.',
    next: 'Check whether QEMU still runs.',
  },
  HP_QMP_PROTOCOL: {
    category: 'failure',
    meaning: 'What came is not QMP, or a line is too long.',
    next: 'Check that the socket belongs to QEMU; the connection was closed.',
  },
  HP_QMP_ERROR: {
    category: 'failure',
    meaning: 'QEMU answered a command with an error.',
    next: 'Read the reason QEMU gave.',
  },
} as const satisfies Record<string, CodeInfo>;

export type VmmErrorCode = keyof typeof VMM_CODES;

/** All codes this folder throws or reports, for the documentation and its test. */
export const VMM_ERROR_CODES: readonly string[] = Object.keys(VMM_CODES);

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const vmmError = errorMaker<VmmErrorCode>(VMM_CODES);

/** True when `error` is ours and has this code. */
export function hasCode(error: unknown, code: VmmErrorCode): error is HotplaneError {
  return isHotplaneError(error) && error.code === code;
}
