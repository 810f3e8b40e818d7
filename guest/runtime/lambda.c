// SPDX-License-Identifier: Apache-2.0
/*
 * The AWS Lambda Runtime API, version 2018-06-01: the program asks for the next invocation and
 * posts its response or error.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "exchange.h"
#include "interface.h"
#include "link.h"

#define PEERS_MAX 16
#define BACKLOG 16
#define ROOT "/2018-06-01/runtime/"

static struct exchange peers[PEERS_MAX];
/* The peer of each file that is polled. */
static int polled[PEERS_MAX];
static int listener = -1;
static const char *function_name;
/* The program was given the open invocation. */
static bool given;

static int lambda_open(const struct options *options)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(options->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1;

	for (int i = 0; i < PEERS_MAX; i++)
		peers[i].fd = -1;
	function_name = options->function;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0)
		return -errno;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, BACKLOG) < 0)
		return -errno;
	return 0;
}

static void respond(struct exchange *peer, const char *status, const char *headers,
		    const char *body, size_t length)
{
	char head[2048];
	int used = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n%s\r\n",
			    status, headers, length,
			    peer->keep_alive ? "" : "Connection: close\r\n");
	bool keep = peer->keep_alive;

	if (used >= (int)sizeof(head) || !exchange_write(peer->fd, head, (size_t)used) ||
	    !exchange_write(peer->fd, body, length) || !keep)
		return exchange_close(peer);
	exchange_next(peer);
}

static void respond_json(struct exchange *peer, const char *status, const char *json)
{
	respond(peer, status, "Content-Type: application/json\r\n", json, strlen(json));
}

static void refuse(struct exchange *peer, const char *status, const char *type, const char *message)
{
	char json[256];

	snprintf(json, sizeof(json), "{\"errorMessage\":\"%s\",\"errorType\":\"%s\"}", message, type);
	respond_json(peer, status, json);
}

static double now_epoch_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void give(struct exchange *peer)
{
	const char *type = invocation.content_type[0] ? invocation.content_type : "application/json";
	char headers[1024];

	/* Its time began when its payload was here. */
	snprintf(headers, sizeof(headers),
		 "Content-Type: %s\r\n"
		 "Lambda-Runtime-Aws-Request-Id: %s\r\n"
		 "Lambda-Runtime-Deadline-Ms: %.0f\r\n"
		 "Lambda-Runtime-Invoked-Function-Arn: "
		 "arn:aws:lambda:local:000000000000:function:%s\r\n"
		 "Lambda-Runtime-Trace-Id: Root=1-00000000-000000000000000000000000;Sampled=0\r\n",
		 type, invocation.request_id,
		 now_epoch_ms() + (double)invocation.timeout_ms -
			 (boottime_ms() - invocation.started_at_ms),
		 function_name);
	given = true;
	peer->waits = false;
	respond(peer, "200 OK", headers, invocation.payload, invocation.payload_bytes);
}

static void lambda_deliver(void)
{
	if (given)
		return;
	for (int i = 0; i < PEERS_MAX; i++)
		if (peers[i].fd >= 0 && peers[i].waits)
			return give(&peers[i]);
}

static void serve_next(struct exchange *peer)
{
	/* One that asks again without an answer has given the invocation up. */
	if (invocation.open && given)
		link_fail("function-silent", "the program asked for the next without an answer");
	if (!invocation.open)
		given = false;
	peer->waits = true;
	if (!interface_is_ready())
		interface_became_ready();
	if (invocation.complete && !given)
		give(peer);
}

static void answer(struct exchange *peer, const char *function_error)
{
	struct answer text = {
		.content_type = peer->content_type[0] ? peer->content_type : "application/json",
		.function_error = function_error,
		.bytes = peer->body,
		.length = peer->body_used,
	};

	if (peer->too_large) {
		link_fail("answer-too-large", "the program answered with more than 6 MiB");
		given = false;
		return refuse(peer, "413 Payload Too Large", "RequestEntityTooLarge",
			      "an answer has 6 MiB at most");
	}
	invocation.first_byte_at_ms = boottime_ms();
	link_answer(&text);
	given = false;
	respond_json(peer, "202 Accepted", "{\"status\":\"OK\"}");
}

