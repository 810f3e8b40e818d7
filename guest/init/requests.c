// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "../common/attached.h"
#include "../common/json.h"
#include "../common/protocol_constants.h"
#include "../common/text.h"
#include "channel.h"
#include "growth.h"
#include "hotmem.h"
#include "instance.h"
#include "ready.h"
#include "reply.h"
#include "requests.h"
#include "start_request.h"
#include "span.h"
#include "stats.h"

#define REQUEST_ID_RULE "request_id: at most " PROTOCOL_TEXT(PROTOCOL_REQUEST_ID_BYTES) " bytes"

static uint64_t last_id;

static bool instance_name(const struct json_document *document, char *out, size_t size)
{
	const struct json_token *token = json_member(document, document->tokens, "instance");

	return json_string(document, token, out, size) > 0;
}

static void serve_start(uint64_t id, const struct json_document *document)
{
	static struct start_request request;
	const char *refusal = start_request_read(document, &request);

	if (refusal)
		reply_error(id, "bad-request", refusal);
	else
		instance_start(id, &request);
}

/* Empty where there is none. */
static bool request_id_of(const struct json_document *document, char *out, size_t size)
{
	const struct json_token *token = json_member(document, document->tokens, "request_id");

	*out = 0;
	return !token || json_string(document, token, out, size) >= 0;
}

static void serve_invoke(uint64_t id, const struct json_document *document, size_t length)
{
	const struct json_token *bytes = json_member(document, document->tokens, "payload_bytes");
	const struct json_token *type = json_member(document, document->tokens, "content_type");
	char name[PROTOCOL_INSTANCE_NAME_BYTES + 1], content_type[PROTOCOL_CONTENT_TYPE_BYTES + 1];
	char request_id[PROTOCOL_REQUEST_ID_BYTES + 1];
	uint64_t payload_bytes;

	if (!instance_name(document, name, sizeof(name)))
		return reply_error(id, "bad-request", INSTANCE_NAME_RULE);
	if (!json_unsigned(document, bytes, &payload_bytes) ||
	    payload_bytes > PROTOCOL_PAYLOAD_BYTES)
		return reply_error(id, "bad-request", "payload_bytes: at most " PROTOCOL_TEXT(PROTOCOL_PAYLOAD_BYTES));
	if (type && json_string(document, type, content_type, sizeof(content_type)) < 0)
		return reply_error(id, "bad-request", "content_type: at most " PROTOCOL_TEXT(PROTOCOL_CONTENT_TYPE_BYTES) " bytes");
	if (!request_id_of(document, request_id, sizeof(request_id)))
		return reply_error(id, "bad-request", REQUEST_ID_RULE);
	instance_invoke(id, name, request_id, document->text, length);
}

static void serve_resume(uint64_t id, const struct json_document *document)
{
	char name[PROTOCOL_INSTANCE_NAME_BYTES + 1], request_id[PROTOCOL_REQUEST_ID_BYTES + 1];

	if (!instance_name(document, name, sizeof(name)))
		return reply_error(id, "bad-request", INSTANCE_NAME_RULE);
	if (!request_id_of(document, request_id, sizeof(request_id)))
		return reply_error(id, "bad-request", REQUEST_ID_RULE);
	instance_resume(id, name, request_id);
}

static void serve_stop(uint64_t id, const struct json_document *document)
{
	char name[PROTOCOL_INSTANCE_NAME_BYTES + 1];

	if (!instance_name(document, name, sizeof(name)))
		return reply_error(id, "bad-request", INSTANCE_NAME_RULE);
	instance_stop(id, name);
}

static void serve_deny(uint64_t id, const struct json_document *document)
{
	const struct json_token *token = json_member(document, document->tokens, "region_pci");
	char region[PROTOCOL_REGION_PCI_BYTES + 1];

	if (json_string(document, token, region, sizeof(region)) < 1)
		return reply_error(id, "bad-request", "region_pci: a PCI address");
	if (!growth_deny(region))
		return reply_error(id, "no-growth", "no partition of this region waits for growth");
	reply_result(id, "{}", 2);
}

static void serve_prepare(uint64_t id, const struct json_document *document)
{
	const struct json_token *token = json_member(document, document->tokens, "region_pci");
	const struct json_token *size = json_member(document, document->tokens, "bytes");
	char region[PROTOCOL_REGION_PCI_BYTES + 1], name[HOTMEM_NAME_MAX];
	uint64_t bytes;
	int error;

	if (json_string(document, token, region, sizeof(region)) < 1)
		return reply_error(id, "bad-request", "region_pci: a PCI address");
	if (!json_unsigned(document, size, &bytes))
		return reply_error(id, "bad-request", "bytes: an integer that is not negative");
	if (!hotmem_find(region, name))
		return reply_error(id, "no-partition", "this region is no partition");
	error = ready_prepare(region, name, bytes);
	if (error)
		return reply_error(id, "cannot-prepare", strerror(-error));
	reply_result(id, "{}", 2);
}

static void serve_trust(uint64_t id, const struct json_document *document)
{
	const struct json_token *token =
		json_member(document, document->tokens, "plugged_reads_zero");
	int error;

	if (!token || token->type != JSON_BOOLEAN)
		return reply_error(id, "bad-request", "plugged_reads_zero: true or false");
	error = ready_trust(document->text[token->start] == 't');
	if (error)
		return reply_error(id, "cannot-trust", strerror(-error));
	reply_result(id, "{}", 2);
}

