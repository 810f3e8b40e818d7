/** Error bodies as each version writes them. */
import { featuresOf, parseVersion } from '../../cloud-hypervisor/version.ts';

/** An error of the API: outermost sentence first, as v47 and newer send it. */
export class ApiError extends Error {
  readonly status: number;
  readonly messages: readonly string[];

  constructor(status: number, messages: readonly string[]) {
    super(messages.join(': '));
    this.status = status;
    this.messages = messages;
  }
}

/** The body of an error answer: one sentence up to v46, a JSON array from v47 on. */
export function errorBody(version: string, messages: readonly string[]): string {
  if (messages.length === 0) return '';
  const parsed = parseVersion(version);
  const json = parsed === null || featuresOf(parsed).json_errors;
  return json ? JSON.stringify(messages) : messages.join(': ');
}

/** Statuses moved over time: before v53 a missing VM was a 500. */
export function statusIn(version: string, status: number): number {
  const major = parseVersion(version)?.major ?? 53;
  return status === 404 && major < 53 ? 500 : status;
}

export function apiError(what: string, ...causes: readonly string[]): ApiError {
  return new ApiError(500, ['Error from API', what, ...causes]);
}

export function notCreated(what: string): ApiError {
  return new ApiError(404, ['Error from API', what, 'VM is not created']);
}

export function notRunning(what: string): ApiError {
  return apiError(what, 'VM is not running');
}

export const badRequest = (): ApiError => new ApiError(400, ['Bad Request']);
