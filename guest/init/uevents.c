// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "files.h"
#include "instance.h"
#include "loop.h"
#include "uevents.h"

#define MEMORY_ONLINE "online@/devices/system/memory/memory"
/* A burst of plugs; what does not fit is made up for by the children, who look now and then. */
#define BUFFER_BYTES (256 * 1024)
#define EVENT_MAX 2048

static struct watch events;

static void take_event(const char *text)
{
	size_t length = strlen(MEMORY_ONLINE);

	if (!strncmp(text, MEMORY_ONLINE, length))
		instances_memory_came(strtoull(text + length, NULL, 10));
}

static void events_ready(struct watch *watch, uint32_t what)
{
	char text[EVENT_MAX];
	ssize_t got;

	(void)what;
	while ((got = recv(watch->fd, text, sizeof(text) - 1, 0)) >= 0 || errno == ENOBUFS) {
		if (got <= 0)
			continue;
		text[got] = 0;
		take_event(text);
	}
}

void uevents_setup(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int bytes = BUFFER_BYTES;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return perror("hotplane-init: uevents");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    watch_add(&events, fd, EPOLLIN, events_ready) < 0)
		perror("hotplane-init: uevents");
}
