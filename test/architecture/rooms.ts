/**
 * The rooms of the house and the arrows between them (ARCHITECTURE.md). A room is a folder, or a
 * file that lies directly in a folder with rooms. The longest name that holds a file counts.
 */

/** Room -> what else it may import from, besides itself. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  'guest/protocol': ['base'],
  // Read by its command without any agent.
  ledger: ['base'],

  ...layers(
    'images',
    ['base'],
    [
      ['errors.ts', 'limits.ts', 'toolchain.ts'],
      ['run.ts'],
      ['cache'],
      ['kernel', 'rootfs', 'packages'],
      ['nested', 'runtimes'],
    ],
  ),
  'images/': ['base', 'images'],

  ...layers(
    'hypervisor-client',
    ['base', 'guest/protocol/constants.ts'],
    [
      ['errors.ts', 'limits.ts'],
      ['events.ts', 'host'],
      ['vm.ts'],
      ['spec.ts'],
      ['resize', 'lifecycle', 'rest', 'vsock'],
      ['qemu', 'cloud-hypervisor'],
      ['drivers.ts'],
      ['open.ts'],
      ['testing'],
      ['index.ts'],
    ],
  ),

  ...layers(
    'agent',
    ['base', 'guest', 'images', 'hypervisor-client', 'ledger'],
    [
      ['limits.ts'],
      ['expression'],
      ['model'],
      ['core', 'dag', 'store', 'pressure', 'page'],
      ['observe', 'ledger'],
      ['executor', 'adopt'],
      ['api'],
      ['http'],
      ['daemon.ts'],
      ['testing'],
    ],
  ),

  ...layers(
    'autoscaler',
    ['base', 'agent/api', 'agent/model'],
    [
      ['mux'],
      ['trace', 'workload-model', 'policy'],
      ['results'],
      ['report'],
      ['replay', 'simulator'],
      ['profile'],
    ],
  ),
  // Answer the agent's questions: its interface, and the policy they are put upon.
  'autoscaler/policy': ['base', 'agent/core/policy.ts', 'agent/core/default-policy', 'agent/model'],
  // What a call of a DAG takes at least is what the agent plans by.
  'autoscaler/trace': ['base', 'agent/model', 'agent/dag'],
  // Knows texts and numbers alone: neither agents nor runs.
  'autoscaler/mux': ['base', 'agent/expression'],
  // Numbers and texts, by which the core sizes and the reader of sources writes.
  'agent/expression': ['base'],

  // The simulator plays the agent's core itself.
  'autoscaler/simulator': [
    'base',
    'agent/model',
    'agent/core',
    'agent/dag',
    'autoscaler/trace',
    'autoscaler/workload-model',
    'autoscaler/policy',
    'autoscaler/results',
    'autoscaler/report',
  ],

  bench: ['base', 'guest', 'images', 'hypervisor-client', 'agent/model', 'agent/api', 'autoscaler'],
  // Run the agent itself, as a process under measurement.
  'bench/agent': ['base', 'bench', 'agent', 'autoscaler'],
  // Plays events on the decisions alone.
  'bench/core': ['base', 'bench', 'agent/core', 'agent/model'],

  cli: ['base', 'agent', 'autoscaler', 'images', 'hypervisor-client', 'bench', 'ledger'],
};

/** Folders whose sub-folders must each be a room above, so that a new one gets its arrows. */
export const DIVIDED = ['agent', 'autoscaler', 'guest', 'hypervisor-client', 'images'];

/** Folders of the project that have TypeScript and are no part of the product. */
export const BESIDE = ['test', 'tools', 'node_modules', 'dist'];

/** Each level may import from all below it, and from `outside`; never sideways. */
function layers(
  folder: string,
  outside: readonly string[],
  levels: readonly (readonly string[])[],
): Record<string, readonly string[]> {
  const rooms: Record<string, readonly string[]> = {};
  let below = [...outside];
  for (const level of levels) {
    for (const name of level) rooms[`${folder}/${name}`] = below;
    below = [...below, ...level.map((name) => `${folder}/${name}`)];
  }
  return rooms;
}
