/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_SANDBOX_H
#define HOTPLANE_SANDBOX_H

#include <sys/types.h>

#include "options.h"

struct program {
	pid_t pid;
	int out_fd;
	int err_fd;
	/* Tells why it did not become the program; an end of file: it did. */
	int trouble_fd;
};

/*
 * Starts the program: its image as root, its own processes, mounts, IPC and host name, a bounded
 * /tmp, a user without privileges and no way to new ones. 0 or -errno.
 */
int sandbox_start(const struct options *options, struct program *program);

#endif
