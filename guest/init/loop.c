// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "loop.h"

#define EVENTS_PER_ROUND 64

static int loop_fd = -1;
static int wake_ms = -1;
static double served_at_ms;

void loop_setup(void)
{
	loop_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop_fd < 0) {
		perror("hotplane-init: epoll");
		abort();
	}
}

int watch_add(struct watch *watch, int fd, uint32_t events,
	      void (*ready)(struct watch *watch, uint32_t events))
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	*watch = (struct watch){ .fd = fd, .ready = ready };
	if (epoll_ctl(loop_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	watch->added = true;
	return 0;
}

void watch_change(struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (watch->added)
		epoll_ctl(loop_fd, EPOLL_CTL_MOD, watch->fd, &event);
}

void watch_remove(struct watch *watch)
{
	if (!watch->added)
		return;
	epoll_ctl(loop_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	close(watch->fd);
	watch->added = false;
	watch->fd = -1;
}

void loop_wake_within(int ms)
{
	if (wake_ms < 0 || ms < wake_ms)
		wake_ms = ms;
}

void loop_round(void)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int count = epoll_wait(loop_fd, events, EVENTS_PER_ROUND, wake_ms);

	wake_ms = -1;
	if (count > 0)
		served_at_ms = boottime_ms();
	for (int i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;

		/* An earlier callback of this round may have removed it. */
		if (watch->added)
			watch->ready(watch, events[i].events);
	}
}

double loop_quiet_ms(void)
{
	return boottime_ms() - served_at_ms;
}
