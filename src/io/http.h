/*
 * A small HTTP client (libcurl) for workers and the CLI: one request, blocking, within a time-out.
 * HTTP/1.1 in the clear, HTTP/2 over TLS only. No redirects: a receiver that moved is an error that
 * people should see. Only http and https.
 */
#pragma once
#include "base/strbuf.h"

struct http_request {
	const char *method; /* NULL: GET, or POST when there is a body */
	const char *url;
	const char *const *
		headers; /* "Name: value" ..., NULL at the end; NULL: none. CR and LF are refused */
	struct str body;
	const char *
		ca; /* https: a PEM file of the only authorities that are believed; NULL: the system's */
	const char *unix_socket; /* connect to it; the URL's host is only a name then */
	uint64_t timeout; /* usec; 0: 10 s. Of the whole; connecting has at most half of it */
	size_t max;       /* bytes of the answer; 0: 1 MiB. Above: RC_TOO_BIG */
	bool stream; /* with `each`: no time-out of the whole, but `silence` seconds (0: 60) are too many */
	uint32_t silence;
	bool keep; /* the connection is kept for this thread's next request that says so, too */
	int upload; /* with size: the body is this file's, from its start, instead of `body`; 0: none */
	uint64_t upload_size;
	void (*header)(
		void *ctx, struct str name,
		struct
		str value); /* the status line (name empty), then each header, before the body */
	bool (*each)(
		void *ctx, struct
		str part); /* parts of the body as they come, instead of `body`; false: enough */
	void *ctx;
};
struct http_answer {
	int status;
	struct strbuf body;
	char type[100];
	uint32_t retry_after; /* seconds; 0: not said */
};

void http_answer_done(struct http_answer *a);
/* RC_OK for any status. RC_UNAVAILABLE: not reached or not in time; RC_NOT_FOUND: nobody listens at
 * the unix socket; RC_INVALID: URL, headers or the file of authorities are wrong. From any thread. */
MUST_CHECK enum rc http_ask(const struct http_request *q, struct http_answer *ret, struct err *err);
