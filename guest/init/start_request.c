// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "start_request.h"

static char default_program[] = "/bin/workload";
static char default_path[] = "PATH=/bin";

struct arena {
	char *at;
	size_t left;
};

static char *add_string(struct arena *arena, const struct json_document *document,
			const struct json_token *token)
{
	char *start = arena->at;
	int length = json_string(document, token, start, arena->left);

	if (length < 0)
		return NULL;
	arena->at += length + 1;
	arena->left -= (size_t)length + 1;
	return start;
}

static const char *read_argv(const struct json_document *document, struct arena *arena,
			     struct start_request *request)
{
	const struct json_token *list = json_member(document, document->tokens, "argv");
	const struct json_token *item = json_first(document, list);
	uint32_t count = list ? list->size : 0;

	if (list && list->type != JSON_ARRAY)
		return "argv: an array of strings";
	if (count > PROTOCOL_START_STRINGS)
		return "argv: too many arguments";
	for (uint32_t i = 0; i < count; i++) {
		request->argv[i] = add_string(arena, document, item);
		if (!request->argv[i])
			return "argv: strings without NUL, not too long in all";
		item = json_next(document, item);
	}
	if (count == 0)
		request->argv[count++] = default_program;
	request->argv[count] = NULL;
	return NULL;
}

/* Joins key and value in place: the terminator of the key becomes the '='. */
static char *add_variable(struct arena *arena, const struct json_document *document,
			  const struct json_token *key, const struct json_token *value)
{
	char *name = add_string(arena, document, key);
	char *text;

	if (!name || !name[0] || strchr(name, '='))
		return NULL;
	text = add_string(arena, document, value);
	if (!text)
		return NULL;
	text[-1] = '=';
	return name;
}

static const char *read_env(const struct json_document *document, struct arena *arena,
			    struct start_request *request)
{
	const struct json_token *map = json_member(document, document->tokens, "env");
	const struct json_token *key = json_first(document, map);
	uint32_t count = map ? map->size : 0;

	if (map && map->type != JSON_OBJECT)
		return "env: an object of strings";
	/* The init adds two. */
	if (count > PROTOCOL_START_STRINGS - 2)
		return "env: too many variables";
	for (uint32_t i = 0; i < count; i++) {
		const struct json_token *value = json_next(document, key);

		request->env[i] = add_variable(arena, document, key, value);
		if (!request->env[i])
			return "env: strings without NUL, names without '=', not too long in all";
		if (!strcmp(request->env[i], PROTOCOL_USER_VARIABLE "=" PROTOCOL_USER_ROOT))
			request->as_root = true;
		if (!strcmp(request->env[i],
			    PROTOCOL_USER_VARIABLE "=" PROTOCOL_USER_SUPERVISOR))
			request->supervised = true;
		if (!strcmp(request->env[i], PROTOCOL_READY_VARIABLE "=" PROTOCOL_READY_EXEC))
			request->ready_on_exec = true;
		key = json_next(document, value);
	}
	request->env[count] = default_path;
	request->env[count + 1] = NULL;
	return NULL;
}

static const char *read_attach(const struct json_document *document, struct start_request *request)
{
	const struct json_token *root = document->tokens;
	const struct json_token *attach = json_member(document, root, "attach");
	uint64_t timeout_ms = 0;
	int node = -1;

	if (json_equals(document, attach, "none"))
		request->attach = ATTACH_NONE;
	else if (json_equals(document, attach, "numa"))
		request->attach = ATTACH_NUMA;
	else if (json_equals(document, attach, "hotmem"))
		request->attach = ATTACH_HOTMEM;
	else
		return "attach: one of none, numa, hotmem";
	if (!json_int(document, json_member(document, root, "guest_node"), &node) || node < -1 ||
	    node > PROTOCOL_GUEST_NODE_MAX)
		return "guest_node: a node number, or -1";
	if ((request->attach == ATTACH_NUMA) != (node >= 0))
		return "guest_node: a node with numa, -1 without";
	if (!json_unsigned(document, json_member(document, root, "attach_timeout_ms"),
			   &timeout_ms) ||
	    timeout_ms > PROTOCOL_ATTACH_TIMEOUT_MS)
		return "attach_timeout_ms: at most " PROTOCOL_TEXT(PROTOCOL_ATTACH_TIMEOUT_MS);
	request->guest_node = node;
	request->attach_timeout_ms = (uint32_t)timeout_ms;
	return NULL;
}

