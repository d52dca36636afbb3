/*
 * The certificate of the HTTP server: a pair of PEM files, read again when they change. Inside the HTTP server, the loop's.
 *
 * A new pair is taken when both files have rested for a second, so that one half of a pair is not taken for a broken one. What cannot be used
 * (no PEM, another key, expired) leaves the pair before it in use, and is told. Connections that are open go on with what they began with.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct loop;
struct tls;
/* told: what the log should say; bad: somebody has to do something. RC_INVALID names the file; an expired certificate is taken at the start. */
MUST_CHECK enum rc tls_new(struct loop *l, const char *certificate, const char *key,
			   void (*told)(void *ctx, bool bad, const char *text), void *ctx,
			   struct tls **ret, struct err *err);
void tls_free(struct tls *t); /* when nobody shakes hands any more; NULL is fine */
/* Look at the files now, and take what is there. Blocks for reading them. */
void tls_reload(struct tls *t);
bool tls_is_for(const struct tls *t, struct str host); /* does the certificate name this host? */
/* Handshakes on this thread take the pair of this one, from now on; NULL: none. */
void tls_use(struct tls *t);
/* For MHD_OPTION_HTTPS_CERT_CALLBACK and MHD_OPTION_HTTPS_PRIORITIES. */
void *tls_callback(void);
#define TLS_PRIORITIES \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-SHA1:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:%SERVER_PRECEDENCE"
