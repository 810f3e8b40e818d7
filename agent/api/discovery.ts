/**
 * What any gRPC client can ask of us without knowing us: whether we serve (grpc.health.v1), and
 * which services, methods and messages there are (server reflection, v1 and v1alpha).
 */
import { join } from 'node:path';
import type { Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { API_PROTOCOL } from '../model/methods.ts';

/** Of the whole server, and of the one service that is not about the server itself. */
const SERVICES = ['', `${API_PROTOCOL}.Agent`] as const;

export class Discovery {
  readonly #health = new HealthImplementation();

  /** Adds both to a server that serves; what it tells is read from agent.proto. */
  constructor(server: Server) {
    this.#tell('SERVING');
    this.#health.addToServer(server);
    const definition = loadSync(join(PROJECT_ROOT, 'agent', 'api', 'agent.proto'), {
      keepCase: true,
    });
    new ReflectionService(definition).addToServer(server);
  }

  /** The server takes no new calls, or its agent decides nothing any more. */
  stopping(): void {
    this.#tell('NOT_SERVING');
  }

  #tell(status: 'SERVING' | 'NOT_SERVING'): void {
    for (const service of SERVICES) this.#health.setStatus(service, status);
  }
}
