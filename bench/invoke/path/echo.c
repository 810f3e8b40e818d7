// SPDX-License-Identifier: Apache-2.0
/*
 * The least a container program can do: answers each request with its body. What a call of it takes
 * is what the way to it takes. A request for /hops is answered with what hops alone take.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hops.h"

#define MOST_BYTES (7 * 1024 * 1024)
#define LENGTH "\r\nContent-Length:"
#define HOPS "GET /hops "

static char bytes[MOST_BYTES + 1];

static size_t length_of(const char *head)
{
	const char *field = strcasestr(head, LENGTH);

	return field ? strtoul(field + sizeof(LENGTH) - 1, NULL, 10) : 0;
}

static bool send_all(int peer, const char *at, size_t left)
{
	while (left > 0) {
		ssize_t sent = send(peer, at, left, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		at += sent;
		left -= (size_t)sent;
	}
	return true;
}

/* False when the peer is gone. */
static bool serve(int peer)
{
	char head[128];
	size_t used = 0, wanted = 0, length = 0;
	char *body = NULL;
	int head_used;

	while (!body || used < wanted) {
		ssize_t got = recv(peer, bytes + used, MOST_BYTES - used, 0);

		if (got <= 0)
			return false;
		used += (size_t)got;
		bytes[used] = 0;
		body = body ? body : strstr(bytes, "\r\n\r\n");
		if (body && wanted == 0) {
			length = length_of(bytes);
			wanted = (size_t)(body - bytes) + 4 + length;
		}
	}
	if (!strncmp(bytes, HOPS, sizeof(HOPS) - 1)) {
		length = (size_t)snprintf(bytes, MOST_BYTES, "%.6f", hops_ms());
		body = bytes - 4;
	}
	head_used = snprintf(head, sizeof(head),
			     "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
			     "Content-Length: %zu\r\n\r\n",
			     length);
	return send_all(peer, head, (size_t)head_used) && send_all(peer, body + 4, length);
}

int main(void)
{
	const char *port = getenv("PORT");
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)strtoul(port ? port : "8080", NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 8) < 0)
		return 1;
	for (;;) {
		int peer = accept(listener, NULL, NULL);

		if (peer < 0)
			continue;
		setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		while (serve(peer))
			;
		close(peer);
	}
}
