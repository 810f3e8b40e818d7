/** The agent's API as it is told to other languages. Pure. */
import { METHODS, API_PROTOCOL } from '../../agent/model/methods.ts';
import { messageName, wireMessages } from './model.ts';
import type { WireApi } from './proto.ts';

const TEXT =
  'Written by `npm run generate` from the schemas in agent/: change those. The API of the agent: ' +
  "gRPC over a Unix socket (mode 0600). Sizes are bytes, times are milliseconds of the host's " +
  'CLOCK_MONOTONIC with fractions, so stamps of agent and caller can be compared. An `optional` ' +
  'field that is absent means: not known (who would tell did not answer), a time stamp or an id: ' +
  'this point was not reached, there is none. It is never told as 0. The package names the ' +
  'version of the protocol: an agent answers another one with HP_AGENT_VERSION. Within a version ' +
  'methods, messages and fields may be added, and nothing else: no field changes its number, type ' +
  'or meaning, none becomes required, and a request that leaves one out means what it meant before ' +
  'there was one. No enum of an answer gets a new value. A field that a peer does not know is ' +
  'ignored. See docs/compatibility.md.';

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
