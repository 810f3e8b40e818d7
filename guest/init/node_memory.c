// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../common/protocol_constants.h"
#include "files.h"
#include "node_memory.h"

#define RATIOS "/proc/sys/vm/lowmem_reserve_ratio"
#define BOOST "/proc/sys/vm/watermark_boost_factor"
/*
 * A zone keeps this share of the movable memory beside it from whoever could have taken that: of
 * the smallest region, 128 MiB, it is the 8 MiB of hypervisor-client/host/guest-node.ts.
 */
#define KEPT_SHARE 16

/* Linux 6.9; older headers do not have it. */
#define BY_TURNS 6
#define LONG_BITS (8 * sizeof(unsigned long))

void node_memory_keep(void)
{
	static bool done;
	char now[256], wanted[256] = "";
	char *at = now, *end;
	int error;

	if (done)
		return;
	done = true;
	file_read(RATIOS, now, sizeof(now));
	/* One for each zone, as many as this kernel has; 0 keeps nothing. */
	for (long ratio = strtol(at, &end, 10); end != at; ratio = strtol(at, &end, 10)) {
		size_t used = strlen(wanted);

		snprintf(wanted + used, sizeof(wanted) - used, "%ld ",
			 ratio > KEPT_SHARE ? KEPT_SHARE : ratio);
		at = end;
	}
	error = file_write(RATIOS, wanted);
	if (error)
		fprintf(stderr, "hotplane-init: " RATIOS ": %s\n", strerror(-error));
	/*
	 * To have less of it fragmented the kernel keeps 2 MiB more free for a while
	 * (boost_watermark() of mm/page_alloc.c): of a node of 16 they are missing to who starts.
	 */
	error = file_write(BOOST, "0");
	if (error)
		fprintf(stderr, "hotplane-init: " BOOST ": %s\n", strerror(-error));
}

/* Of the kernel's, for whoever takes pages of several nodes by turns. */
static int weigh(int node, int weight)
{
	char name[80], number[16];

	snprintf(name, sizeof(name), "/sys/kernel/mm/mempolicy/weighted_interleave/node%d", node);
	snprintf(number, sizeof(number), "%d", weight);
	return file_write(name, number);
}

int node_memory_by_turns(int node, int weight, int other, int other_weight)
{
	unsigned long nodes[PROTOCOL_GUEST_NODE_MAX / LONG_BITS + 1] = { 0 };
	int error = weigh(node, weight);

	if (!error)
		error = weigh(other, other_weight);
	if (error)
		return error;
	nodes[(unsigned int)node / LONG_BITS] |= 1UL << ((unsigned int)node % LONG_BITS);
	nodes[(unsigned int)other / LONG_BITS] |= 1UL << ((unsigned int)other % LONG_BITS);
	/* The kernel takes the last of so many bits for none of them. */
	if (syscall(SYS_set_mempolicy, BY_TURNS, nodes, 8 * sizeof(nodes) + 1) < 0)
		return -errno;
	return 0;
}
