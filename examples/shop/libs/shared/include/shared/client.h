/* An HTTP/1.1 client for one service: keeps its connections, one timeout for the whole call. */
#pragma once
#include "shared/text.h"

struct client;

struct client_answer {
	int status;
	size_t len;
	char body[4096]; /* terminated */
	const char *error; /* why the call failed; static text */
};

/* base_url is http://A.B.C.D:port or http://localhost:port (there is no resolver in a static binary).
 * NULL when it is anything else. */
struct client *client_new(const char *base_url, unsigned timeout_ms);
void client_free(struct client *c);

/* One request. `fields` are whole header lines (CR LF) or "". True when an answer came, whatever its
 * status; false with ret->error when none came in time. A kept connection that the peer closed before
 * the first byte of its answer is replaced once; that is no failure. Safe from many threads. */
bool client_call(struct client *c, const char *method, const char *path, const char *fields,
		 struct span body, struct client_answer *ret);
