/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_WORK_LOOP_H
#define HOTPLANE_WORK_LOOP_H

#include <stddef.h>

/*
 * A program's end of the way from the init: tells that it is ready, then hands each request (one
 * line, without its end) to @serve, which answers with work_answer. Returns the exit status.
 */
int work_loop(void (*serve)(char *line, size_t length));

/* Sends one line, its end included; a program that cannot answer ends. */
void work_answer(const char *line, size_t length);

#endif