static void serve_span(uint64_t id, const struct json_document *document)
{
	const struct json_token *span = json_member(document, document->tokens, "span");
	const struct json_token *pci = json_member(document, document->tokens, "region_pci");
	const struct json_token *failure = json_member(document, document->tokens, "failure");
	char name[PROTOCOL_INSTANCE_NAME_BYTES + 1], region[PROTOCOL_REGION_PCI_BYTES + 1];
	char span_name[PROTOCOL_SPAN_NAME_BYTES + 1];
	char why[PROTOCOL_ERROR_MESSAGE_BYTES + 1];
	struct span_word word = { .instance = name, .name = span_name, .region_pci = region };

	if (!instance_name(document, name, sizeof(name)))
		return reply_error(id, "bad-request", INSTANCE_NAME_RULE);
	if (json_string(document, span, span_name, sizeof(span_name)) < 1)
		return reply_error(id, "bad-request", "span: a name of 1 to " PROTOCOL_TEXT(PROTOCOL_SPAN_NAME_BYTES) " bytes");
	if (json_string(document, pci, region, sizeof(region)) < 0)
		return reply_error(id, "bad-request", "region_pci: a PCI address");
	if (failure && json_string(document, failure, why, sizeof(why)) < 0)
		return reply_error(id, "bad-request", "failure: at most " PROTOCOL_TEXT(PROTOCOL_ERROR_MESSAGE_BYTES) " bytes");
	json_unsigned(document, json_member(document, document->tokens, "serial"), &word.serial);
	word.failure = failure ? why : NULL;
	span_answer(id, &word);
}

static void serve_stats(uint64_t id, const struct json_document *document)
{
	const struct json_token *token = json_member(document, document->tokens, "region_pci");
	static char result[PROTOCOL_LINE_BYTES];
	const struct json_token *regions = json_member(document, document->tokens, "regions");
	struct stats_selection selection = { .document = document, .regions = regions };
	char region[PROTOCOL_REGION_PCI_BYTES + 1] = "";
	struct text text;

	if (token && json_string(document, token, region, sizeof(region)) < 0)
		return reply_error(id, "bad-request", "region_pci: a PCI address, or empty");
	if (regions && (regions->type != JSON_ARRAY || regions->size > PROTOCOL_REGIONS))
		return reply_error(id, "bad-request", "regions: at most " PROTOCOL_TEXT(PROTOCOL_REGIONS) " PCI addresses");
	if (token)
		selection.region = region;

	text_init(&text, result, sizeof(result));
	stats_write(&text, &selection);
	if (text.overflow)
		reply_error(id, "reply-too-long", "the answer does not fit into one line");
	else
		reply_result(id, result, text.used);
}

static void serve_ping(uint64_t id)
{
	char result[2048];
	struct text text;

	text_init(&text, result, sizeof(result));
	hello_write(&text);
	reply_result(id, result, text.used);
}

/* Who asks knows nothing yet, of the spans neither. */
static void list_all(uint64_t id)
{
	spans_tell_all();
	instances_list(id);
}

static void serve(uint64_t id, const struct json_document *document, size_t length)
{
	const struct json_token *type = json_member(document, document->tokens, "type");

	if (json_equals(document, type, "start"))
		return serve_start(id, document);
	if (json_equals(document, type, "invoke"))
		return serve_invoke(id, document, length);
	if (json_equals(document, type, "resume"))
		return serve_resume(id, document);
	if (json_equals(document, type, "list"))
		return list_all(id);
	if (json_equals(document, type, "stop"))
		return serve_stop(id, document);
	if (json_equals(document, type, "deny"))
		return serve_deny(id, document);
	if (json_equals(document, type, "prepare"))
		return serve_prepare(id, document);
	if (json_equals(document, type, "trust"))
		return serve_trust(id, document);
	if (json_equals(document, type, "span"))
		return serve_span(id, document);
	if (json_equals(document, type, "stats"))
		return serve_stats(id, document);
	if (json_equals(document, type, "ping"))
		return serve_ping(id);
	reply_error(id, "unknown-request",
		    "type: one of start, invoke, resume, list, stop, deny, prepare, trust, span, stats, ping");
}

/*
 * Ids grow on one connection. A smaller one comes from a new connection whose beginning was not
 * seen: a virtio-serial port that closes and opens at once looks as if nothing had happened.
 */
static void notice_new_connection(uint64_t id)
{
	if (id <= last_id) {
		channel_began_unseen();
		requests_connected();
	}
	last_id = id;
}

void requests_connected(void)
{
	last_id = 0;
	instances_forget_requests();
	event_hello();
}

void request_line(char *line, size_t length, bool too_long)
{
	static struct json_token tokens[PROTOCOL_REQUEST_TOKENS];
	struct json_document document;
	const char *refusal;
	uint64_t id;

	if (too_long)
		return reply_error(REPLY_ID_UNKNOWN, "line-too-long", "a line has " PROTOCOL_TEXT(PROTOCOL_LINE_BYTES) " bytes at most");
	refusal = json_parse(&document, line, attached_json_length(line, length), tokens,
			     PROTOCOL_REQUEST_TOKENS);
	if (refusal)
		return reply_error(REPLY_ID_UNKNOWN, "malformed", refusal);
	/* It has no answer: the next of it is asked for, and what is missing shows at the end. */
	if (json_equals(&document, json_member(&document, tokens, "type"), "chunk")) {
		if (json_unsigned(&document, json_member(&document, tokens, "of"), &id))
			instances_pass_chunk(id, line, length);
		return;
	}
	if (!json_unsigned(&document, json_member(&document, tokens, "id"), &id))
		return reply_error(REPLY_ID_UNKNOWN, "malformed", "id: an integer that is not negative");
	notice_new_connection(id);
	serve(id, &document, length);
}
