/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_NODE_MEMORY_H
#define HOTPLANE_NODE_MEMORY_H

/*
 * Keeps the boot memory of nodes of regions for what can come from nowhere else: from now on, what
 * a plugged region holds does not go there when it is unplugged. Asked for once, the others cost
 * nothing; a kernel that will not do it is told on the console.
 */
void node_memory_keep(void);

#endif
