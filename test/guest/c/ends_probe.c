// SPDX-License-Identifier: Apache-2.0
/*
 * Ends one instance of the guest's init, and prints the JSON of what the host is told of it, a line
 * each. Its program writes CHUNKS chunks of an answer, then the answer, and exits; `full`: what the
 * host has not read yet leaves the channel no room then. `idle`: it was asked for nothing. Or it
 * exits without an answer: `read`: once it has read what it was asked; `unread`: before that;
 * `parted`: before that, of a call whose payload came after it.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../guest/common/attached.h"
#include "../../../guest/common/send_line.h"
#include "../../../guest/init/instance.h"
#include "channel_stub.h"

#define CHUNKS 5
#define ROUNDS 50

static void program(int fd)
{
	static const char answer[] = "{\"ok\":true,\"result\":{}}";
	static char chunk[24 * 1024];
	int size = snprintf(chunk, sizeof(chunk), "{\"type\":\"chunk\"}%c",
			    PROTOCOL_ATTACHED_MARK);

	memset(chunk + size, 'x', sizeof(chunk) - (size_t)size);
	for (int i = 0; i < CHUNKS; i++)
		send_line_with(fd, chunk, sizeof(chunk), -1, 0);
	send_line_with(fd, answer, strlen(answer), -1, 0);
}

int main(int count, char **arguments)
{
	struct instance *instance = instance_at(0);
	bool is_idle = count > 1 && !strcmp(arguments[1], "idle");
	bool is_read = count > 1 && !strcmp(arguments[1], "read");
	bool is_parted = count > 1 && !strcmp(arguments[1], "parted");
	bool is_unread = is_parted || (count > 1 && !strcmp(arguments[1], "unread"));
	int work[2], status_pipe[2], status;
	char line[64];

	loop_setup();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, work) || pipe(status_pipe))
		return 1;
	instance->pid = fork();
	if (instance->pid == 0) {
		close(work[0]);
		if (is_read)
			while (read(work[1], line, sizeof(line)) < 0)
				;
		else if (is_unread)
			while (recv(work[1], line, sizeof(line), MSG_PEEK) < (is_parted ? 6 : 3))
				;
		else if (!is_idle)
			program(work[1]);
		_exit(3);
	}
	close(work[1]);
	close(status_pipe[1]);
	strcpy(instance->name, "i1");
	strcpy(instance->cgroup, "/nonexistent/cgroup");
	strcpy(instance->request_id, is_idle ? "" : "q7");
	instance->state = INSTANCE_READY;
	instance->busy = !is_idle;
	instance->invoke = (struct pending){ .open = !is_idle, .id = 7 };
	instance_listen(instance, work[0], status_pipe[0]);
	if (is_read || is_unread) {
		instance->busy = false;
		instance_invoke(7, "i1", "q7", "{}", 2);
	}
	if (is_parted)
		instances_pass_chunk(7, "{}", 2);
	if (waitpid(instance->pid, &status, 0) != instance->pid)
		return 1;
	channel_unread = count > 1 && !strcmp(arguments[1], "full") ? OUTPUT_FREE_BELOW : 0;
	instance_exited(instance->pid, status);
	for (int i = 0; i < ROUNDS; i++) {
		channel_unread = 0;
		instances_tick();
		loop_wake_within(1);
		loop_round();
	}
	instance_invoke(8, "i1", "q8", "{}", 2);
	return instance->state == INSTANCE_GONE ? 0 : 1;
}
