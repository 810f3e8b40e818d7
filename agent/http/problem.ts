/** Errors over HTTP: RFC 9457's problem+json, with code, category and what to do next beside it. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { type ErrorCategory, isHotplaneError } from '../../base/errors.ts';
import { refusalOf } from '../model/failure.ts';

const STATUS: Readonly<Record<ErrorCategory, number>> = {
  failure: 500,
  usage: 400,
  unavailable: 503,
  timeout: 504,
  partial: 500,
  conflict: 409,
  interrupted: 499,
};
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  HP_AGENT_NO_FUNCTION: 404,
  HP_AGENT_NO_DAG: 404,
  HP_AGENT_HTTP_PATH: 404,
  HP_AGENT_HTTP_METHOD: 405,
  HP_AGENT_HTTP_FOREIGN: 403,
  HP_AGENT_HTTP_BODY: 413,
};

/** Answers with an error; `more` goes beside it. Of an answer that was begun nothing is left. */
export function sendProblem(
  response: ServerResponse,
  error: unknown,
  more: Readonly<Record<string, unknown>> = {},
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { code, category, message, next } = isHotplaneError(error) ? error : refusalOf(error);
  const status = STATUS_OF_CODE[code] ?? STATUS[category];
  const title = STATUS_CODES[status] ?? code;
  const problem = { type: 'about:blank', title, status, detail: message, code, category, next };
  const body = Buffer.from(`${JSON.stringify({ ...problem, ...more })}\n`);
  const type = 'application/problem+json';
  response.writeHead(status, { 'content-type': type, 'content-length': body.length });
  response.end(body);
}