static bool read_weight(const struct json_document *document, const char *name, int *out)
{
	const struct json_token *token = json_member(document, document->tokens, name);

	return json_int(document, token, out) && *out >= 1 && *out <= PROTOCOL_NODE_WEIGHT_MAX;
}

/* Another region, beside the first. */
static const char *read_far(const struct json_document *document, struct start_request *request)
{
	const struct json_token *root = document->tokens;
	const struct json_token *pci = json_member(document, root, "far_pci");
	int node = -1;

	request->far_pci[0] = 0;
	request->far_node = -1;
	if (!pci)
		return NULL;
	if (request->attach == ATTACH_NONE)
		return "far_pci: with numa and hotmem alone";
	if (json_string(document, pci, request->far_pci, sizeof(request->far_pci)) < 1 ||
	    !strcmp(request->far_pci, request->region_pci))
		return "far_pci: another than region_pci, a string of at most " PROTOCOL_TEXT(
			PROTOCOL_REGION_PCI_BYTES) " bytes";
	if (!json_int(document, json_member(document, root, "far_node"), &node) || node < -1 ||
	    node > PROTOCOL_GUEST_NODE_MAX || (request->attach == ATTACH_NUMA) != (node >= 0) ||
	    (node >= 0 && node == request->guest_node))
		return "far_node: a node number with numa, another than guest_node; -1 without";
	if (!read_weight(document, "near_weight", &request->near_weight) ||
	    !read_weight(document, "far_weight", &request->far_weight))
		return "near_weight, far_weight: 1 to " PROTOCOL_TEXT(PROTOCOL_NODE_WEIGHT_MAX);
	request->far_node = node;
	return NULL;
}

static const char *read_growth(const struct json_document *document, struct start_request *request)
{
	const struct json_token *token = json_member(document, document->tokens, "grow_wait_ms");
	uint64_t wait_ms = 0;

	if (token && (!json_unsigned(document, token, &wait_ms) || wait_ms > PROTOCOL_GROW_WAIT_MS))
		return "grow_wait_ms: at most " PROTOCOL_TEXT(PROTOCOL_GROW_WAIT_MS);
	if (wait_ms && request->far_pci[0])
		return "grow_wait_ms: where all memory is in one region";
	request->grow_wait_ms = (uint32_t)wait_ms;
	return NULL;
}

const char *start_request_read(const struct json_document *document,
			       struct start_request *request)
{
	const struct json_token *root = document->tokens;
	struct arena arena = { .at = request->bytes, .left = sizeof(request->bytes) };
	const char *refusal;

	request->as_root = false;
	request->supervised = false;
	request->ready_on_exec = false;
	if (json_string(document, json_member(document, root, "instance"), request->instance,
			sizeof(request->instance)) < 1)
		return INSTANCE_NAME_RULE;
	if (json_string(document, json_member(document, root, "region_pci"),
			request->region_pci, sizeof(request->region_pci)) < 0)
		return "region_pci: a string of at most " PROTOCOL_TEXT(
			PROTOCOL_REGION_PCI_BYTES) " bytes";
	if (!json_unsigned(document, json_member(document, root, "memory_max_bytes"),
			   &request->memory_max_bytes))
		return "memory_max_bytes: an integer, 0 for no limit";
	refusal = read_attach(document, request);
	if (!refusal)
		refusal = read_far(document, request);
	if (!refusal)
		refusal = read_growth(document, request);
	if (!refusal)
		refusal = read_argv(document, &arena, request);
	if (!refusal)
		refusal = read_env(document, &arena, request);
	return refusal;
}