/* The part of @path after the id of the open invocation, or NULL when it is another's. */
static const char *after_id(const char *path)
{
	size_t length = strlen(invocation.request_id);

	if (!invocation.open || !given || strncmp(path, invocation.request_id, length))
		return NULL;
	return path + length;
}

static void init_failed(struct exchange *peer)
{
	char message[PROTOCOL_ERROR_MESSAGE_BYTES / 2];

	snprintf(message, sizeof(message), "%s: %.*s",
		 peer->function_error[0] ? peer->function_error : "the program told an error",
		 (int)(peer->body_used < 160 ? peer->body_used : 160),
		 peer->body_used ? peer->body : "");
	respond_json(peer, "202 Accepted", "{\"status\":\"OK\"}");
	link_fail("init-error", message);
}

static void serve(struct exchange *peer)
{
	bool is_post = peer->parser.method == HTTP_POST;
	const char *path, *rest;

	if (strncmp(peer->url, ROOT, strlen(ROOT)))
		return refuse(peer, "404 Not Found", "NotFound", "no such path");
	path = peer->url + strlen(ROOT);
	if (!strcmp(path, "init/error") && is_post)
		return init_failed(peer);
	if (!strcmp(path, "invocation/next") && peer->parser.method == HTTP_GET)
		return serve_next(peer);
	if (strncmp(path, "invocation/", 11) || !is_post)
		return refuse(peer, "404 Not Found", "NotFound", "no such path");
	rest = after_id(path + 11);
	if (!rest)
		return refuse(peer, "400 Bad Request", "InvalidRequestID", "not the open invocation");
	if (!strcmp(rest, "/response"))
		return answer(peer, NULL);
	if (!strcmp(rest, "/error"))
		return answer(peer, peer->function_error[0] ? peer->function_error : "Error");
	refuse(peer, "404 Not Found", "NotFound", "no such path");
}

static int lambda_files(struct pollfd *files)
{
	int used = 0;

	files[used++] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (int i = 0; i < PEERS_MAX; i++)
		if (peers[i].fd >= 0) {
			polled[used - 1] = i;
			files[used++] = (struct pollfd){ .fd = peers[i].fd, .events = POLLIN };
		}
	return used;
}

static void accept_peer(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (int i = 0; i < PEERS_MAX; i++)
		if (peers[i].fd < 0)
			return exchange_open(&peers[i], fd, HTTP_REQUEST);
	/* One that has said nothing makes room. */
	for (int i = 0; i < PEERS_MAX; i++)
		if (!peers[i].url[0]) {
			exchange_close(&peers[i]);
			return exchange_open(&peers[i], fd, HTTP_REQUEST);
		}
	close(fd);
}

static void lambda_news(int index, short events)
{
	struct exchange *peer;

	(void)events;
	if (index == 0)
		return accept_peer();
	peer = &peers[polled[index - 1]];
	if (peer->fd < 0)
		return;
	if (!exchange_read(peer) && (peer->waits || !peer->complete))
		return exchange_close(peer);
	if (peer->broken) {
		peer->keep_alive = false;
		return refuse(peer, "400 Bad Request", "BadRequest", "this is no HTTP");
	}
	/* A peer that waits says no more; one that does is no client. */
	if (peer->complete && !peer->waits)
		serve(peer);
}

static int lambda_wait_ms(void)
{
	return -1;
}

const struct interface lambda_interface = {
	.name = "lambda",
	.open = lambda_open,
	.files = lambda_files,
	.news = lambda_news,
	.deliver = lambda_deliver,
	.wait_ms = lambda_wait_ms,
};
