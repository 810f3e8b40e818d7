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
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "exchange.h"
#include "interface.h"
#include "link.h"
#include "outgoing.h"

#define PEERS_MAX 16
/*
 * Beyond it, the kernel answers by a cookie and then forgets the client, which is connected for
 * itself and never told: whoever comes is accepted here, and turned away.
 */
#define BACKLOG 128
#define RESPONSE_HEAD_BYTES 2048
#define ROOT "/2018-06-01/runtime/"

/* A client, and what it has not taken of the response to it. */
struct peer {
	struct exchange asks;
	struct outgoing response;
	char head[RESPONSE_HEAD_BYTES];
	/* The event that it was given. */
	char *event;
};

static struct peer peers[PEERS_MAX];
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
		peers[i].asks.fd = -1;
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

static void open_peer(struct peer *peer, int fd)
{
	*peer = (struct peer){ 0 };
	exchange_open(&peer->asks, fd, HTTP_REQUEST);
}

static void close_peer(struct peer *peer)
{
	exchange_close(&peer->asks);
	free(peer->event);
	*peer = (struct peer){ .asks.fd = -1 };
}

/* Once a response is taken, or refused. */
static void end_response(struct peer *peer)
{
	if (outgoing_waits(&peer->response))
		return;
	if (peer->response.refused || !peer->asks.keep_alive)
		return close_peer(peer);
	free(peer->event);
	peer->event = NULL;
	exchange_next(&peer->asks);
}

/* @headers end their lines; @body lies still, or is NULL where @text is all there is. */
static void respond(struct peer *peer, const char *status, const char *headers, const char *text,
		    const struct iovec *body)
{
	size_t length = body ? body->iov_len : strlen(text);
	int used = snprintf(peer->head, sizeof(peer->head),
			    "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n%s\r\n%s", status, headers,
			    length, peer->asks.keep_alive ? "" : "Connection: close\r\n", text);

	if (used >= (int)sizeof(peer->head))
		return close_peer(peer);
	outgoing_begin(&peer->response, peer->asks.fd,
		       (struct iovec){ .iov_base = peer->head, .iov_len = (size_t)used }, body,
		       body ? 1 : 0);
	end_response(peer);
}

static void respond_json(struct peer *peer, const char *status, const char *json)
{
	respond(peer, status, "Content-Type: application/json\r\n", json, NULL);
}

static void refuse(struct peer *peer, const char *status, const char *type, const char *message)
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

static void give(struct peer *peer)
{
	const char *type = invocation.content_type[0] ? invocation.content_type : "application/json";
	struct iovec event = { .iov_base = invocation.payload,
			       .iov_len = invocation.payload_bytes };
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
	peer->asks.waits = false;
	/* It may be read on after its answer. */
	peer->event = invocation.payload;
	invocation.payload = NULL;
	respond(peer, "200 OK", headers, "", &event);
}

static void lambda_deliver(void)
{
	if (given)
		return;
	for (int i = 0; i < PEERS_MAX; i++)
		if (peers[i].asks.fd >= 0 && peers[i].asks.waits)
			return give(&peers[i]);
}

static void serve_next(struct peer *peer)
{
	/* One that asks again without an answer has given the invocation up. */
	if (invocation.open && given)
		link_fail("function-silent", "the program asked for the next without an answer");
	if (!invocation.open)
		given = false;
	peer->asks.waits = true;
	if (!interface_is_ready())
		interface_became_ready();
	if (invocation.complete && !given)
		give(peer);
}

