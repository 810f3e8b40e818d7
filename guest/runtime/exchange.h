/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_EXCHANGE_H
#define HOTPLANE_EXCHANGE_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#include "../common/protocol_constants.h"

#define EXCHANGE_URL_BYTES 256
#define EXCHANGE_HEADER_BYTES 256

/*
 * One HTTP message after another from one peer, as http_parser reads them. A body beyond
 * PROTOCOL_PAYLOAD_BYTES is counted and not kept.
 */
struct exchange {
	int fd;
	http_parser parser;
	/* A whole message is here, and not yet let go. */
	bool complete;
	/* More came behind it. */
	bool has_more;
	bool broken;
	bool too_large;
	bool head_seen;
	bool keep_alive;
	/* When the message before this one was let go; 0: there was none. */
	double let_go_at_ms;
	char url[EXCHANGE_URL_BYTES];
	size_t url_used;
	char content_type[EXCHANGE_HEADER_BYTES];
	char function_error[EXCHANGE_HEADER_BYTES];
	/* Header fields, a `Name: value` a line, where they are kept (of answers). */
	bool keeps_fields;
	bool fields_too_long;
	char fields[PROTOCOL_HTTP_ANSWER_HEAD_BYTES];
	size_t fields_used;
	/* The answer to HEAD: it has no body, whatever its fields say. */
	bool is_bodiless;
	char field[64];
	char *value;
	bool in_value;
	char *body;
	size_t body_used;
	size_t body_size;
	/* Of the peer that waits for an invocation (`next` of the lambda interface). */
	bool waits;
};

void exchange_open(struct exchange *exchange, int fd, enum http_parser_type type);
/* Reads what is there, up to the end of one message. False at the end of the stream. */
bool exchange_read(struct exchange *exchange);
/* Ready for the next message on the same connection. */
void exchange_next(struct exchange *exchange);
void exchange_close(struct exchange *exchange);

#endif
