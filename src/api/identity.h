/*
 * Who asks by TCP: a token (Authorization: Bearer TOKEN, or Basic with it as the password), or a browser's session (the cookie). Also the tokens
 * that the daemon itself gives to jobs for the build caches: they live in memory only.
 */
#pragma once
#include "api/api.h"

#define SESSION_COOKIE "penstock_session"
#define CSRF_HEADER    "Penstock-Csrf"
#define SECRET_TEXT    48 /* of a token or a session: "pst_" and 43 of base64url */

/* For struct httpd_options.identify; ctx is the api. */
void api_identify(void *ctx, struct request *r);
/* A token for a scope of the build caches ("trusted", "pr/12"), the same as long as the daemon runs. From any thread. */
MUST_CHECK enum rc api_job_token(void *ctx, const char *scope, struct strbuf *ret, struct err *err);
/* At the first start there is no way in by the network: make a token of an administrator. The caller shows it once, wipes and frees it; NULL: there is
 * a way in already. After engine_start(). */
char *api_first_token(struct api *api);
/* What a token may be for instead of a role: "trusted", "pr/12", "agent/NAME". */
bool token_scope_good(struct str scope);
