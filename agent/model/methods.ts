/** The service: its methods, what goes to them and what comes back. Pure. */
import {
  deployDagRequestSchema,
  deployDagResponseSchema,
  invokeDagRequestSchema,
  invokeDagResponseSchema,
  listDagsRequestSchema,
  listDagsResponseSchema,
  removeDagRequestSchema,
  removeDagResponseSchema,
} from './dag-messages.ts';
import {
  cordonRequestSchema,
  getHostRequestSchema,
  hostSchema,
  uncordonRequestSchema,
} from './host-messages.ts';
import {
  listFunctionsResponseSchema,
  listInstancesResponseSchema,
  listOperationsResponseSchema,
  listRegionsResponseSchema,
  listRequestSchema,
  listVmsResponseSchema,
  operationEntrySchema,
  watchOperationsRequestSchema,
} from './list-messages.ts';
import {
  agentRecordSchema,
  deployRequestSchema,
  deployResponseSchema,
  drainRequestSchema,
  drainResponseSchema,
  invokeRequestSchema,
  invokeResponseSchema,
  logsRequestSchema,
  logsResponseSchema,
  removeRequestSchema,
  removeResponseSchema,
  statusRequestSchema,
  statusResponseSchema,
  watchRequestSchema,
} from './messages.ts';
import {
  estimateRequestSchema,
  estimateResponseSchema,
  explainRequestSchema,
  explainResponseSchema,
} from './span-messages.ts';
import { getTargetsRequestSchema, setTargetsRequestSchema, targetsSchema } from './targets.ts';

/** Names the version of the protocol: client and agent have the same, or do not talk. */
export const API_PROTOCOL = 'hotplane.agent.v3';

/** What a peer may do: look, or change what is there too. */
export type Role = 'read' | 'write';

