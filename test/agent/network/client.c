// SPDX-License-Identifier: Apache-2.0
/*
 * A program that serves HTTP and looks at its network. By the path it is asked for:
 *
 *   /fetch/ADDRESS/PORT   answers what an HTTP server there answers
 *   /others/FIRST/COUNT   tries port 8080 of so many addresses in a row, but not its own
 *   /wait/MS              answers after that time
 *   anything else         its devices, and its resolv.conf
 *
 * Every answer begins with a line "at ADDRESS", its own on the network, or "at none".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_MS 15000
#define OWN_PORT 8080

static char answer[16384];
static size_t used;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list arguments;
	int added;

	va_start(arguments, format);
	added = vsnprintf(answer + used, sizeof(answer) - used, format, arguments);
	va_end(arguments);
	used += (size_t)added;
	if (used >= sizeof(answer))
		used = sizeof(answer) - 1;
}

static struct in_addr own_address(void)
{
	struct ifaddrs *all = NULL;
	struct in_addr found = { 0 };

	getifaddrs(&all);
	for (struct ifaddrs *at = all; at; at = at->ifa_next)
		if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET &&
		    !(at->ifa_flags & IFF_LOOPBACK))
			found = ((struct sockaddr_in *)at->ifa_addr)->sin_addr;
	freeifaddrs(all);
	return found;
}

/* A connection, or -errno. */
static int reach(struct in_addr to, unsigned short port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = to,
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		error = errno;
	if (error == EINPROGRESS) {
		if (poll(&wait, 1, CONNECT_MS) == 0)
			error = ETIMEDOUT;
		else
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	}
	if (!error) {
		fcntl(fd, F_SETFL, 0);
		return fd;
	}
	close(fd);
	return -error;
}

static void fetch(struct in_addr to, unsigned short port)
{
	static const char request[] = "GET /greeting HTTP/1.0\r\n\r\n";
	int fd = reach(to, port);
	ssize_t got;

	if (fd < 0)
		return say("failed: %s\n", strerror(-fd));
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		say("failed: %s\n", strerror(errno));
	while (used < sizeof(answer) - 1 &&
	       (got = recv(fd, answer + used, sizeof(answer) - 1 - used, 0)) > 0)
		used += (size_t)got;
	close(fd);
}

static void try_others(struct in_addr own, struct in_addr first, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		struct in_addr other = { htonl(ntohl(first.s_addr) + (unsigned int)i) };
		int fd;

		if (other.s_addr == own.s_addr)
			continue;
		fd = reach(other, OWN_PORT);
		say("%s: %s\n", inet_ntoa(other), fd < 0 ? strerror(-fd) : "reached");
		if (fd >= 0)
			close(fd);
	}
}

static void show(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		say("%s: %s", path, line);
	if (file)
		fclose(file);
}

static void serve(const char *path)
{
	struct in_addr own = own_address(), to;
	char address[INET_ADDRSTRLEN];
	unsigned long number = 0;

	used = 0;
	say("at %s\n", own.s_addr ? inet_ntoa(own) : "none");
	if (sscanf(path, "/fetch/%15[0-9.]/%lu", address, &number) == 2 &&
	    inet_pton(AF_INET, address, &to) == 1) {
		fetch(to, (unsigned short)number);
	} else if (sscanf(path, "/others/%15[0-9.]/%lu", address, &number) == 2 &&
		   inet_pton(AF_INET, address, &to) == 1) {
		try_others(own, to, number);
	} else if (sscanf(path, "/wait/%lu", &number) == 1) {
		usleep((useconds_t)(number * 1000));
	} else {
		show("/proc/net/dev");
		show("/etc/resolv.conf");
	}
}

int main(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(OWN_PORT),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 16) < 0)
		return 1;
	for (;;) {
		char request[8192], path[256] = "";
		int peer = accept(listener, NULL, NULL);
		ssize_t got = recv(peer, request, sizeof(request) - 1, 0);

		/* One that asks nothing only tried who gets here. */
		if (got > 0) {
			request[got] = 0;
			sscanf(request, "%*15s %255s", path);
			serve(path);
			dprintf(peer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				      "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
				used, answer);
		}
		close(peer);
	}
}
