/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_SPAN_PEERS_H
#define HOTPLANE_SPAN_PEERS_H

#include <poll.h>
#include <stdbool.h>

/* The socket, and those that may be connected to it. */
#define SPAN_PEERS_MAX 16
#define SPAN_FILES_MAX (1 + SPAN_PEERS_MAX)

/*
 * The socket on which a program asks for spans: a line each way, one after another. It is in the
 * program's own root, so that nobody else finds it. However much is said, a bounded number of lines
 * is heard; what is beyond that waits in the socket.
 */
struct span_peer;

/* Before the program starts. 0 or -errno. */
int span_peers_open(void);
/* The socket, or -1 where there is none. */
int span_peers_listener(void);
/* In the child that becomes the program, in its root: makes it be found at @path. 0 or -errno. */
int span_peers_bind(int fd, const char *path);
/* Fills in the files to poll; returns how many. */
int span_peers_files(struct pollfd *files);
/* One of them, number @index of them, has news. */
void span_peers_news(int index, short events);
/* Hears what may be heard now; called once a round. */
void span_peers_tick(void);
/*
 * An invocation is over, or is about to begin: what was said until now and nobody has heard is not
 * for the next one. Who said it is told @why, and let go.
 */
void span_peers_let_go(const char *why);
/* For how long the supervisor may wait for news; -1: as long as it takes. */
int span_peers_wait_ms(void);

/* One line to it, whose end is added, with an open file beside it; @fd -1: with none. */
bool span_peer_tell(struct span_peer *peer, const char *line, int fd);
/* It is not heard while it waits for an answer. */
void span_peer_waits(struct span_peer *peer, bool waits);

#endif
