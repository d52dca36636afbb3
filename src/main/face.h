/* How the daemon faces a network: what of its options the HTTP server is told. */
#pragma once
#include "io/httpd.h"
#include "main/serve.h"

struct face {
	char *public_host, *loopback_file;
	VEC(const char *) hosts; /* NULL at the end */
};
void face_done(struct face *f);
/* Fill all of ret that stands for the port. RC_INVALID: options that do not go together, or leave the port open to everybody in the clear. `f`
 * keeps what ret borrows. */
MUST_CHECK enum rc face_options(struct face *f, const struct serve_options *o, const char *data,
				struct httpd_options *ret, struct err *err);
/* The port of the loopback is the same after a restart, where it can be: jobs outlive the daemon. */
void face_remember(const struct face *f, const struct httpd *h);
/* Where jobs on this machine reach the port in the clear: the caller's. */
char *face_local_url(const struct serve_options *o, const struct httpd *h);
/* "https://127.0.0.1:7400", for people: the caller's. */
char *face_url(const struct serve_options *o);
/* Descriptors that the port, the socket and the rest of the daemon may need. */
uint64_t face_descriptors(const struct serve_options *o);
