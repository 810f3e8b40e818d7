// SPDX-License-Identifier: Apache-2.0
/*
 * Programs that serve HTTP themselves: the container contract of Knative and Cloud Run (it listens
 * on $PORT, and is ready when it takes a connection), and actions of OpenWhisk (/init once, then
 * /run for each).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "exchange.h"
#include "interface.h"
#include "link.h"
#include "outgoing.h"

/*
 * Looks for a program that listens take time from its start: they are an eighth of it apart, within
 * these.
 */
#define LOOK_LEAST_MS 5
#define LOOK_MOST_MS 250
/*
 * Programs close a connection on which nothing is asked, after 2 s and more: what is asked just
 * then is lost, and whether it was heard is not known.
 */
#define KEPT_MS 1000
/* A program that ends closes its connections first. Its end says more, and is seen within this. */
#define LOST_MS 1000

static struct exchange peer = { .fd = -1 };
/* The request; one that takes no more of it may have answered all the same. */
static struct outgoing request;
static const struct options *options;
static bool is_action;
/* The answer to /init is waited for. */
static bool initializing;
/* The program was given the open invocation. */
static bool given;
/* Why no answer of it comes, and since when that is known; NULL: one may come. */
static const char *lost_why;
static double lost_at_ms;

static int proxy_open(const struct options *given_options)
{
	options = given_options;
	is_action = !strcmp(options->interface, "openwhisk");
	return 0;
}

