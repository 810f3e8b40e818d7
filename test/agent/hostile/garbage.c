// SPDX-License-Identifier: Apache-2.0
/*
 * A client of the Lambda API that answers each invocation with its payload, but for three that it
 * never answers:
 *
 *   garbage   a process of it sends the API what is no HTTP, as fast as that takes it
 *   other     it answers requests that it was never given, as fast as that takes it
 *   silent    it asks for nothing any more
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH "/2018-06-01/runtime/invocation/"
#define ID "Lambda-Runtime-Aws-Request-Id: "

static char answer[65536];

static int open_api(void)
{
	struct sockaddr_in api = { .sin_family = AF_INET };
	const char *where = getenv("AWS_LAMBDA_RUNTIME_API");
	const char *port = where ? strchr(where, ':') : NULL;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	api.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	api.sin_port = htons((unsigned short)(port ? strtoul(port + 1, NULL, 10) : 0));
	if (connect(fd, (struct sockaddr *)&api, sizeof(api)) < 0)
		exit(1);
	return fd;
}

/* One request on a connection of its own; what comes back is in @answer. */
static void ask(const char *request, size_t length)
{
	size_t used = 0, wanted = sizeof(answer) - 1;
	int fd = open_api();

	if (send(fd, request, length, MSG_NOSIGNAL) < 0)
		exit(1);
	while (used < wanted) {
		ssize_t got = recv(fd, answer + used, sizeof(answer) - 1 - used, 0);
		char *body, *field;

		if (got <= 0)
			break;
		used += (size_t)got;
		answer[used] = 0;
		body = strstr(answer, "\r\n\r\n");
		field = strcasestr(answer, "\r\nContent-Length:");
		if (body && field)
			wanted = (size_t)(body - answer) + 4 + strtoul(field + 17, NULL, 10);
	}
	close(fd);
}

static void talk_garbage(void)
{
	static const char garbage[] = "\x16\x03\x01 this is no HTTP \r\n: : :\r\n\r\n";

	for (;;) {
		int fd = open_api();

		if (send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL) > 0)
			recv(fd, answer, sizeof(answer), 0);
		close(fd);
	}
}

static void answer_others(void)
{
	static const char request[] = "POST " PATH "00000000-another/response HTTP/1.1\r\nHost: a\r\n"
				      "Content-Length: 2\r\n\r\n{}";

	for (;;)
		ask(request, sizeof(request) - 1);
}

int main(void)
{
	static const char next[] = "GET " PATH "next HTTP/1.1\r\nHost: a\r\n\r\n";
	static char request[65536 + 512];

	for (;;) {
		char id[128] = "";
		char *field, *body;
		int length;

		ask(next, sizeof(next) - 1);
		field = strcasestr(answer, ID);
		body = strstr(answer, "\r\n\r\n");
		if (!field || !body || sscanf(field + sizeof(ID) - 1, "%127[^\r]", id) != 1)
			return 1;
		body += 4;
		if (strstr(body, "garbage")) {
			if (fork() == 0)
				talk_garbage();
			pause();
		}
		if (strstr(body, "other"))
			answer_others();
		if (strstr(body, "silent"))
			for (;;)
				pause();
		length = snprintf(request, sizeof(request),
				  "POST " PATH "%s/response HTTP/1.1\r\nHost: a\r\n"
				  "Content-Length: %zu\r\n\r\n%s",
				  id, strlen(body), body);
		ask(request, (size_t)length);
	}
}
