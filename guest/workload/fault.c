// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fault.h"

static void hang(void)
{
	for (;;)
		pause();
}

static void panic_guest(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd < 0 || write(fd, "c", 1) != 1)
		_exit(4);
}

static void leave_child(void)
{
	if (fork() == 0) {
		signal(SIGTERM, SIG_IGN);
		hang();
	}
}

static void write_garbage(void)
{
	static const char garbage[] = "]not json\n";

	if (write(3, garbage, sizeof(garbage) - 1) < 0)
		_exit(5);
	hang();
}

void fault_at(enum fault_point point)
{
	const char *fault = getenv("HOTPLANE_FAULT");

	if (!fault)
		return;
	if (point == FAULT_BEFORE_READY) {
		if (!strcmp(fault, "never-ready"))
			hang();
		return;
	}
	if (!strcmp(fault, "exit"))
		_exit(3);
	/* getpriority() as an exit status: 20 is the usual one. */
	if (!strcmp(fault, "tell-priority"))
		_exit(20 + getpriority(PRIO_PROCESS, 0));
	if (!strcmp(fault, "abort"))
		abort();
	if (!strcmp(fault, "garbage"))
		write_garbage();
	if (!strcmp(fault, "hang"))
		hang();
	if (!strcmp(fault, "panic"))
		panic_guest();
	if (!strcmp(fault, "fork"))
		leave_child();
}
