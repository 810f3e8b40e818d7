/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_SPAWN_H
#define HOTPLANE_SPAWN_H

#include <sys/types.h>

#include "instance.h"

/* What the child tells before it becomes the program; an end of file after that means it has. */
enum spawn_note_kind {
	/* The sandbox exists; from here the child waits for its partition (t3). */
	SPAWN_SANDBOX,
	/* Of ATTACH_NUMA: the child is another one from here, whose note this is. */
	SPAWN_REPLACED,
	/* Its memory is there and bound to it. */
	SPAWN_ATTACHED,
	SPAWN_ATTACH_FAILED,
	SPAWN_FAILED,
};

struct spawn_note {
	int kind;
	int error;
	pid_t pid;
	/* Of ATTACH_NUMA: how often the region was not there. */
	uint32_t looks;
	double at_ms;
};

struct spawned {
	pid_t pid;
	int work_fd;
	int status_fd;
};

/*
 * Forks the child of @instance into its cgroup, with ATTACH_NUMA outside. 0 or -errno. Does not
 * wait for anything.
 */
int spawn(const struct instance *instance, const struct start_request *request,
	  struct spawned *out);

#endif
