/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_NODE_MEMORY_H
#define HOTPLANE_NODE_MEMORY_H

/*
 * Keeps the boot memory of nodes of regions for what can come from nowhere else: from now on, what
 * a plugged region holds does not go there when it is unplugged. Asked for once, the others cost
 * nothing; a kernel that will not do it is told on the console.
 */
void node_memory_keep(void);

/*
 * From now on the caller, and what it becomes, takes pages of both nodes by turns: @weight of
 * @node, then @other_weight of @other. The weights are of the nodes, which are nobody else's.
 * Returns 0 or -errno; what has no room on one node comes from the other.
 */
int node_memory_by_turns(int node, int weight, int other, int other_weight);

#endif
