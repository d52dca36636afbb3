/* Who is asking? GET /check with "Authorization: Bearer TOKEN" -> 200 {"user":"..."} or 401. */
#pragma once
#include "shared/server.h"

/* The user that a token names: "demo-" and 1 to 16 small letters or digits. It stands in for a real
 * check (a signature, an expiry): the shop shows deliveries, not cryptography. */
bool token_user(struct span token, struct span *ret);

/* The token of an Authorization field. */
bool bearer_token(struct span authorization, struct span *ret);

void auth_handle(const struct http_request *rq, struct http_answer *ret);
