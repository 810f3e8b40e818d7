/**
 * DAGs over HTTP: `POST /dags/NAME` is a call, its body the payload of the stages that wait for
 * none, and the answer's body that of the last ones.
 */
import type { DagEnd } from '../executor/dags.ts';
import type { HostAgent } from '../executor/host-agent.ts';
import { invokeDagRequestSchema } from '../model/dag-messages.ts';
import { agentError } from '../model/errors.ts';
import { errorOf } from '../model/failure.ts';
import { isBug } from '../observe/fail-stop.ts';
import type { Bodies } from './body.ts';
import { INVOCATION, peerOf } from './functions.ts';
import { sendProblem } from './problem.ts';
import type { HttpCall, Router } from './router.ts';

/** Whether it was over within its deadline, how long it took, and the way that took longest. */
const IN_TIME = 'hotplane-in-time';
const TOOK = 'hotplane-took-ms';
const PATH = 'hotplane-path';

/** Adds the paths of DAGs; `agent` is there from then on. */
export function addDags(router: Router, agent: HostAgent, bodies: Bodies): void {
  router.add('POST', '/dags/:name', async (call) => {
    try {
      await invoke(agent, bodies, call);
    } catch (error) {
      if (isBug(error)) agent.failStop(error, { path: call.request.url });
      throw error;
    }
  });
}

async function invoke(agent: HostAgent, bodies: Bodies, call: HttpCall): Promise<void> {
  const { request, response, params } = call;
  const { headers } = request;
  const asked = invokeDagRequestSchema.safeParse({
    dag: params['name'] ?? '',
    invocation_id: headers[INVOCATION] ?? 'http',
    payload: await bodies.read(request),
    content_type: headers['content-type'] ?? 'application/octet-stream',
  });
  if (!asked.success) {
    const [issue] = asked.error.issues;
    const field = issue?.path.join('.') ?? '';
    const problem = `${field}: ${issue?.message ?? 'is not valid'}.`;
    throw agentError('HP_AGENT_BAD_REQUEST', problem, { details: { field } });
  }
  const { dag, ...rest } = asked.data;
  const end = await agent.dags.invoke(dag, { ...rest, peer: peerOf(request) }, (run) => {
    if (response.closed) run();
    else response.once('close', run);
  });
  answer(call, end);
}

function answer({ response }: HttpCall, { record, answer: given, failure }: DagEnd): void {
  response.setHeader(INVOCATION, record.invocation_id);
  if (failure) return sendProblem(response, errorOf(failure), { stage: record.failed_stage });
  const { bytes = Buffer.of(), content_type = '' } = given ?? {};
  if (content_type !== '') response.setHeader('content-type', content_type);
  response.setHeader(IN_TIME, String(record.in_time));
  response.setHeader(TOOK, (record.finished_at_ms - record.received_at_ms).toFixed(3));
  response.setHeader(PATH, record.path.join(','));
  response.setHeader('content-length', bytes.length);
  response.end(bytes);
}
