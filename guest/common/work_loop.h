/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_WORK_LOOP_H
#define HOTPLANE_WORK_LOOP_H

#include <stddef.h>

/* Sends one answer of a program, with the end of its line. Ends the program when it cannot. */
void work_answer(const char *line, size_t length);

/*
 * The life of a program of the image: tells that it is ready, then has @serve answer one payload
 * after another, of one chunk each. Returns its exit status.
 */
int work_loop(void (*serve)(char *payload, size_t length));

#endif
