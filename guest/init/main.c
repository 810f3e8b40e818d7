// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's init, PID 1: one loop that answers the agent, starts and ends instances, and counts.
 * The protocol is described in guest/protocol/protocol.ts.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "channel.h"
#include "growth.h"
#include "huge_pages.h"
#include "instance.h"
#include "loop.h"
#include "mounts.h"
#include "packages.h"
#include "requests.h"
#include "span.h"
#include "uevents.h"

/* Longer than the gaps within a burst of starts. */
#define QUIET_MS 50
#define INIT_NICE (-10)

static struct watch signals;

static void reap_children(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		instance_exited(pid, status);
}

static void signals_ready(struct watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info))
		;
	reap_children();
}

static void signals_setup(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	/* Children are born with it blocked and may wait for it: see instances_memory_came. */
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (fd < 0 || watch_add(&signals, fd, EPOLLIN, signals_ready) < 0)
		fprintf(stderr, "hotplane-init: signalfd: %s\n", strerror(errno));
}

/* What can wait is done one piece at a time, when nothing has happened for a while. */
static void keep_house(void)
{
	double quiet_ms = loop_quiet_ms();

	if (!cgroup_untidy())
		return;
	if (quiet_ms < QUIET_MS)
		loop_wake_within(QUIET_MS - (int)quiet_ms);
	else if (cgroup_tidy())
		loop_wake_within(0);
}

int main(void)
{
	static const struct channel_handlers handlers = {
		.connected = requests_connected,
		.disconnected = instances_forget_requests,
		.line = request_line,
	};
	int error;

	mounts_setup();
	huge_pages_as_asked();
	packages_setup();
	/*
	 * No OOM score: the kernel spares PID 1 anyway, and children are born with what it has.
	 * One that may not be killed yet, alone on a node without memory, would be a panic.
	 */
	/* Each instance is a group of its own to the scheduler; of 17 this one would get a 17th. */
	setpriority(PRIO_PROCESS, 0, INIT_NICE);
	error = cgroup_setup();
	if (error)
		fprintf(stderr, "hotplane-init: cgroup: %s\n", strerror(-error));
	loop_setup();
	signals_setup();
	uevents_setup();
	channel_setup(&handlers);
	for (;;) {
		channel_tick();
		instances_tick();
		growths_tick();
		spans_tick();
		keep_house();
		loop_round();
		channel_turn();
	}
}
