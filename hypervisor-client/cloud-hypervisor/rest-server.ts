/** Cloud Hypervisor as a REST server: its routes, its limits and the codes of its errors. */
import type { RestServer, RestTrouble } from '../rest/server.ts';
import { errorOfAnswer } from './error-body.ts';
import { type ChErrorCode, chError } from './errors.ts';
import { CH_LIMITS } from './limits.ts';

const CODES: Readonly<Record<RestTrouble, ChErrorCode>> = {
  connect: 'HP_CH_CONNECT',
  timeout: 'HP_CH_TIMEOUT',
  closed: 'HP_CH_CLOSED',
  aborted: 'HP_CH_ABORTED',
  protocol: 'HP_CH_PROTOCOL',
  busy: 'HP_CH_BUSY',
  disposed: 'HP_CH_DISPOSED',
  'bad-argument': 'HP_CH_BAD_ARGUMENT',
};

export const CH_SERVER: RestServer = {
  prefix: '/api/v1/',
  probe_route: 'vmm.ping',
  closing_statuses: [400, 503],
  limits: {
    calls_queued: CH_LIMITS.calls_queued,
    request_bytes: CH_LIMITS.request_bytes,
    answer_bytes: CH_LIMITS.answer_bytes,
    error_body_bytes: CH_LIMITS.error_body_bytes,
    keep_alive_ms: CH_LIMITS.keep_alive_ms,
  },
  troubleError: (trouble, message, facts) => chError(CODES[trouble], message, facts),
  answerError: errorOfAnswer,
};
