/** A gRPC server of a test's own on a socket of its own, with a client; both end with the test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { AgentClient } from '../../../agent/api/client.ts';

export async function clientOf(
  t: { teardown: (end: () => Promise<void>) => void },
  server: Server,
): Promise<AgentClient> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-server-'));
  const socket_path = join(folder, 'agent.sock');
  await new Promise<void>((resolve, reject) => {
    const insecure = ServerCredentials.createInsecure();
    server.bindAsync(`unix:${socket_path}`, insecure, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  const client = new AgentClient(socket_path);
  t.teardown(async () => {
    client.close();
    server.forceShutdown();
    await rm(folder, { recursive: true });
  });
  return client;
}
