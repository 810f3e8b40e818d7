/**
 * HotplaneErrors over gRPC: the status code is for any client, the whole error travels in a
 * trailer, so that our own client throws exactly what the agent threw.
 */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { z } from 'zod';
import { type ErrorCategory, HotplaneError, isHotplaneError } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import { agentError } from '../model/errors.ts';
import { API_PROTOCOL } from '../model/methods.ts';
import { statusText, trailerText } from './trailer.ts';

const ERROR_TRAILER = 'hotplane-error-bin';
const CODE_TRAILER = 'hotplane-code';
const REPLY_TRAILER = 'hotplane-reply-bin';

const BY_CATEGORY: Readonly<Record<ErrorCategory, status>> = {
  failure: status.INTERNAL,
  usage: status.INVALID_ARGUMENT,
  unavailable: status.UNAVAILABLE,
  timeout: status.DEADLINE_EXCEEDED,
  partial: status.ABORTED,
  conflict: status.ALREADY_EXISTS,
  interrupted: status.CANCELLED,
};

const BY_CODE: Readonly<Record<string, status>> = {
  HP_AGENT_NO_FUNCTION: status.NOT_FOUND,
  HP_AGENT_NO_DAG: status.NOT_FOUND,
  HP_AGENT_NOT_ALLOWED: status.PERMISSION_DENIED,
  HP_AGENT_LEDGER_FULL: status.UNAVAILABLE,
  HP_AGENT_NO_MEMORY: status.RESOURCE_EXHAUSTED,
  HP_AGENT_HOST_MEMORY: status.RESOURCE_EXHAUSTED,
  HP_AGENT_HOST_PRESSURE: status.RESOURCE_EXHAUSTED,
  HP_AGENT_TOO_MANY_FUNCTIONS: status.RESOURCE_EXHAUSTED,
  HP_AGENT_TOO_MANY_WATCHERS: status.RESOURCE_EXHAUSTED,
  HP_AGENT_SLOW_READER: status.RESOURCE_EXHAUSTED,
  HP_AGENT_BUSY: status.RESOURCE_EXHAUSTED,
  HP_AGENT_QUEUE_FULL: status.RESOURCE_EXHAUSTED,
  HP_AGENT_INSTANCE_OOM: status.ABORTED,
  HP_AGENT_INSTANCE_EXITED: status.ABORTED,
};

const trailerSchema = z.object({
  code: z.string(),
  category: z.enum([
    'failure',
    'usage',
    'unavailable',
    'timeout',
    'partial',
    'conflict',
    'interrupted',
  ]),
  message: z.string(),
  next: z.string(),
  details: z.record(z.string(), z.unknown()),
});

const SAME_VERSION =
  'use client and agent of one version; end the agent and start it with this one.';

/** For a client that speaks another version of the protocol. */
export function otherVersion(protocol: string, version: string): HotplaneError {
  return agentError(
    'HP_AGENT_VERSION',
    `this agent is hotplane ${version} and speaks ${API_PROTOCOL}; the client speaks ${protocol}.`,
    { next: SAME_VERSION, details: { protocol: API_PROTOCOL, version } },
  );
}

export interface StatusError {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/**
 * An invocation that was refused or failed: the call ends with the status of `failure`, and what is
 * known of the invocation (the encoded InvokeResponse) goes with it in a trailer.
 */
export class InvocationNotDone extends Error {
  readonly failure: HotplaneError;
  readonly reply: Buffer;

  constructor(failure: HotplaneError, reply: Buffer) {
    super(failure.message);
    this.failure = failure;
    this.reply = reply;
  }
}

export function toStatus(thrown: unknown): StatusError {
  const error = thrown instanceof InvocationNotDone ? thrown.failure : thrown;
  const ours = isHotplaneError(error) ? error : internal(error);
  const { code, category, message } = ours;
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, code.slice(0, 64));
  metadata.set(ERROR_TRAILER, Buffer.from(trailerText(ours)));
  if (thrown instanceof InvocationNotDone) metadata.set(REPLY_TRAILER, thrown.reply);
  return { code: BY_CODE[code] ?? BY_CATEGORY[category], details: statusText(message), metadata };
}

/** Who was asked is of a version that has no such method. */
export const isUnknownMethod = ({ code }: ServiceError): boolean => code === status.UNIMPLEMENTED;

/** The encoded InvokeResponse of an invocation that was refused or failed; null in other errors. */
export function replyOf(error: ServiceError): Buffer | null {
  const [reply] = error.metadata?.get(REPLY_TRAILER) ?? [];
  return Buffer.isBuffer(reply) ? reply : null;
}

function internal(cause: unknown): HotplaneError {
  return agentError('HP_AGENT_INTERNAL', cause instanceof Error ? cause.message : String(cause), {
    cause,
  });
}

/** gRPC's own words; of a connection that broke it says something else. */
const NEVER_THERE = /No connection established/;

function mayNotConnect(path: string, base: Pick<HotplaneError, 'details'> & { cause: Error }) {
  return agentError('HP_AGENT_UNREACHABLE', `${path} may not be opened by this user.`, {
    ...base,
    next: "ask who runs the agent: its 'socket_group' and 'socket_mode' say who may connect.",
  });
}

/** What a call ended with: the agent's own error, or one that names the trouble of reaching it. */
export function fromStatus(error: ServiceError, socket_path: string): HotplaneError {
  const [trailer] = error.metadata?.get(ERROR_TRAILER) ?? [];
  if (trailer !== undefined) {
    const parsed = trailerSchema.safeParse(parseJson(String(trailer)));
    if (parsed.success) return new HotplaneError(parsed.data);
  }
  const base = { cause: error, details: { grpc_status: error.code } };
  switch (error.code) {
    case status.UNAVAILABLE:
      if (/\bEACCES\b/.test(error.details)) return mayNotConnect(socket_path, base);
      return agentError('HP_AGENT_UNREACHABLE', `no agent answers on ${socket_path}.`, {
        ...base,
        details: { ...base.details, was_there: !NEVER_THERE.test(error.details) },
      });
    case status.DEADLINE_EXCEEDED:
      return agentError(
        'HP_AGENT_DEADLINE',
        `the agent on ${socket_path} did not answer in time.`,
        { ...base },
      );
    case status.UNIMPLEMENTED:
      return agentError(
        'HP_AGENT_VERSION',
        `the agent on ${socket_path} does not speak ${API_PROTOCOL}: it is of another version.`,
        { ...base, next: SAME_VERSION },
      );
    case status.CANCELLED:
      return agentError('HP_AGENT_CANCELLED', 'the call was cancelled.', { ...base });
    default:
      return agentError('HP_AGENT_CALL_FAILED', `the call to the agent failed: ${error.details}`, {
        ...base,
      });
  }
}
