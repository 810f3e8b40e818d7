/** An agent that serves a simulated host on a real Unix socket, and its client. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { hostClock } from '../../../base/clock.ts';
import { GIB } from '../../../base/units.ts';
import { AgentClient, type InvokeRequest } from '../../../agent/api/client.ts';
import { AgentServer } from '../../../agent/api/server.ts';
import { SERVICE } from '../../../agent/api/service.ts';
import { HostAgent } from '../../../agent/executor/host-agent.ts';
import type { HostAgentOptions } from '../../../agent/executor/host-options.ts';
import { FakeHypervisor } from '../../../agent/testing/fake-hypervisor.ts';
import { FAKE_IMAGES } from '../../fakes/host.ts';

export interface Served {
  readonly client: AgentClient;
  readonly agent: HostAgent;
  readonly server: AgentServer;
  readonly socket_path: string;
  readonly hypervisor: FakeHypervisor;
  /** One Invoke as any gRPC client sees it: the error that the call ended with. */
  readonly raw: (request: InvokeRequest) => Promise<ServiceError>;
}

export async function serve(
  t: { teardown: (end: () => Promise<void>) => void },
  host_limit_bytes: number = 4 * GIB,
  own: Partial<Pick<HostAgentOptions, 'hypervisor' | 'policy' | 'ledger' | 'bounds'>> = {},
): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-api-'));
  const log = pino({ level: 'silent' });
  const hypervisor = new FakeHypervisor(hostClock);
  const agent = new HostAgent({
    clock: hostClock,
    hypervisor,
    images: FAKE_IMAGES,
    log,
    host_limit_bytes,
    vms_dir: folder,
    version: '1.2.3',
    ...own,
  });
  const socket_path = join(folder, 'agent.sock');
  const server = await AgentServer.listen({ agent, socket_path, log });
  const client = new AgentClient(socket_path);
  t.teardown(async () => {
    client.close();
    await agent.stop(0);
    await server.close(1_000);
    await rm(folder, { recursive: true });
  });
  const raw = async (request: InvokeRequest): Promise<ServiceError> => {
    const channel = new Client(`unix:${socket_path}`, credentials.createInsecure());
    const call = Promise.withResolvers<ServiceError>();
    channel.makeUnaryRequest(
      SERVICE.Invoke.path,
      SERVICE.Invoke.encodeRequest,
      (bytes) => bytes,
      request,
      (error) => (error ? call.resolve(error) : call.reject(new Error('the status was OK'))),
    );
    return await call.promise.finally(() => channel.close());
  };
  return { client, agent, server, socket_path, hypervisor, raw };
}
