// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/protocol_constants.h"
#include "exchange.h"

#define BODY_FIRST_BYTES 4096

static struct exchange *of(http_parser *parser)
{
	return parser->data;
}

static void append(char *text, size_t size, const char *at, size_t length)
{
	size_t used = strlen(text);

	if (length > size - 1 - used)
		length = size - 1 - used;
	memcpy(text + used, at, length);
	text[used + length] = 0;
}

static int on_url(http_parser *parser, const char *at, size_t length)
{
	append(of(parser)->url, EXCHANGE_URL_BYTES, at, length);
	return 0;
}

static void keep_fields(struct exchange *exchange, const char *at, size_t length)
{
	if (!exchange->keeps_fields)
		return;
	if (length >= sizeof(exchange->fields) - exchange->fields_used) {
		exchange->fields_too_long = true;
		return;
	}
	memcpy(exchange->fields + exchange->fields_used, at, length);
	exchange->fields_used += length;
	exchange->fields[exchange->fields_used] = 0;
}

static int on_field(http_parser *parser, const char *at, size_t length)
{
	struct exchange *exchange = of(parser);

	/* Trailers are no header (RFC 9110, 6.5.1). */
	if (exchange->head_seen)
		return 0;
	if (exchange->in_value) {
		exchange->field[0] = 0;
		keep_fields(exchange, "\n", 1);
	}
	exchange->in_value = false;
	keep_fields(exchange, at, length);
	append(exchange->field, sizeof(exchange->field), at, length);
	return 0;
}

static int on_value(http_parser *parser, const char *at, size_t length)
{
	struct exchange *exchange = of(parser);

	if (exchange->head_seen)
		return 0;
	if (!exchange->in_value) {
		exchange->in_value = true;
		exchange->value = NULL;
		keep_fields(exchange, ": ", 2);
		if (!strcasecmp(exchange->field, "content-type"))
			exchange->value = exchange->content_type;
		else if (!strcasecmp(exchange->field, "lambda-runtime-function-error-type"))
			exchange->value = exchange->function_error;
		if (exchange->value)
			exchange->value[0] = 0;
	}
	if (exchange->value)
		append(exchange->value, EXCHANGE_HEADER_BYTES, at, length);
	keep_fields(exchange, at, length);
	return 0;
}

static int on_head(http_parser *parser)
{
	of(parser)->head_seen = true;
	/* To the parser 1 means: no body follows. */
	return of(parser)->is_bodiless;
}

static bool grow_body(struct exchange *exchange, size_t needed)
{
	size_t size = exchange->body_size ? exchange->body_size : BODY_FIRST_BYTES;
	char *body;

	while (size < needed)
		size *= 2;
	if (size == exchange->body_size)
		return true;
	body = realloc(exchange->body, size);
	if (!body)
		return false;
	exchange->body = body;
	exchange->body_size = size;
	return true;
}

static int on_body(http_parser *parser, const char *at, size_t length)
{
	struct exchange *exchange = of(parser);

	if (length > PROTOCOL_PAYLOAD_BYTES - exchange->body_used)
		exchange->too_large = true;
	if (exchange->too_large)
		return 0;
	if (!grow_body(exchange, exchange->body_used + length))
		return 1;
	memcpy(exchange->body + exchange->body_used, at, length);
	exchange->body_used += length;
	return 0;
}

/* An interim answer (RFC 9110, 15.2): the answer itself comes after it. */
static bool is_interim(const http_parser *parser)
{
	return parser->type == HTTP_RESPONSE && parser->status_code < 200 &&
	       parser->status_code != 101;
}

static void forget_head(struct exchange *exchange)
{
	exchange->head_seen = false;
	exchange->in_value = false;
	exchange->field[0] = 0;
	exchange->content_type[0] = 0;
	exchange->function_error[0] = 0;
	exchange->fields[0] = 0;
	exchange->fields_used = 0;
	exchange->fields_too_long = false;
}

static int on_complete(http_parser *parser)
{
	struct exchange *exchange = of(parser);

	if (is_interim(parser)) {
		forget_head(exchange);
		return 0;
	}
	exchange->complete = true;
	exchange->keep_alive = http_should_keep_alive(parser);
	/* What follows would be of the next message, which no client sends before its turn. */
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

void exchange_open(struct exchange *exchange, int fd, enum http_parser_type type)
{
	*exchange = (struct exchange){ .fd = fd };
	http_parser_init(&exchange->parser, type);
	exchange->parser.data = exchange;
}

bool exchange_read(struct exchange *exchange)
{
	static char bytes[64 * 1024];
	ssize_t got = recv(exchange->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	size_t parsed;

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	parsed = http_parser_execute(&exchange->parser, &settings, bytes, (size_t)got);
	/* An end too early is no error of what came. */
	if (got > 0 && parsed != (size_t)got) {
		exchange->has_more = exchange->complete;
		exchange->broken = !exchange->complete;
	}
	if (HTTP_PARSER_ERRNO(&exchange->parser) == HPE_PAUSED)
		http_parser_pause(&exchange->parser, 0);
	return got > 0;
}

void exchange_next(struct exchange *exchange)
{
	int fd = exchange->fd;
	enum http_parser_type type = exchange->parser.type;

	free(exchange->body);
	exchange_open(exchange, fd, type);
	exchange->let_go_at_ms = boottime_ms();
}

void exchange_close(struct exchange *exchange)
{
	if (exchange->fd >= 0)
		close(exchange->fd);
	free(exchange->body);
	*exchange = (struct exchange){ .fd = -1 };
}
