// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/protocol_constants.h"
#include "../common/send_line.h"
#include "span_peers.h"
#include "spans.h"

#define BACKLOG 8
/* The longest line, with its end: a verb, a name, a size. */
#define LINE_BYTES 128
/* Lines that are heard: so many at once, and then one in this time. */
#define LINES_BURST 64
#define LINE_GAP_MS 2

struct span_peer {
	/* -1: the place is free. */
	int fd;
	/* Its ask is not answered yet. */
	bool waits;
	char line[LINE_BYTES];
	size_t used;
	double heard_at_ms;
};

static struct span_peer peers[SPAN_PEERS_MAX];
/* Which peer has which place among the files. */
static int polled[SPAN_PEERS_MAX];
static int listener = -1;
/* Until when the lines heard so far take, one in each gap. */
static double full_until_ms;

int span_peers_open(void)
{
	for (int i = 0; i < SPAN_PEERS_MAX; i++)
		peers[i].fd = -1;
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return listener < 0 ? -errno : 0;
}

int span_peers_listener(void)
{
	return listener;
}

int span_peers_bind(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

static void drop(struct span_peer *peer)
{
	spans_forget(peer);
	close(peer->fd);
	peer->fd = -1;
}

static double hold_ms(void)
{
	return full_until_ms - boottime_ms() - LINES_BURST * LINE_GAP_MS;
}

int span_peers_files(struct pollfd *files)
{
	bool held = hold_ms() > 0;
	int used = 0;

	files[used++] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (int i = 0; i < SPAN_PEERS_MAX; i++) {
		/* Of one that waits only its end is news. */
		short events = peers[i].waits ? 0 : POLLIN;

		if (peers[i].fd < 0 || (held && !peers[i].waits))
			continue;
		polled[used - 1] = i;
		files[used++] = (struct pollfd){ .fd = peers[i].fd, .events = events };
	}
	return used;
}

/* A free place, or that of the one who waits for nothing and was silent longest. */
static struct span_peer *take_place(void)
{
	struct span_peer *oldest = NULL;

	for (int i = 0; i < SPAN_PEERS_MAX; i++) {
		struct span_peer *peer = &peers[i];

		if (peer->fd < 0)
			return peer;
		if (!peer->waits && (!oldest || peer->heard_at_ms < oldest->heard_at_ms))
			oldest = peer;
	}
	if (oldest)
		drop(oldest);
	return oldest;
}

/* NULL: nobody came, or there is no place. */
static struct span_peer *accept_peer(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct span_peer *place = fd < 0 ? NULL : take_place();

	if (place)
		*place = (struct span_peer){ .fd = fd, .heard_at_ms = boottime_ms() };
	else if (fd >= 0)
		close(fd);
	return place;
}

static void hear(struct span_peer *peer)
{
	ssize_t got = recv(peer->fd, peer->line + peer->used, sizeof(peer->line) - peer->used,
			   MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		return drop(peer);
	peer->used += (size_t)got;
	peer->heard_at_ms = boottime_ms();
}

void span_peers_news(int index, short events)
{
	struct span_peer *peer;

	if (index == 0) {
		accept_peer();
		return;
	}
	peer = &peers[polled[index - 1]];
	if (peer->fd < 0)
		return;
	if (!peer->waits)
		hear(peer);
	else if (events & (POLLHUP | POLLERR))
		drop(peer);
}

static bool has_line(const struct span_peer *peer)
{
	return peer->fd >= 0 && !peer->waits && memchr(peer->line, '\n', peer->used);
}

static void take_line(struct span_peer *peer)
{
	char line[LINE_BYTES];
	char *end = memchr(peer->line, '\n', peer->used);
	size_t length = (size_t)(end - peer->line);
	double now_ms = boottime_ms();

	memcpy(line, peer->line, length);
	line[length] = 0;
	peer->used -= length + 1;
	memmove(peer->line, end + 1, peer->used);
	full_until_ms = (full_until_ms > now_ms ? full_until_ms : now_ms) + LINE_GAP_MS;
	spans_ask(peer, line);
}

void span_peers_tick(void)
{
	for (int i = 0; i < SPAN_PEERS_MAX; i++) {
		struct span_peer *peer = &peers[i];

		while (has_line(peer) && hold_ms() <= 0)
			take_line(peer);
		/* No line is so long. */
		if (peer->fd >= 0 && !peer->waits && peer->used == sizeof(peer->line) &&
		    !has_line(peer) && span_peer_tell(peer, "refused - a line is too long", -1))
			drop(peer);
	}
}

/* It said more than was heard of it, or has hung up. */
static bool has_unheard(const struct span_peer *peer)
{
	char byte;

	if (peer->used > 0)
		return true;
	return recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

void span_peers_let_go(const char *why)
{
	char last[LINE_BYTES];

	if (listener < 0)
		return;
	snprintf(last, sizeof(last), "refused - %s", why);
	/* After those that have a place come those that wait for one: the queue has one more. */
	for (int i = 0; i < SPAN_PEERS_MAX + BACKLOG + 1; i++) {
		struct span_peer *peer = i < SPAN_PEERS_MAX ? &peers[i] : accept_peer();

		if (peer && peer->fd >= 0 && has_unheard(peer) && span_peer_tell(peer, last, -1))
			drop(peer);
	}
}

int span_peers_wait_ms(void)
{
	double left_ms = hold_ms();

	for (int i = 0; i < SPAN_PEERS_MAX; i++) {
		if (listener < 0 || peers[i].fd < 0 || peers[i].waits)
			continue;
		if (left_ms > 0)
			return (int)left_ms + 1;
		if (has_line(&peers[i]))
			return 0;
	}
	return -1;
}

bool span_peer_tell(struct span_peer *peer, const char *line, int fd)
{
	if (peer->fd < 0)
		return false;
	if (send_line_with(peer->fd, line, strlen(line), fd, MSG_DONTWAIT))
		return true;
	/* One that does not read is not waited for. */
	drop(peer);
	return false;
}

void span_peer_waits(struct span_peer *peer, bool waits)
{
	peer->waits = waits;
}
