/**
 * The service: how the messages of each method go to and from the wire, checked against their
 * schemas on both sides. What comes out of here is what the schemas say, or an error.
 */
import { z } from 'zod';
import { type HotplaneError, messageOf } from '../../base/errors.ts';
import { agentError } from '../model/errors.ts';
import { METHODS, type MethodName, API_PROTOCOL, type Role } from '../model/methods.ts';
import { AgentService } from './generated/agent.ts';

export interface Method<Request, Response> {
  readonly name: MethodName;
  readonly path: string;
  readonly is_stream: boolean;
  /** What a caller must be allowed to. */
  readonly role: Role;
  /** Throws HP_AGENT_BAD_REQUEST for what the wire cannot tell. */
  readonly encodeRequest: (request: Request) => Buffer;
  /** Throws HP_AGENT_BAD_REQUEST naming the field, HP_AGENT_BAD_NUMBER for one above 2^53. */
  readonly decodeRequest: (bytes: Buffer) => Request;
  readonly encodeResponse: (response: Response) => Buffer;
  /** Throws HP_AGENT_CALL_FAILED for an answer that this version does not understand. */
  readonly decodeResponse: (bytes: Buffer) => Response;
}

interface Wire<Request, Response> {
  readonly path: string;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: Response) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

interface Schemas<Request, Response> {
  readonly request: z.ZodType<Request>;
  readonly response: z.ZodType<Response>;
  readonly role: Role;
}

function method<Request, Response>(
  name: MethodName,
  wire: Wire<Request, Response>,
  { request, response, role }: Schemas<Request, Response>,
): Method<Request, Response> {
  return {
    name,
    path: wire.path,
    is_stream: wire.responseStream,
    role,
    encodeRequest: (value) => {
      try {
        return wire.requestSerialize(value);
      } catch (error) {
        throw badRequest(name, messageOf(error));
      }
    },
    decodeRequest: (bytes) => {
      const found = request.safeParse(readRequest(name, wire, bytes));
      if (found.success) return found.data;
      const { field, problem } = firstIssue(found.error);
      throw badRequest(field, problem);
    },
    encodeResponse: wire.responseSerialize,
    decodeResponse: (bytes) => {
      const found = response.safeParse(readResponse(name, wire, bytes));
      if (found.success) return found.data;
      const { field, problem } = firstIssue(found.error);
      throw notUnderstood(name, `${field}: ${problem}`);
    },
  };
}

export const SERVICE = {
  Deploy: method('Deploy', AgentService.deploy, METHODS.Deploy),
  Invoke: method('Invoke', AgentService.invoke, METHODS.Invoke),
  Status: method('Status', AgentService.status, METHODS.Status),
  StatusParts: method('StatusParts', AgentService.statusParts, METHODS.StatusParts),
  Remove: method('Remove', AgentService.remove, METHODS.Remove),
  Drain: method('Drain', AgentService.drain, METHODS.Drain),
  Cordon: method('Cordon', AgentService.cordon, METHODS.Cordon),
  Uncordon: method('Uncordon', AgentService.uncordon, METHODS.Uncordon),
  GetHost: method('GetHost', AgentService.getHost, METHODS.GetHost),
  SetTargets: method('SetTargets', AgentService.setTargets, METHODS.SetTargets),
  GetTargets: method('GetTargets', AgentService.getTargets, METHODS.GetTargets),
  Explain: method('Explain', AgentService.explain, METHODS.Explain),
  Estimate: method('Estimate', AgentService.estimate, METHODS.Estimate),
  Logs: method('Logs', AgentService.logs, METHODS.Logs),
  Watch: method('Watch', AgentService.watch, METHODS.Watch),
  ListFunctions: method('ListFunctions', AgentService.listFunctions, METHODS.ListFunctions),
  ListVms: method('ListVms', AgentService.listVms, METHODS.ListVms),
  ListInstances: method('ListInstances', AgentService.listInstances, METHODS.ListInstances),
  ListRegions: method('ListRegions', AgentService.listRegions, METHODS.ListRegions),
  ListOperations: method('ListOperations', AgentService.listOperations, METHODS.ListOperations),
  WatchOperations: method('WatchOperations', AgentService.watchOperations, METHODS.WatchOperations),
  DeployDag: method('DeployDag', AgentService.deployDag, METHODS.DeployDag),
  InvokeDag: method('InvokeDag', AgentService.invokeDag, METHODS.InvokeDag),
  RemoveDag: method('RemoveDag', AgentService.removeDag, METHODS.RemoveDag),
  ListDags: method('ListDags', AgentService.listDags, METHODS.ListDags),
} as const;

function readRequest(name: string, wire: Wire<never, never>, bytes: Buffer): unknown {
  try {
    return wire.requestDeserialize(bytes);
  } catch (error) {
    const problem = messageOf(error);
    if (!/SAFE_INTEGER/.test(problem)) throw badRequest(name, problem);
    throw agentError(
      'HP_AGENT_BAD_NUMBER',
      `a number in the request of ${name} does not fit into 53 bits.`,
    );
  }
}

function readResponse(name: string, wire: Wire<never, never>, bytes: Buffer): unknown {
  try {
    return wire.responseDeserialize(bytes);
  } catch (error) {
    throw notUnderstood(name, messageOf(error));
  }
}

function firstIssue(error: z.ZodError): { readonly field: string; readonly problem: string } {
  const [issue] = error.issues;
  return { field: issue?.path.join('.') ?? '', problem: issue?.message ?? 'is not valid' };
}

function badRequest(field: string, problem: string): HotplaneError {
  return agentError('HP_AGENT_BAD_REQUEST', `${field}: ${problem}.`, { details: { field } });
}

function notUnderstood(name: string, problem: string): HotplaneError {
  return agentError(
    'HP_AGENT_CALL_FAILED',
    `the agent's answer to ${name} is not one of ${API_PROTOCOL}: ${problem}.`,
  );
}
