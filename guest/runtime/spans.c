// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/protocol_constants.h"
#include "link.h"
#include "span_peers.h"
#include "spans.h"

#define USAGE "say 'open NAME', 'open NAME BYTES' or 'close NAME'"
#define NO_CALL "no invocation is under way"
#define SEPARATORS " \t\r"

struct place {
	char name[PROTOCOL_SPAN_NAME_BYTES + 1];
	uint64_t max_bytes;
	/* What the init is asked now; 0: nothing. */
	uint64_t ask;
	/* Who waits for its answer; NULL: nobody does any more. */
	struct span_peer *peer;
	/* The last asking that was to open it, and for how much. */
	uint64_t open_ask;
	uint64_t open_bytes;
};

static struct place places[PROTOCOL_SPANS];
static size_t place_count;
static uint64_t last_ask;

static bool read_bytes(const char *text, uint64_t *bytes)
{
	char *rest;

	if (*text < '0' || *text > '9')
		return false;
	*bytes = strtoull(text, &rest, 10);
	return *rest == 0 && *bytes > 0 && *bytes <= JSON_INTEGER_MAX;
}

const char *spans_read(const char *list)
{
	const char *at = list;

	while (*at) {
		struct place *place = &places[place_count];
		size_t length = strcspn(at, ","), name = strcspn(at, "=");
		char bytes[24];

		if (place_count == PROTOCOL_SPANS)
			return "too many spans";
		if (name == 0 || name >= length || name > PROTOCOL_SPAN_NAME_BYTES ||
		    length - name > sizeof(bytes))
			return "a span is not like NAME=BYTES";
		memcpy(place->name, at, name);
		memcpy(bytes, at + name + 1, length - name - 1);
		bytes[length - name - 1] = 0;
		if (!read_bytes(bytes, &place->max_bytes))
			return "the size of a span is no number";
		place_count++;
		at += length + (at[length] == ',');
	}
	return NULL;
}

static struct place *find(const char *name)
{
	for (size_t i = 0; i < place_count; i++)
		if (!strcmp(places[i].name, name))
			return &places[i];
	return NULL;
}

static void refuse(struct span_peer *peer, const char *name, const char *message)
{
	char line[PROTOCOL_ERROR_MESSAGE_BYTES];

	snprintf(line, sizeof(line), "refused %s %s", name, message);
	/* An answer is one line, whatever the words of others hold. */
	for (char *at = line; *at; at++)
		if (*at == '\n' || *at == '\r')
			*at = ' ';
	span_peer_tell(peer, line, -1);
}

static void begin(struct place *place, struct span_peer *peer)
{
	place->ask = ++last_ask;
	place->peer = peer;
	span_peer_waits(peer, true);
}

static void open_one(struct span_peer *peer, struct place *place, const char *text)
{
	uint64_t bytes = place->max_bytes;

	if (text && !read_bytes(text, &bytes))
		return refuse(peer, place->name, "BYTES is a number above 0");
	if (place->ask)
		return refuse(peer, place->name, "it is asked for already");
	begin(place, peer);
	place->open_ask = place->ask;
	place->open_bytes = bytes;
	link_ask_span("open", place->name, bytes, place->ask);
}

static void close_one(struct span_peer *peer, struct place *place)
{
	if (place->ask)
		return refuse(peer, place->name, "it is not open");
	begin(place, peer);
	link_ask_span("close", place->name, 0, place->ask);
}

void spans_ask(struct span_peer *peer, char *line)
{
	char *rest = NULL;
	char *verb = strtok_r(line, SEPARATORS, &rest);
	char *name = strtok_r(NULL, SEPARATORS, &rest), *bytes = strtok_r(NULL, SEPARATORS, &rest);
	bool opens = verb && !strcmp(verb, "open"), closes = verb && !strcmp(verb, "close");
	struct place *place = name ? find(name) : NULL;

	if (!(opens || closes) || !name || (closes && bytes) || strtok_r(NULL, SEPARATORS, &rest))
		return refuse(peer, "-", USAGE);
	if (!place)
		return refuse(peer, "-", "the function has no span of this name");
	if (!invocation.complete)
		return refuse(peer, name, NO_CALL);
	if (opens)
		open_one(peer, place, bytes);
	else
		close_one(peer, place);
}

void spans_forget(const struct span_peer *peer)
{
	for (size_t i = 0; i < place_count; i++)
		if (places[i].peer == peer)
			places[i].peer = NULL;
}

/* NULL: it was of an invocation that is over, or nobody's. */
static struct place *asked(uint64_t ask)
{
	for (size_t i = 0; i < place_count; i++)
		if (ask > 0 && places[i].ask == ask)
			return &places[i];
	return NULL;
}

static bool pass_open(const struct place *place, struct span_peer *peer, int fd)
{
	char line[PROTOCOL_SPAN_NAME_BYTES + 48];

	snprintf(line, sizeof(line), "open %s %" PRIu64, place->name, place->open_bytes);
	if (peer && fd < 0)
		refuse(peer, place->name, "no file came with it");
	return peer && fd >= 0 && span_peer_tell(peer, line, fd);
}

static void pass_closed(const struct place *place, struct span_peer *peer)
{
	char line[PROTOCOL_SPAN_NAME_BYTES + 16];

	snprintf(line, sizeof(line), "closed %s", place->name);
	if (peer)
		span_peer_tell(peer, line, -1);
}

static void pass_refusal(const struct json_document *document, const struct place *place,
			 struct span_peer *peer)
{
	const struct json_token *token = json_member(document, document->tokens, "message");
	char message[PROTOCOL_ERROR_MESSAGE_BYTES];

	if (json_string(document, token, message, sizeof(message)) < 0)
		strcpy(message, "it did not come");
	if (peer)
		refuse(peer, place->name, message);
}

void spans_answer(const struct json_document *document, int fd)
{
	const struct json_token *state = json_member(document, document->tokens, "state");
	struct span_peer *peer;
	struct place *place;
	uint64_t ask = 0;

	json_unsigned(document, json_member(document, document->tokens, "ask"), &ask);
	place = asked(ask);
	if (place) {
		peer = place->peer;
		place->ask = 0;
		place->peer = NULL;
		if (peer)
			span_peer_waits(peer, false);
		if (json_equals(document, state, "closed"))
			pass_closed(place, peer);
		else if (!json_equals(document, state, "open"))
			pass_refusal(document, place, peer);
		/* Nobody has its file: the host has its memory back. */
		else if (!pass_open(place, peer, fd) && place->open_ask == ask)
			link_ask_span("close", place->name, 0, 0);
	}
	if (fd >= 0)
		close(fd);
}

void spans_begin_call(void)
{
	span_peers_let_go(NO_CALL);
}

void spans_end_call(void)
{
	for (size_t i = 0; i < place_count; i++) {
		struct place *place = &places[i];
		struct span_peer *peer = place->peer;

		place->ask = 0;
		place->peer = NULL;
		if (!peer)
			continue;
		span_peer_waits(peer, false);
		refuse(peer, place->name, "the invocation is over");
	}
	span_peers_let_go("the invocation is over");
}
