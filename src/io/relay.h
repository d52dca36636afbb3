/*
 * One HTTP request passed on to another server, bodies from and to files: flat memory, whatever their size. Connections are kept for the next
 * one. Blocking; from any thread.
 */
#pragma once
#include "base/strbuf.h"
#include "base/vec.h"

#define RELAY_HEADERS    16
#define RELAY_HEADER_MAX 2048

struct relay;
/* ca: a PEM file of the only authorities that are believed; NULL: the system's. Borrowed. */
struct relay *relay_new(const char *ca);
void relay_free(struct relay *r); /* when nobody asks any more */

struct relay_ask {
	const char *method, *url;
	const char *const *headers; /* "Name: value" ..., NULL at the end */
	int body;                   /* PUT, POST: a file, read from its beginning; -1: none */
	uint64_t body_size;
	usec_t connect; /* at most so long until there is a connection */
	usec_t patience; /* and then so long below `least` bytes a second; whole seconds count, at least one */
	uint64_t least;
	int to; /* the answer's body goes here; not for HEAD */
	uint64_t max;
};
struct relay_header {
	char *name, *value;
};
struct relay_answer {
	int status;
	uint64_t size; /* of the body; HEAD: what the server says that it would be */
	VEC(struct relay_header) headers; /* the first RELAY_HEADERS of those that `wanted` names */
};
void relay_answer_done(struct relay_answer *a);
/* wanted: prefixes of names of headers, in lower case, NULL at the end. RC_OK for any status; RC_UNAVAILABLE: not reached, too slow, broken
 * off; RC_TOO_BIG; RC_NO_SPACE: the file could not take it. */
MUST_CHECK enum rc relay_pass(struct relay *r, const struct relay_ask *q, const char *const *wanted,
			      struct relay_answer *ret, struct err *err);