static int connect_program(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(options->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void drop_peer(void)
{
	exchange_close(&peer);
	request = (struct outgoing){ 0 };
}

/* False when the program takes nothing of it. */
static bool send_request(char *head, size_t used, const struct iovec *parts, size_t count)
{
	if (peer.fd < 0) {
		int fd = connect_program();

		if (fd < 0)
			return false;
		exchange_open(&peer, fd, HTTP_RESPONSE);
	}
	peer.keeps_fields = !is_action;
	peer.is_bodiless = !is_action && !strcmp(invocation.method, "HEAD");
	outgoing_begin(&request, peer.fd, (struct iovec){ .iov_base = head, .iov_len = used },
		       parts, count);
	return !request.refused || request.began;
}

static bool ask(const char *path, const char *type, const struct iovec *parts, size_t count)
{
	static char head[1024];
	size_t length = 0;
	int used;

	for (size_t i = 0; i < count; i++)
		length += parts[i].iov_len;
	used = snprintf(head, sizeof(head),
			"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: %s\r\n"
			"Content-Length: %zu\r\nX-Request-Id: %s\r\n\r\n",
			path, options->port, type, length, invocation.request_id);
	return used < (int)sizeof(head) && send_request(head, (size_t)used, parts, count);
}

/* The caller's own request: its fields come whole, but for the length that is told here. */
static bool pass_request(const struct iovec *payload)
{
	static char head[sizeof(invocation.path) + sizeof(invocation.fields) + 128];
	int used = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\n%sContent-Length: %zu\r\n\r\n",
			    invocation.method, invocation.path, invocation.fields,
			    payload->iov_len);

	return used < (int)sizeof(head) && send_request(head, (size_t)used, payload, 1);
}

static struct iovec text(const char *text)
{
	return (struct iovec){ .iov_base = (char *)text, .iov_len = strlen(text) };
}

static void ask_init(void)
{
	struct iovec body = text("{\"value\":{\"name\":\"action\",\"main\":\"main\",\"code\":\"\","
				 "\"binary\":false,\"env\":{}}}");

	initializing = ask("/init", "application/json", &body, 1);
}

static bool ask_run(void)
{
	const char *type = invocation.content_type[0] ? invocation.content_type :
							"application/octet-stream";
	struct iovec payload = { .iov_base = invocation.payload,
				 .iov_len = invocation.payload_bytes };
	static char about[512];
	struct iovec parts[OUTGOING_PARTS_MAX - 1];

	if (!is_action && invocation.method[0])
		return pass_request(&payload);
	if (!is_action)
		return ask("/", type, &payload, 1);
	snprintf(about, sizeof(about),
		 ",\"activation_id\":\"%s\",\"action_name\":\"/_/%s\",\"namespace\":\"_\"}",
		 invocation.request_id, options->function);
	parts[0] = text("{\"value\":");
	parts[1] = payload.iov_len ? payload : text("{}");
	parts[2] = text(about);
	return ask("/run", "application/json", parts, 3);
}

/* What it says while nothing is asked of it, its end too, is no answer to who asks next. */
static bool speaks_unasked(void)
{
	char byte;

	return recv(peer.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

static void lost(const char *why)
{
	drop_peer();
	link_fail(initializing ? "init-error" : "answer-malformed", why);
	initializing = given = false;
	lost_why = NULL;
}

/* It closed the connection. */
static void cut_off(const char *why)
{
	if (initializing)
		return lost(why);
	drop_peer();
	lost_why = why;
	lost_at_ms = boottime_ms();
}

/* Once more on a new connection: one that was kept may have been closed meanwhile. */
static void proxy_deliver(void)
{
	if (lost_why && boottime_ms() - lost_at_ms >= LOST_MS)
		return lost(lost_why);
	if (given || initializing)
		return;
	given = true;
	if (peer.fd >= 0 &&
	    (boottime_ms() - peer.let_go_at_ms > KEPT_MS || speaks_unasked()))
		drop_peer();
	if (ask_run())
		return;
	drop_peer();
	if (ask_run())
		return;
	drop_peer();
	given = false;
	link_fail("not-taken", "the program takes no connection");
}

/*
 * One that answered before all was sent is not waited for. More than an answer is no answer to who
 * asks next: nor is a body that some send to HEAD, which may come later.
 */
static bool may_be_kept(void)
{
	return peer.keep_alive && !peer.has_more && !peer.is_bodiless && outgoing_is_sent(&request);
}

static void finish(void)
{
	struct answer told = {
		.content_type = peer.content_type[0] ? peer.content_type : NULL,
		.status = peer.parser.status_code,
		.fields = is_action ? NULL : peer.fields,
		.bytes = peer.body,
		.length = peer.body_used,
	};
	char error[32];

	given = false;
	snprintf(error, sizeof(error), "status %u", told.status);
	/* An action tells its own failure by its status; of any other program it is the answer. */
	if (is_action && told.status != 200)
		told.function_error = error;
	if (peer.fields_too_long)
		link_fail("answer-malformed", "the header of the answer is too long");
	else if (peer.too_large)
		link_fail("answer-too-large", "the program answered with more than 6 MiB");
	else
		link_answer(&told);
	if (may_be_kept())
		exchange_next(&peer);
	else
		drop_peer();
}

static void finish_init(void)
{
	char message[96];
	unsigned int status = peer.parser.status_code;

	initializing = false;
	snprintf(message, sizeof(message), "the action answered /init with status %u", status);
	/* An image that holds its code may know no /init. */
	if (status != 200 && status != 404)
		link_fail("init-error", message);
	else
		interface_became_ready();
	drop_peer();
}

static int proxy_files(struct pollfd *files)
{
	if (peer.fd < 0)
		return 0;
	files[0] = (struct pollfd){ .fd = peer.fd, .events = POLLIN };
	if (outgoing_waits(&request))
		files[0].events |= POLLOUT;
	return 1;
}

static void proxy_news(int index, short events)
{
	bool goes_on;

	(void)index;
	if (!given && !initializing)
		return drop_peer();
	if (events & POLLOUT)
		outgoing_send_on(&request, peer.fd);
	goes_on = exchange_read(&peer);
	if (given && peer.head_seen && invocation.first_byte_at_ms == 0)
		invocation.first_byte_at_ms = boottime_ms();
	/* A body without a length ends with its stream. */
	if (!goes_on && !peer.complete && !peer.head_seen)
		return cut_off("the program closed the connection without an answer");
	if (peer.broken)
		return lost("the program's answer is no HTTP");
	if (!peer.complete)
		return goes_on ? (void)0 : cut_off("the program's answer is cut");
	if (initializing)
		finish_init();
	else
		finish();
}

static int look_again_ms(void)
{
	static double first_at_ms;
	double wait_ms;

	if (first_at_ms == 0)
		first_at_ms = boottime_ms();
	wait_ms = (boottime_ms() - first_at_ms) / 8;
	if (wait_ms < LOOK_LEAST_MS)
		return LOOK_LEAST_MS;
	return wait_ms > LOOK_MOST_MS ? LOOK_MOST_MS : (int)wait_ms;
}

static int proxy_wait_ms(void)
{
	double left_ms = lost_at_ms + LOST_MS - boottime_ms();
	int fd;

	if (lost_why)
		return left_ms > 0 ? (int)left_ms + 1 : 0;
	if (interface_is_ready() || initializing)
		return -1;
	fd = connect_program();
	if (fd < 0)
		return look_again_ms();
	close(fd);
	if (is_action)
		ask_init();
	else
		interface_became_ready();
	return 0;
}

const struct interface http_interface = {
	.name = "http",
	.open = proxy_open,
	.files = proxy_files,
	.news = proxy_news,
	.deliver = proxy_deliver,
	.given = &given,
	.wait_ms = proxy_wait_ms,
};

const struct interface openwhisk_interface = {
	.name = "openwhisk",
	.open = proxy_open,
	.files = proxy_files,
	.news = proxy_news,
	.deliver = proxy_deliver,
	.given = &given,
	.wait_ms = proxy_wait_ms,
};
