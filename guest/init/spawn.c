// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/sched.h>

#include "../common/boottime.h"
#include "../common/protocol_constants.h"
#include "devices.h"
#include "node_memory.h"
#include "spawn.h"

#define FIRST_UID 10000
#define LOOK_AGAIN_MS 100
/* Escaped, a payload is twice as long at most; the kernel counts its own bytes too. */
#define WORK_ROOM_BYTES (4 * PROTOCOL_PAYLOAD_WINDOW_BYTES)

struct ends {
	int work[2];
	int status[2];
};

/* In the child: how often it looked for its region. */
static uint32_t looks;

static void note(int fd, int kind, int error)
{
	struct spawn_note text = {
		.kind = kind,
		.error = error,
		.looks = looks,
		.pid = getpid(),
		.at_ms = boottime_ms(),
	};

	if (write(fd, &text, sizeof(text)) != sizeof(text))
		_exit(126);
}

static void fail(int fd, int kind, int error)
{
	note(fd, kind, error);
	_exit(127);
}

/*
 * The node of a region may have a little boot memory, so its region is looked at, not the node. The
 * init tells when a block of it went online; the look now and then is for news it never got.
 */
static int wait_for_region(struct block_range blocks, double end_ms)
{
	sigset_t news;

	sigemptyset(&news);
	sigaddset(&news, SIGCONT);
	while (!devices_any_plugged(blocks)) {
		double left_ms = end_ms - boottime_ms();
		struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000L };

		looks++;
		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (left_ms < LOOK_AGAIN_MS)
			pause.tv_nsec = (long)(left_ms * 1e6) + 1;
		sigtimedwait(&news, NULL, &pause);
	}
	return 0;
}

/* Born inside the cgroup: moving a living process there would wait for a grace period. */
static pid_t fork_into(const char *cgroup, uint64_t flags)
{
	struct clone_args arguments = {
		.flags = flags | (cgroup ? CLONE_INTO_CGROUP : 0),
		/* With CLONE_PARENT it is that of the one who forks. */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	int fd = cgroup ? open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	pid_t pid;

	if (cgroup && fd < 0)
		return -errno;
	if (cgroup)
		arguments.cgroup = (unsigned int)fd;
	pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (pid < 0)
		pid = -errno;
	if (cgroup)
		close(fd);
	return pid;
}

/*
 * The cgroup of @instance holds to the nodes of its regions, which have next to nothing until
 * memory is plugged, and whoever was in it would run out. So who waits is outside, and another one
 * is born inside, a child of the init as well, that takes its place: this one returns. The first
 * lives on until that has become the program, so that the init hears of the second before the
 * first is gone.
 */
static int attach_to_node(const struct instance *instance, const struct start_request *request,
			  int status)
{
	double end_ms = boottime_ms() + request->attach_timeout_ms;
	int error = wait_for_region(instance->blocks, end_ms);
	pid_t pid;

	if (!error && request->far_node >= 0)
		error = wait_for_region(instance->far_blocks, end_ms);
	if (error)
		return error;
	pid = fork_into(instance->cgroup, CLONE_PARENT | CLONE_VFORK);
	if (pid < 0)
		return pid;
	if (pid > 0)
		_exit(0);
	note(status, SPAWN_REPLACED, 0);
	if (request->far_node < 0)
		return 0;
	return node_memory_by_turns(request->guest_node, request->near_weight, request->far_node,
				    request->far_weight);
}

static int attach_to_partition(const struct instance *instance, const struct start_request *request)
{
	const struct hotmem_beside beside = {
		.name = instance->far_partition,
		.weight = (uint32_t)request->far_weight,
		.own_weight = (uint32_t)request->near_weight,
	};

	return hotmem_attach_self(instance->partition, instance->far_partition[0] ? &beside : NULL,
				  request->attach_timeout_ms);
}

static int attach(const struct instance *instance, const struct start_request *request, int status)
{
	switch (instance->attach) {
	case ATTACH_HOTMEM:
		return attach_to_partition(instance, request);
	case ATTACH_NUMA:
		return attach_to_node(instance, request, status);
	default:
		return 0;
	}
}

static int become_user(const struct start_request *request, int index)
{
	uid_t uid = FIRST_UID + (uid_t)index;

	if (request->as_root || request->supervised)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* In the child: the request is its own copy. */
static void tell_user(const struct start_request *request, int index)
{
	static char variable[64];
	char **at = (char **)request->env;

	snprintf(variable, sizeof(variable), PROTOCOL_UID_VARIABLE "=%d", FIRST_UID + index);
	while (*at)
		at++;
	at[0] = variable;
	at[1] = NULL;
}

static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

static void become_program(const struct instance *instance, const struct start_request *request,
			   int index, struct ends *ends)
{
	int status = fcntl(ends->status[1], F_DUPFD_CLOEXEC, PROTOCOL_WORK_FD + 1);
	int work = fcntl(ends->work[1], F_DUPFD_CLOEXEC, PROTOCOL_WORK_FD + 1);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int error;

	if (status < 0 || work < 0)
		_exit(126);
	setpriority(PRIO_PROCESS, 0, 0);
	note(status, SPAWN_SANDBOX, 0);
	error = attach(instance, request, status);
	if (error)
		fail(status, SPAWN_ATTACH_FAILED, -error);
	setsid();
	note(status, SPAWN_ATTACHED, 0);
	reset_signals();
	if (null < 0 || dup2(null, 0) < 0 || dup2(work, PROTOCOL_WORK_FD) < 0)
		fail(status, SPAWN_FAILED, errno);
	error = become_user(request, index);
	if (error)
		fail(status, SPAWN_FAILED, -error);
	if (request->supervised)
		tell_user(request, index);
	execve(request->argv[0], request->argv, request->env);
	fail(status, SPAWN_FAILED, errno);
}

static void close_pair(int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static int open_ends(struct ends *ends)
{
	int room = WORK_ROOM_BYTES;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->work) < 0)
		return -errno;
	if (pipe2(ends->status, O_CLOEXEC) < 0) {
		int error = -errno;

		close_pair(ends->work);
		return error;
	}
	/* All that a payload may have under way fits, so that this end never waits. */
	setsockopt(ends->work[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	fcntl(ends->work[0], F_SETFL, O_NONBLOCK);
	fcntl(ends->status[0], F_SETFL, O_NONBLOCK);
	return 0;
}

int spawn(const struct instance *instance, const struct start_request *request,
	  struct spawned *out)
{
	int index = (int)(instance - instance_at(0));
	struct ends ends;
	int error = open_ends(&ends);
	pid_t pid;

	if (error)
		return error;
	pid = fork_into(instance->attach == ATTACH_NUMA ? NULL : instance->cgroup, 0);
	if (pid == 0)
		become_program(instance, request, index, &ends);
	close(ends.work[1]);
	close(ends.status[1]);
	if (pid < 0) {
		close(ends.work[0]);
		close(ends.status[0]);
		return pid;
	}
	*out = (struct spawned){
		.pid = pid,
		.work_fd = ends.work[0],
		.status_fd = ends.status[0],
	};
	return 0;
}
