/** Who had a region of late, for the page: `GET /ledger/lineage/vm1/r0`. */
import type { HostAgent } from '../executor/host-agent.ts';
import { lineageView } from '../ledger/lineage-view.ts';
import type { Router } from './router.ts';
import { sendText } from './server.ts';

/** Adds the path; a region that nobody had is told as that. */
export function addLineage(router: Router, agent: HostAgent): void {
  router.add('GET', '/ledger/lineage/:vm/:region', ({ response, params }) => {
    const region_id = `${params['vm'] ?? ''}/${params['region'] ?? ''}`;
    const told = lineageView(agent.ledger?.newest() ?? null, region_id, Date.now());
    sendText(response, 200, JSON.stringify(told), 'application/json');
  });
}
