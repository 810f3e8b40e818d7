/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_SPAWN_H
#define HOTPLANE_SPAWN_H

#include <sys/types.h>

#include "instance.h"

/* What the child tells before it becomes the program; an end of file after that means it has. */
enum spawn_note_kind {
	/* The sandbox exists; from here the child waits for its partition (t3). */
	SPAWN_SANDBOX,
	/* Its memory is there and bound to it. */
	SPAWN_ATTACHED,
	SPAWN_ATTACH_FAILED,
	SPAWN_FAILED,
};

struct spawn_note {
	int kind;
	int error;
	double at_ms;
};

struct spawned {
	pid_t pid;
	int work_fd;
	int status_fd;
};

/* Forks the child of @instance into its cgroup. 0 or -errno. Does not wait for anything. */
int spawn(const struct instance *instance, const struct start_request *request,
	  struct spawned *out);

#endif
