/*
 * Tokens that `penstock login` keeps, by server: <config folder>/penstock/credentials.json (0600), where the config folder is $XDG_CONFIG_HOME or
 * ~/.config. {"servers":[{"server":"https://ci.example","token":"pst_...","id":"tok-..."}]}; id: of a token that login asked for, and logout revokes.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

struct credential {
	char *server, *token, *id; /* id NULL: the token was brought */
};
struct credentials {
	char *path;
	VEC(struct credential) list;
};
void credentials_done(struct credentials *c); /* wipes the tokens */
/* No file: none. RC_DENIED: others may read it; RC_CORRUPT: it is no such file. */
MUST_CHECK enum rc credentials_read(struct credentials *ret, struct err *err);
MUST_CHECK enum rc credentials_write(const struct credentials *c, struct err *err);
/* NULL: none. server with or without slashes at its end. */
struct credential *credentials_find(struct credentials *c, const char *server);
/* Instead of what was kept for this server. */
void credentials_set(struct credentials *c, const char *server, const char *token, const char *id);
void credentials_drop(struct credentials *c, const struct credential *which);

/* "http://127.0.0.1:7400" and "http://localhost/x", not "http://localhost.example" */
bool url_is_loopback(struct str url);
/* RC_INVALID when a token would go to this server unencrypted; `insecure` lets it. */
MUST_CHECK enum rc url_is_safe(const char *url, bool insecure, struct err *err);