/** The service; a `stream` answers with any number of its response. */
export const METHODS = {
  Deploy: {
    request: deployRequestSchema,
    response: deployResponseSchema,
    stream: false,
    role: 'write',
    text:
      'Boots the function VM and resolves when its guest said hello. Deploying the same function ' +
      'with the same spec again is done at once; with another spec it is ALREADY_EXISTS, or, with ' +
      '`update`, done: in place where VMs need not know of it, else they are replaced one by one ' +
      'while the function serves, and it resolves when all that take work are of the new spec.',
  },
  Invoke: {
    request: invokeRequestSchema,
    response: invokeResponseSchema,
    stream: false,
    role: 'write',
    text:
      'Runs one invocation on an idle instance, or starts one (plug and guest start in parallel). ' +
      'Where it was not done the call has the status of the error, and the response is in the ' +
      'trailer hotplane-reply-bin; but a function that itself says it failed was served: its answer ' +
      'says how, and the outcome in the record is `failed`.',
  },
  Status: {
    request: statusRequestSchema,
    response: statusResponseSchema,
    stream: false,
    role: 'read',
    text: 'Fresh figures, from who knows them.',
  },
  StatusParts: {
    request: statusRequestSchema,
    response: statusResponseSchema,
    stream: true,
    role: 'read',
    text:
      'The same in parts, for hosts with many functions: a function each, then pieces of ' +
      '`state_json`, which are put one behind the other, and in the last part all else. All are ' +
      'of the moment of the call by the book of the agent; what VMMs and guests say is as fresh as ' +
      'their function. Without the last part it is not whole.',
  },
  Remove: {
    request: removeRequestSchema,
    response: removeResponseSchema,
    stream: false,
    role: 'write',
    text: 'Stops all instances, unplugs, shuts the VM down and forgets the function.',
  },
  Drain: {
    request: drainRequestSchema,
    response: drainResponseSchema,
    stream: false,
    role: 'write',
    text:
      'Stops every idle instance of a function now, as if its keep-alive had passed; resolves ' +
      'when their regions are unplugged. Of one VM: it takes no new work, another takes its ' +
      'place, and it has ended when the call resolves.',
  },
  Cordon: {
    request: cordonRequestSchema,
    response: hostSchema,
    stream: false,
    role: 'write',
    text:
      'The host takes no new work until Uncordon, whatever becomes of the agent: nothing is ' +
      'launched or started, what is there serves on. With `drain` idle instances stop now, busy ' +
      'ones may end, and each VM ends then; answers at once, GetHost tells how far it is.',
  },
  Uncordon: {
    request: uncordonRequestSchema,
    response: hostSchema,
    stream: false,
    role: 'write',
    text: 'The host takes new work again; functions whose VMs a drain ended get one again.',
  },
  GetHost: {
    request: getHostRequestSchema,
    response: hostSchema,
    stream: false,
    role: 'read',
    text: 'The host as a whole by the book of the agent: whether it takes new work, what is on it.',
  },
  SetTargets: {
    request: setTargetsRequestSchema,
    response: targetsSchema,
    stream: false,
    role: 'write',
    text:
      'Sets bounds and wishes for a function while it runs, for a time or until they are set anew; ' +
      'policies answer within them. Answers with what holds now.',
  },
  GetTargets: {
    request: getTargetsRequestSchema,
    response: targetsSchema,
    stream: false,
    role: 'read',
    text: 'The targets of a function, who set them, why, and until when.',
  },
  Explain: {
    request: explainRequestSchema,
    response: explainResponseSchema,
    stream: false,
    role: 'read',
    text: 'Why an instance has the memory it has, from the book of the agent.',
  },
  Estimate: {
    request: estimateRequestSchema,
    response: estimateResponseSchema,
    stream: false,
    role: 'read',
    text:
      'What a call with this payload would take, by the expression of its function, its history ' +
      'or what it declares. Nothing is started, plugged or granted.',
  },
  Logs: {
    request: logsRequestSchema,
    response: logsResponseSchema,
    stream: false,
    role: 'read',
    text: 'What the instances of a function wrote, as far as it is kept.',
  },
  Watch: {
    request: watchRequestSchema,
    response: agentRecordSchema,
    stream: true,
    role: 'read',
    text: 'Every record of the kinds asked for from now on, until the caller cancels.',
  },
  ListFunctions: {
    request: listRequestSchema,
    response: listFunctionsResponseSchema,
    stream: false,
    role: 'read',
    text:
      'Functions by the book of the agent, a page at a time, each of the moment at which it is ' +
      'asked for: what is there from the first page to the last is told once, what comes or goes ' +
      'meanwhile at most once.',
  },
  ListVms: {
    request: listRequestSchema,
    response: listVmsResponseSchema,
    stream: false,
    role: 'read',
    text: 'VMs, likewise.',
  },
  ListInstances: {
    request: listRequestSchema,
    response: listInstancesResponseSchema,
    stream: false,
    role: 'read',
    text: 'Instances, likewise.',
  },
  ListRegions: {
    request: listRequestSchema,
    response: listRegionsResponseSchema,
    stream: false,
    role: 'read',
    text: 'Regions, likewise.',
  },
  ListOperations: {
    request: listRequestSchema,
    response: listOperationsResponseSchema,
    stream: false,
    role: 'read',
    text: 'Resizes in flight, likewise; `state` is their kind, plug or unplug.',
  },
  WatchOperations: {
    request: watchOperationsRequestSchema,
    response: operationEntrySchema,
    stream: true,
    role: 'read',
    text:
      'Operations that ended, each with its number: who was cut off goes on after the last one ' +
      'that it was told. The newest 4,096 are kept.',
  },
  DeployDag: {
    request: deployDagRequestSchema,
    response: deployDagResponseSchema,
    stream: false,
    role: 'write',
    text:
      'Keeps a DAG of functions that are deployed, also from agent to agent, until RemoveDag. ' +
      'Another of the same name takes its place for calls to come.',
  },
  InvokeDag: {
    request: invokeDagRequestSchema,
    response: invokeDagResponseSchema,
    stream: false,
    role: 'write',
    text:
      'Calls a DAG: its stages run when all before them are done, and the call is over when all ' +
      'are, or when one failed and the others have ended. Where it was not done the call has the ' +
      'status of the error, and the response is in the trailer hotplane-reply-bin.',
  },
  RemoveDag: {
    request: removeDagRequestSchema,
    response: removeDagResponseSchema,
    stream: false,
    role: 'write',
    text: 'Forgets a DAG; its functions stay, and what runs in it goes on.',
  },
  ListDags: {
    request: listDagsRequestSchema,
    response: listDagsResponseSchema,
    stream: false,
    role: 'read',
    text: 'DAGs that are deployed, or one of them.',
  },
} as const;
export type MethodName = keyof typeof METHODS;
