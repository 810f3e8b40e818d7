/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_OPTIONS_H
#define HOTPLANE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a supervisor is told, from its arguments: `--name value`, then `--` and the command. */
struct options {
	/* lambda, http or openwhisk. */
	const char *interface;
	const char *function;
	const char *instance;
	/* Root of the program; NULL: no sandbox, for a test on the host. */
	const char *root;
	const char *folder;
	/* uid or uid:gid; NULL: one of the instance's own. */
	const char *user;
	/* Its own on the network, `ADDRESS/LENGTH`, and who leads out of it; NULL: none. */
	const char *address;
	const char *gateway;
	/* Its spans, `NAME=BYTES` with commas between them, and where to ask; NULL: none. */
	const char *spans;
	const char *spans_socket;
	/* Servers of names with commas between them; NULL: what the image says. */
	const char *dns;
	/* Where the supervisor serves `lambda`, or the program the others. */
	uint16_t port;
	uint64_t tmp_bytes;
	uint64_t memory_bytes;
	/* How long the program may take until it is ready; 0: as long as it takes. */
	uint64_t ready_ms;
	char **command;
	/* The program's environment, without what is for the init and the supervisor. */
	char **environment;
};

/* NULL, or what is wrong with them. */
const char *options_read(struct options *options, char **arguments, char **environment);

#endif
