/** The agent's API as it is told to other languages. Pure. */
import { METHODS, API_PROTOCOL } from '../../agent/model/messages.ts';
import { messageName, wireMessages } from './model.ts';
import type { WireApi } from './proto.ts';

const TEXT =
  'Written by `npm run generate` from the schemas in agent/: change those. The API of the agent: ' +
  "gRPC over a Unix socket (mode 0600). Sizes are bytes, times are milliseconds of the host's " +
  'CLOCK_MONOTONIC with fractions, so stamps of agent and caller can be compared. An `optional` ' +
  'field that is absent means: not known (who would tell did not answer), a time stamp or an id: ' +
  'this point was not reached, there is none. It is never told as 0. The package names the ' +
  'version of the protocol: an agent answers another one with HP_AGENT_VERSION.';

const methods = Object.entries(METHODS);

export const API: WireApi = {
  text: TEXT,
  package: API_PROTOCOL,
  service: 'Agent',
  methods: methods.map(([name, { request, response, stream, text }]) => ({
    name,
    request: messageName(request),
    response: messageName(response),
    is_stream: stream,
    text,
  })),
  messages: wireMessages(methods.flatMap(([, { request, response }]) => [request, response])),
};
