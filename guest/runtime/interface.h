/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_INTERFACE_H
#define HOTPLANE_INTERFACE_H

#include <poll.h>
#include <stdbool.h>

#include "options.h"

#define INTERFACE_FILES_MAX 24

/*
 * How a program is told of an invocation, and answers it. Nothing here waits: the supervisor polls
 * the files that an interface names.
 */
struct interface {
	const char *name;
	/* Before the program starts. 0 or -errno. */
	int (*open)(const struct options *options);
	/* Fills in the files to poll; returns how many. */
	int (*files)(struct pollfd *files);
	/* One of them, number @index of them, has news. */
	void (*news)(int index, short events);
	/* A whole invocation is here: called every round while it is open. */
	void (*deliver)(void);
	/* Whether the program was given the open invocation, or may have been. */
	const bool *given;
	/* For how long the supervisor may wait for news; -1: as long as it takes. */
	int (*wait_ms)(void);
};

extern const struct interface lambda_interface;
extern const struct interface http_interface;
extern const struct interface openwhisk_interface;

/* Whether the program was told to be ready. */
bool interface_is_ready(void);
void interface_became_ready(void);

#endif
