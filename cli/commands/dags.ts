import type { DagStatus } from '../../agent/api/client.ts';
import { formatMs } from '../../base/units.ts';
import { listCommand } from '../list-command.ts';

const arrows = ({ dag: { stages, edges } }: DagStatus): string =>
  edges.length === 0
    ? stages.map(({ name }) => name).join(', ')
    : edges.map(({ from, to }) => `${from} -> ${to}`).join(', ');

/** Of those that are done. */
const metText = ({ met, missed }: DagStatus): string =>
  met + missed === 0 ? '' : `${met}/${met + missed}`;

export const dagsCommand = listCommand<DagStatus>({
  name: 'dags',
  summary: 'list the DAGs of the agent',
  options: {},
  help: 'Every DAG that is deployed, by name, with its deadline, how many calls met it,\nand how its stages follow.',
  rows: async function* (client, _, options) {
    yield* await client.dags(null, options);
  },
  columns: [
    { title: 'DAG', text: ({ dag }) => dag.name },
    { title: 'STAGES', text: ({ dag }) => String(dag.stages.length), is_figure: true },
    { title: 'DEADLINE', text: ({ dag }) => formatMs(dag.deadline_ms), is_figure: true },
    { title: 'RUNNING', text: ({ running }) => String(running), is_figure: true },
    { title: 'MET', text: metText, is_figure: true },
    { title: 'FAILED', text: ({ failed }) => String(failed), is_figure: true },
    { title: 'EDGES', text: arrows },
  ],
});
