/**
 * Functions over HTTP: `POST /functions/NAME` is an invocation, its body the payload and the
 * answer's body the answer. A program that serves HTTP gets the request as it is, whatever its
 * method and whatever follows its name in the path, and answers with its own status and header.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { parseJson } from '../../base/json.ts';
import type { HostAgent } from '../executor/host-agent.ts';
import { agentError } from '../model/errors.ts';
import { errorOf } from '../model/failure.ts';
import { type HttpHeader, type HttpRequest, httpRequestSchema } from '../model/http-head.ts';
import { invokeRequestSchema } from '../model/messages.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionAnswer, Call } from '../model/work.ts';
import type { InvocationEnd } from '../observe/invocation-record.ts';
import { isBug } from '../observe/fail-stop.ts';
import type { Bodies } from './body.ts';
import { sendProblem } from './problem.ts';
import type { HttpCall, Router } from './router.ts';

/** The caller's name for the invocation, and how long it may run; the first is told back. */
export const INVOCATION = 'hotplane-invocation';
const TIMEOUT = 'hotplane-timeout-ms';
const INSTANCE = 'hotplane-instance';
/** Asked again with it, an invocation is not run again. */
const KEY = 'idempotency-key';
const BODILESS = new Set([204, 304]);
/** Of a failed function's own answer in a problem. */
const ANSWER_BYTES = 64 * 1024;

/** Adds the paths of functions; `agent` is there from then on. */
export function addFunctions(router: Router, agent: HostAgent, bodies: Bodies): void {
  const serve = async ({ request, response, params }: HttpCall): Promise<void> => {
    try {
      await invoke(agent, bodies, { request, response, name: params['name'] ?? '' });
    } catch (error) {
      if (isBug(error)) agent.failStop(error, { path: request.url });
      throw error;
    }
  };
  router.add('*', '/functions/:name', serve);
  router.add('*', '/functions/:name/*', serve);
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly name: string;
}

async function invoke(agent: HostAgent, bodies: Bodies, asked: Asked): Promise<void> {
  const { request, response, name } = asked;
  const spec = agent.state.functions.get(name)?.spec;
  if (!spec) throw errorOf(REFUSALS.noFunction(name));
  const http = spec.program?.interface === 'http' ? requestOf(request) : null;
  if (!http) refuseOther(request, response);
  const about = aboutOf(request);
  const payload = await bodies.read(request);
  const { 'content-type': content_type = http ? '' : 'application/octet-stream' } = request.headers;
  const { timeout_ms, idempotency_key } = about;
  const peer = peerOf(request);
  const call: Call = { payload, content_type, timeout_ms, http, idempotency_key, peer };
  const end = await agent.invoke(name, about.invocation_id, call, (run) => {
    if (response.closed) run();
    else response.once('close', run);
  });
  answer(response, end);
}

/** As the ledger calls him: over HTTP nobody says who he is, only where he calls from. */
export function peerOf({ socket: { remoteAddress } }: IncomingMessage): string {
  return remoteAddress === undefined ? 'HTTP' : `HTTP from ${remoteAddress}`;
}

/** The path behind the function's name, which a program that serves HTTP takes for its own. */
function requestOf({ method = '', url = '', rawHeaders }: IncomingMessage): HttpRequest {
  const [path = '', ...query] = url.split('?');
  const own = `/${path.split('/').slice(3).join('/')}`;
  const headers: HttpHeader[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [header = '', value = ''] = rawHeaders.slice(at, at + 2);
    // Node tells the bytes of a field each as a character.
    headers.push({ name: header, value: Buffer.from(value, 'latin1').toString('utf8') });
  }
  const asked = { method, path: [own, ...query].join('?'), headers };
  return checked('request', httpRequestSchema, asked);
}

/** Other programs know no method and no path: what is no invocation is not made one. */
function refuseOther({ method, url = '' }: IncomingMessage, response: ServerResponse): void {
  const [path = ''] = url.split('?');
  if (path.split('/').slice(3).join('') !== '') {
    throw agentError('HP_AGENT_HTTP_PATH', 'the function does not serve HTTP: it has no paths.');
  }
  if (method === 'POST') return;
  response.setHeader('allow', 'POST');
  throw agentError('HP_AGENT_HTTP_METHOD', 'the function does not serve HTTP: it takes POST only.');
}

function aboutOf({ headers }: IncomingMessage): Pick<Call, 'timeout_ms'> & {
  readonly invocation_id: string;
  readonly idempotency_key: string | null;
} {
  const id = headers[INVOCATION] ?? 'http';
  const timeout = headers[TIMEOUT];
  const { invocation_id, timeout_ms, idempotency_key } = invokeRequestSchema.shape;
  return {
    invocation_id: checked(INVOCATION, invocation_id, id),
    timeout_ms: checked(TIMEOUT, timeout_ms, timeout === undefined ? null : Number(timeout)),
    idempotency_key: checked(KEY, idempotency_key, headers[KEY] ?? null),
  };
}

/** Throws HP_AGENT_BAD_REQUEST. */
function checked<T>(field: string, schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = [field, ...(issue?.path ?? [])].join('.');
  const problem = `${where}: ${issue?.message ?? 'is not valid'}.`;
  throw agentError('HP_AGENT_BAD_REQUEST', problem, { details: { field } });
}

function answer(response: ServerResponse, end: InvocationEnd): void {
  const { failure, answer: given, invocation_id, instance_id } = end;
  response.setHeader(INVOCATION, invocation_id);
  if (instance_id !== null) response.setHeader(INSTANCE, instance_id);
  if (failure)
    return sendProblem(response, errorOf(failure), given ? { answer: toldOf(given) } : {});
  const { bytes = Buffer.of(), content_type = '', http = null } = given ?? {};
  if (content_type !== '') response.setHeader('content-type', content_type);
  response.statusCode = http?.status ?? 200;
  // Of an answer without a body its program alone knows how long it would be.
  if (!BODILESS.has(response.statusCode) && response.req.method !== 'HEAD') {
    response.setHeader('content-length', bytes.length);
  }
  for (const { name, value } of http?.headers ?? []) {
    response.appendHeader(name, Buffer.from(value, 'utf8').toString('latin1'));
  }
  response.end(bytes);
}

/** How a function says that it failed: its JSON as it is, anything else as text. */
function toldOf({ bytes }: FunctionAnswer): unknown {
  const text = Buffer.from(bytes.subarray(0, ANSWER_BYTES)).toString('utf8');
  return parseJson(text) ?? text;
}
