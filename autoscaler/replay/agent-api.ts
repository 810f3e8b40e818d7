/**
 * What a replay needs from an agent: a part of the gRPC client, so that tests can put a fake in its
 * place. The messages are those of agent/api/agent.proto.
 */
import type { AgentClient } from '../../agent/api/client.ts';

export type { AgentRecord, AgentCallOptions, DeployResponse } from '../../agent/api/client.ts';
export type { FunctionSpec, FunctionStatus, InvokeRequest } from '../../agent/api/client.ts';
export type {
  Decision,
  Invocation,
  Invoked,
  MemoryStep,
  Operation,
} from '../../agent/api/client.ts';
export type { StatusResponse, WatchOptions } from '../../agent/api/client.ts';

export type AgentApi = Pick<
  AgentClient,
  'deploy' | 'invoke' | 'status' | 'remove' | 'watch' | 'close'
>;
