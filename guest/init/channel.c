// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/protocol_constants.h"
#include "channel.h"
#include "ports.h"
#include "loop.h"

#define SEARCH_FAST_MS 10
#define SEARCH_SLOW_MS 500
#define SEARCH_FAST_FOR_MS 10000
/*
 * The kernel tells of a hang-up apart from what is written: a busy guest may read the first request
 * of a connection before it sees that the one before it has ended, for so long. It sees the new one
 * soon after, then: both were told before the request came.
 */
#define HANGUP_LATE_MS 10000
#define HANGUP_DOUBT_MS 2000
#define HANGUP_POLL_MS 5
#define OUTPUT_MAX (1024 * 1024)
/* Chunks of payloads wait in their programs while more than this is queued. */
#define OUTPUT_FREE_BELOW (32 * 1024)

static struct {
	struct channel_handlers handlers;
	struct watch stream;
	struct watch listener;
	/* The virtio-serial port, which stays open while the host comes and goes. */
	bool is_port;
	bool connected;
	/* Inside a line longer than the limit: skip to its end. */
	bool skipping;
	/* The stream may hold more than there was room for. */
	bool unread;
	double search_since_ms;
	/* A hang-up seen before may be that of an earlier connection; 0: none is awaited. */
	double late_until_ms;
	/* Such a one was seen, and not yet that the port is connected; 0: it was not. */
	double doubt_since_ms;
	size_t input_at;
	/* No line ends between the two. */
	size_t input_seen;
	size_t input_used;
	size_t output_used;
	char input[PROTOCOL_LINE_BYTES + 1];
	char output[OUTPUT_MAX];
} channel;

static void flush_output(void)
{
	size_t sent = 0;

	while (sent < channel.output_used) {
		ssize_t wrote = write(channel.stream.fd, channel.output + sent,
				      channel.output_used - sent);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			break;
		sent += (size_t)wrote;
	}
	channel.output_used -= sent;
	memmove(channel.output, channel.output + sent, channel.output_used);
	/* The edge-triggered port may miss the moment of free space. */
	if (channel.output_used > 0)
		loop_wake_within(2);
}

static void queue_output(const char *bytes, size_t length)
{
	memcpy(channel.output + channel.output_used, bytes, length);
	channel.output_used += length;
}

void channel_send_attached(const char *json, size_t length, const char *mark, size_t mark_length)
{
	if (!channel.connected || length + mark_length >= PROTOCOL_LINE_BYTES)
		return;
	if (length + mark_length + 1 > OUTPUT_MAX - channel.output_used)
		return;
	queue_output(json, length);
	queue_output(mark, mark_length);
	queue_output("\n", 1);
	flush_output();
}

void channel_send(const char *line, size_t length)
{
	channel_send_attached(line, length, "", 0);
}

bool channel_has_room(void)
{
	return !channel.connected || channel.output_used < OUTPUT_FREE_BELOW;
}

/* Looks at each byte once, however often it is asked while a line comes in pieces. */
static char *end_of_line(void)
{
	char *end = memchr(channel.input + channel.input_seen, '\n',
			   channel.input_used - channel.input_seen);

	channel.input_seen = end ? (size_t)(end - channel.input) : channel.input_used;
	return end;
}

static void forget_input(void)
{
	channel.input_at = 0;
	channel.input_seen = 0;
	channel.input_used = 0;
}

static void set_connected(bool connected)
{
	if (connected == channel.connected)
		return;
	channel.connected = connected;
	channel.unread = false;
	forget_input();
	channel.output_used = 0;
	channel.skipping = false;
	if (!connected) {
		channel.handlers.disconnected();
		return;
	}
	/* Ends whatever half a line the host may still hold of an earlier connection. */
	channel_send("", 0);
	channel.handlers.connected();
}

static void drop_stream(void)
{
	set_connected(false);
	watch_remove(&channel.stream);
	channel.search_since_ms = boottime_ms();
}

static bool port_is_hung_up(void)
{
	struct pollfd look = { .fd = channel.stream.fd, .events = POLLIN };

	return poll(&look, 1, 0) > 0 && (look.revents & POLLHUP);
}

void channel_began_unseen(void)
{
	if (channel.is_port)
		channel.late_until_ms = boottime_ms() + HANGUP_LATE_MS;
}

