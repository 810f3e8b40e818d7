/** `hotplane deploy -f` of a DAG. */
import { checkYaml, type YamlText } from '../../base/yaml.ts';
import { type CommandInput } from '../command.ts';
import { badArguments } from '../errors.ts';
import { withAgent } from '../with-agent.ts';
import { dagFileSchema, specOfDag } from './manifest.ts';

/** Throws HP_YAML with line and column, HP_AGENT_DAG, HP_AGENT_NO_FUNCTION. */
export async function deployDagFile(text: YamlText, input: CommandInput): Promise<void> {
  const { values, stdout } = input;
  if (values.flag('dry-run')) {
    throw badArguments('deploy', '--dry-run is for functions: nothing is launched for a DAG.');
  }
  const dag = specOfDag(checkYaml(text, dagFileSchema));
  const told = await withAgent(input, (client, signal) => client.deployDag(dag, { signal }));
  if (values.flag('json')) return void stdout.write(`${JSON.stringify({ dag, ...told })}\n`);
  const stages = dag.stages.length === 1 ? '1 stage' : `${dag.stages.length} stages`;
  stdout.write(`${dag.name}: DAG of ${stages} ${told.outcome}\n`);
}
