/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_OUTGOING_H
#define HOTPLANE_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* A head, and around a payload what an action is told. */
#define OUTGOING_PARTS_MAX 4

/*
 * What a program has not taken of a message: it may write, answer or refuse before it reads on, so
 * that nobody waits for it. The bytes are the caller's, and lie still until all is taken.
 */
struct outgoing {
	struct iovec parts[OUTGOING_PARTS_MAX];
	size_t at;
	size_t count;
	bool began;
	/* It takes no more. */
	bool refused;
};

/* Begins with a message of @head and @parts, and sends what is taken at once. */
void outgoing_begin(struct outgoing *outgoing, int fd, struct iovec head, const struct iovec *parts,
		    size_t count);
/* As much as is taken now. */
void outgoing_send_on(struct outgoing *outgoing, int fd);
bool outgoing_is_sent(const struct outgoing *outgoing);
/* Room for more is waited for. */
bool outgoing_waits(const struct outgoing *outgoing);

#endif