/* Of the end of an earlier connection nothing is lost: what is sent meanwhile waits. */
static void port_seen(bool hung_up)
{
	double now_ms = boottime_ms();

	if (!hung_up) {
		channel.doubt_since_ms = 0;
		return set_connected(true);
	}
	if (channel.connected && channel.doubt_since_ms == 0 && now_ms < channel.late_until_ms) {
		channel.late_until_ms = 0;
		channel.doubt_since_ms = now_ms;
	}
	if (channel.doubt_since_ms > 0 && now_ms < channel.doubt_since_ms + HANGUP_DOUBT_MS)
		return loop_wake_within(HANGUP_POLL_MS);
	channel.doubt_since_ms = 0;
	set_connected(false);
}

static void end_of_stream(void)
{
	if (channel.is_port)
		port_seen(port_is_hung_up());
	else
		drop_stream();
}

/* Reads all there is room for: the watch is edge-triggered, it does not tell of the rest again. */
static void fill_input(void)
{
	channel.unread = false;
	if (channel.input_at > 0) {
		channel.input_used -= channel.input_at;
		channel.input_seen -= channel.input_at;
		memmove(channel.input, channel.input + channel.input_at, channel.input_used);
		channel.input_at = 0;
	}
	while (channel.connected) {
		size_t room = sizeof(channel.input) - channel.input_used;
		ssize_t got;

		if (room == 0) {
			channel.unread = true;
			return;
		}
		got = read(channel.stream.fd, channel.input + channel.input_used, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0) {
			/* What came before the end is served first; the end shows again. */
			if (!channel.is_port && end_of_line())
				channel.unread = true;
			else
				end_of_stream();
			return;
		}
		channel.input_used += (size_t)got;
	}
}

static void take_line(char *end)
{
	char *start = channel.input + channel.input_at;
	size_t length = (size_t)(end - start);
	bool too_long = channel.skipping || length >= PROTOCOL_LINE_BYTES;

	*end = 0;
	channel.input_at += length + 1;
	channel.input_seen = channel.input_at;
	channel.skipping = false;
	if (too_long)
		channel.handlers.line(start, 0, true);
	else if (length > 0)
		channel.handlers.line(start, length, false);
}

void channel_turn(void)
{
	char *end;

	if (!channel.connected)
		return;
	end = end_of_line();
	if (end)
		take_line(end);
	else if (channel.input_used - channel.input_at >= PROTOCOL_LINE_BYTES) {
		channel.skipping = true;
		forget_input();
	}
	if (channel.unread && !end_of_line())
		fill_input();
	if (channel.unread || end_of_line())
		loop_wake_within(0);
}

/* Only reads; the lines are taken one by one, between other events. */
static void stream_ready(struct watch *watch, uint32_t events)
{
	(void)watch;
	if (channel.is_port)
		port_seen(events & EPOLLHUP);
	if (channel.connected)
		fill_input();
	if (channel.connected && channel.output_used > 0)
		flush_output();
}

static void take_stream(int fd, bool is_port)
{
	drop_stream();
	channel.is_port = is_port;
	channel.late_until_ms = 0;
	channel.doubt_since_ms = 0;
	if (watch_add(&channel.stream, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		      stream_ready) < 0)
		return;
	set_connected(!is_port || !port_is_hung_up());
}

static void listener_ready(struct watch *watch, uint32_t events)
{
	int fd = port_accept_vsock(watch->fd);

	(void)events;
	if (fd >= 0)
		take_stream(fd, false);
}

void channel_setup(const struct channel_handlers *handlers)
{
	int fd = port_listen_vsock(PROTOCOL_VSOCK_PORT);

	channel.handlers = *handlers;
	channel.search_since_ms = boottime_ms();
	if (fd >= 0)
		watch_add(&channel.listener, fd, EPOLLIN, listener_ready);
}

void channel_tick(void)
{
	bool fast = boottime_ms() - channel.search_since_ms < SEARCH_FAST_FOR_MS;
	int fd;

	if (channel.stream.added) {
		if (channel.doubt_since_ms > 0)
			port_seen(port_is_hung_up());
		if (channel.connected && channel.output_used > 0)
			flush_output();
		return;
	}
	fd = port_open_serial(PROTOCOL_SERIAL_PORT);
	if (fd >= 0)
		take_stream(fd, true);
	else
		loop_wake_within(fast ? SEARCH_FAST_MS : SEARCH_SLOW_MS);
}
