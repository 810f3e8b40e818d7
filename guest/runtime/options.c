// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/protocol_constants.h"
#include "network.h"
#include "options.h"
#include "spans.h"

#define VARIABLES_MAX (PROTOCOL_START_STRINGS + 32)
#define LAMBDA_PORT 9001
#define PROGRAM_PORT 8080
#define SPANS_SOCKET "/dev/hotplane-spans"
#define PATH_USUAL "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static char *variables[VARIABLES_MAX + 1];
static size_t variables_used;

static bool has_variable(const char *text)
{
	size_t name = strcspn(text, "=") + 1;

	for (size_t i = 0; i < variables_used; i++)
		if (!strncmp(variables[i], text, name))
			return true;
	return false;
}

static void add_variable(char *text)
{
	if (variables_used < VARIABLES_MAX && !has_variable(text))
		variables[variables_used++] = text;
}

/* What the interface promises, unless the function says otherwise. */
static void add_promised(const struct options *options)
{
	char *text;

	if (!strcmp(options->interface, "lambda")) {
		if (asprintf(&text, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:%u", options->port) > 0)
			add_variable(text);
		add_variable("AWS_LAMBDA_FUNCTION_VERSION=$LATEST");
		add_variable("AWS_LAMBDA_INITIALIZATION_TYPE=on-demand");
		add_variable("AWS_REGION=local");
		add_variable("LAMBDA_TASK_ROOT=/var/task");
		add_variable("LAMBDA_RUNTIME_DIR=/var/runtime");
		add_variable("TZ=:UTC");
		if (asprintf(&text, "AWS_LAMBDA_FUNCTION_NAME=%s", options->function) > 0)
			add_variable(text);
		if (asprintf(&text, "AWS_LAMBDA_LOG_GROUP_NAME=/hotplane/%s", options->function) > 0)
			add_variable(text);
		if (asprintf(&text, "AWS_LAMBDA_LOG_STREAM_NAME=%s", options->instance) > 0)
			add_variable(text);
		if (options->memory_bytes > 0 &&
		    asprintf(&text, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%llu",
			     (unsigned long long)(options->memory_bytes >> 20)) > 0)
			add_variable(text);
	} else if (asprintf(&text, "PORT=%u", options->port) > 0) {
		add_variable(text);
	}
	if (options->spans &&
	    asprintf(&text, PROTOCOL_SPANS_VARIABLE "=%s", options->spans_socket) > 0)
		add_variable(text);
	add_variable(PATH_USUAL);
	add_variable("HOME=/tmp");
}

static void read_environment(struct options *options, char **environment)
{
	for (size_t i = 0; environment[i]; i++)
		/* The init adds its own PATH, last. */
		if (strncmp(environment[i], "HOTPLANE_", 9) && strcmp(environment[i], "PATH=/bin"))
			add_variable(environment[i]);
	add_promised(options);
	variables[variables_used] = NULL;
	options->environment = variables;
}

static bool set_option(struct options *options, const char *name, char *value)
{
	static const struct {
		const char *name;
		size_t offset;
	} texts[] = {
		{ "--interface", offsetof(struct options, interface) },
		{ "--function", offsetof(struct options, function) },
		{ "--instance", offsetof(struct options, instance) },
		{ "--root", offsetof(struct options, root) },
		{ "--folder", offsetof(struct options, folder) },
		{ "--user", offsetof(struct options, user) },
		{ "--address", offsetof(struct options, address) },
		{ "--gateway", offsetof(struct options, gateway) },
		{ "--dns", offsetof(struct options, dns) },
		{ "--spans", offsetof(struct options, spans) },
		{ "--spans-socket", offsetof(struct options, spans_socket) },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(name, texts[i].name)) {
			*(const char **)((char *)options + texts[i].offset) = value;
			return true;
		}
	if (!strcmp(name, "--tmp-bytes"))
		options->tmp_bytes = strtoull(value, NULL, 10);
	else if (!strcmp(name, "--port"))
		options->port = (uint16_t)strtoul(value, NULL, 10);
	else if (!strcmp(name, "--ready-ms"))
		options->ready_ms = strtoull(value, NULL, 10);
	else if (!strcmp(name, "--memory-bytes"))
		options->memory_bytes = strtoull(value, NULL, 10);
	else
		return false;
	return true;
}

const char *options_read(struct options *options, char **arguments, char **environment)
{
	char **at = arguments + 1;
	const char *refusal;

	*options = (struct options){
		.function = "function",
		.instance = "instance",
		.folder = "/",
		.spans_socket = SPANS_SOCKET,
	};
	while (at[0] && strcmp(at[0], "--")) {
		if (!at[1] || !set_option(options, at[0], at[1]))
			return "an option is not known, or has no value";
		at += 2;
	}
	if (!at[0] || !at[1])
		return "no command";
	if (!options->interface)
		return "no interface";
	refusal = network_refusal(options);
	if (!refusal && options->spans)
		refusal = spans_read(options->spans);
	if (refusal)
		return refusal;
	if (!options->port)
		options->port = !strcmp(options->interface, "lambda") ? LAMBDA_PORT : PROGRAM_PORT;
	options->command = at + 1;
	read_environment(options, environment);
	return NULL;
}
