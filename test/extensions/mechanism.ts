import type { Mechanism } from '../../agent/model/mechanism.ts';

/**
 * A combination that none of the built in ones is: nodes of their own, and nothing bound to them.
 */
export const PAPER_MEMORY: Mechanism = {
  name: 'paper-memory',
  plugs_on_demand: true,
  partitions: false,
  attach: 'none',
  node_per_region: true,
  limited_by: 'cgroup',
  migrates: true,
  line: { dash: '1 1', light: '#404040', dark: '#c0c0c0' },
};
