/**
 * The floor: a gRPC server over a Unix socket that gives an answer of the size of Invoke's and does
 * nothing else. What a call to the agent takes beyond one of these is the agent's own.
 */
import { type Client, Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';

const PATH = '/hotplane.bench.Echo/Echo';
/** As an Invoke of the bench has: 55 bytes there, 150 back. */
const REQUEST = Buffer.alloc(55, 1);
const RESPONSE = Buffer.alloc(150, 2);
const same = (bytes: Buffer): Buffer => bytes;

/** Serves on `socket_path`; the function returned ends it. */
export async function serveEcho(socket_path: string): Promise<() => void> {
  const server = new Server();
  server.addService(
    {
      Echo: {
        path: PATH,
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    { Echo: (_call: unknown, done: sendUnaryData<Buffer>) => done(null, RESPONSE) },
  );
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket_path}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
  return () => server.forceShutdown();
}

/** One call, with a deadline as the agent's client has one. */
export function echo(client: Client, deadline_ms: number): Promise<void> {
  const deadline = Date.now() + deadline_ms;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(PATH, same, same, REQUEST, { deadline }, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
