/* Who asks a server under test: a table of tokens, as struct httpd_options.identify wants it. */
#pragma once
#include "base/strbuf.h"
#include "io/httpd.h"

#include <string.h>

struct known {
	const char *token, *name; /* an actor; with a scope, the holder of that */
	const char *scope;
	bool read_only;
};

/* "Bearer TOKEN", or "Basic base64(anything:TOKEN)". ctx: struct known[], up to one without a token. */
static inline void kit_identify(void *ctx, struct request *r)
{
	struct str given = str_of(request_header(r, "Authorization"));
	AUTO(strbuf_done) struct strbuf token = STRBUF(4096);

	if (str_starts(given, "Bearer ")) {
		strbuf_add(&token, given.p + 7, given.n - 7);
	} else if (str_starts(given, "Basic ") &&
		   strbuf_add_unbase64(&token, (struct str){given.p + 6, given.n - 6})) {
		size_t colon = strcspn(strbuf_cstr(&token), ":") + 1;

		memmove(token.p, token.p + MIN_OF(colon, token.n),
			token.n - MIN_OF(colon, token.n));
		token.n -= MIN_OF(colon, token.n);
	}
	for (const struct known *k = ctx; k->token; k++) {
		if (!str_is(strbuf_str(&token), k->token))
			continue;
		if (k->scope)
			request_set_scope(r, k->name, k->scope, k->read_only);
		else
			request_set_actor(r, k->name, "test");
	}
}
