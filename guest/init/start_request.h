/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_START_REQUEST_H
#define HOTPLANE_START_REQUEST_H

#include "../common/json.h"
#include "instance.h"

/* Reads and checks a `start` request. Returns NULL, or what is wrong with it. */
const char *start_request_read(const struct json_document *document,
			       struct start_request *request);

#endif