static void answer(struct peer *peer, const char *function_error)
{
	struct answer text = {
		.content_type = peer->asks.content_type[0] ? peer->asks.content_type : "application/json",
		.function_error = function_error,
		.bytes = peer->asks.body,
		.length = peer->asks.body_used,
	};

	if (peer->asks.too_large) {
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

static void init_failed(struct peer *peer)
{
	char message[PROTOCOL_ERROR_MESSAGE_BYTES];

	/* To the init it would be the answer of whatever it has sent meanwhile. */
	if (interface_is_ready())
		return refuse(peer, "403 Forbidden", "InvalidStateTransition", "the start is over");
	snprintf(message, sizeof(message), "%s: %.*s",
		 peer->asks.function_error[0] ? peer->asks.function_error : "the program told an error",
		 (int)(peer->asks.body_used < 160 ? peer->asks.body_used : 160),
		 peer->asks.body_used ? peer->asks.body : "");
	respond_json(peer, "202 Accepted", "{\"status\":\"OK\"}");
	link_fail("init-error", message);
}

static void serve(struct peer *peer)
{
	bool is_post = peer->asks.parser.method == HTTP_POST;
	const char *path, *rest;

	if (strncmp(peer->asks.url, ROOT, strlen(ROOT)))
		return refuse(peer, "404 Not Found", "NotFound", "no such path");
	path = peer->asks.url + strlen(ROOT);
	if (!strcmp(path, "init/error") && is_post)
		return init_failed(peer);
	if (!strcmp(path, "invocation/next") && peer->asks.parser.method == HTTP_GET)
		return serve_next(peer);
	if (strncmp(path, "invocation/", 11) || !is_post)
		return refuse(peer, "404 Not Found", "NotFound", "no such path");
	rest = after_id(path + 11);
	if (!rest)
		return refuse(peer, "400 Bad Request", "InvalidRequestID", "not the open invocation");
	if (!strcmp(rest, "/response"))
		return answer(peer, NULL);
	if (!strcmp(rest, "/error"))
		return answer(peer, peer->asks.function_error[0] ? peer->asks.function_error : "Error");
	refuse(peer, "404 Not Found", "NotFound", "no such path");
}

static int lambda_files(struct pollfd *files)
{
	int used = 0;

	files[used++] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (int i = 0; i < PEERS_MAX; i++)
		if (peers[i].asks.fd >= 0) {
			/* What it says meanwhile is of its next message. */
			short events = outgoing_waits(&peers[i].response) ? POLLOUT : POLLIN;

			polled[used - 1] = i;
			files[used++] = (struct pollfd){ .fd = peers[i].asks.fd, .events = events };
		}
	return used;
}

/* What it asked may be there, and not read yet; one that has hung up asks no more. */
static bool is_idle(const struct exchange *asks)
{
	char byte;

	return !asks->url[0] && recv(asks->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

/*
 * A free place, or that of one with which nothing is under way: who never said anything makes room
 * first, then who was served longest ago.
 */
static struct peer *take_place(void)
{
	struct peer *oldest = NULL;

	for (int i = 0; i < PEERS_MAX; i++) {
		const struct exchange *asks = &peers[i].asks;

		if (asks->fd < 0)
			return &peers[i];
		if ((!oldest || asks->let_go_at_ms < oldest->asks.let_go_at_ms) && is_idle(asks))
			oldest = &peers[i];
	}
	if (oldest)
		close_peer(oldest);
	return oldest;
}

static void accept_peer(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer *place = fd < 0 ? NULL : take_place();

	if (place)
		open_peer(place, fd);
	else if (fd >= 0)
		close(fd);
}

static void lambda_news(int index, short events)
{
	struct peer *peer;
	struct exchange *asks;

	(void)events;
	if (index == 0)
		return accept_peer();
	peer = &peers[polled[index - 1]];
	asks = &peer->asks;
	if (asks->fd < 0)
		return;
	if (outgoing_waits(&peer->response)) {
		outgoing_send_on(&peer->response, asks->fd);
		return end_response(peer);
	}
	if (!exchange_read(asks) && (asks->waits || !asks->complete))
		return close_peer(peer);
	if (asks->broken) {
		asks->keep_alive = false;
		return refuse(peer, "400 Bad Request", "BadRequest", "this is no HTTP");
	}
	/* A peer that waits says no more; one that does is no client. */
	if (asks->complete && !asks->waits)
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
	.given = &given,
	.wait_ms = lambda_wait_ms,
};
