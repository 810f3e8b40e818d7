/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_CHANNEL_H
#define HOTPLANE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The byte stream to the agent: the named virtio-serial port, or whoever of the host connects to
 * the vsock port. One at a time; a new one replaces the old.
 */
struct channel_handlers {
	/* A host is there; called at each (re)connect. */
	void (*connected)(void);
	/* It went away: replies to its requests must not reach the next one. */
	void (*disconnected)(void);
	/* One line without its end; @too_long when only the fact of it is known. */
	void (*line)(char *line, size_t length, bool too_long);
};

void channel_setup(const struct channel_handlers *handlers);
/*
 * The connection that is there began without being seen to: the end of the one before it, which may
 * show from now on, is not its own.
 */
void channel_began_unseen(void);
/* Looks for the port as long as there is none; called once a round. */
void channel_tick(void);
/*
 * Hands over one line, if there is one; called once a round, after the events: whatever became of
 * earlier requests is told before the next one begins.
 */
void channel_turn(void);
/* Queues one line (the newline is added). Dropped when nobody is connected or the queue is full. */
void channel_send(const char *line, size_t length);
/* The same with bytes attached, @mark being where they begin in the line they came in. */
void channel_send_attached(const char *json, size_t length, const char *mark, size_t mark_length);
/* Whether a chunk of a payload may be queued: what is queued already delays what comes after it. */
bool channel_has_room(void);

#endif
