/*
 * Idempotency keys: who does not hear our answer sends the order again with the same key, and it is carried out once. The key is kept in the journal
 * with the order itself, so that a restart between the two does not matter; for a day.
 */
#include "api/api_impl.h"

#include "base/digest.h"

#define KEY_HEADER "Idempotency-Key"
#define KEY_MAX    200
#define HASH_KEPT  32

static char *hash(const char *a, const char *b, struct str rest)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(HTTPD_MAX_BODY + 4096);

	strbuf_addf(&text, "%s\n%s\n", a, b);
	strbuf_addstr(&text, rest);
	AUTO(freep) char *hex = digest_hex_dup(strbuf_str(&text));
	return xstrndup(hex, HASH_KEPT);
}

static char *key_hash(const struct call *c, const char *key)
{
	return hash(request_actor(c->r), "key", str_of(key));
}

static char *order_hash(const struct call *c)
{
	return hash(request_method(c->r), request_path(c->r), str_trim(request_body(c->r)));
}

static const char *key_of(const struct call *c)
{
	if (streq(c->route->method, "GET") || c->route->flags & (ROUTE_PLAIN | ROUTE_SECRET))
		return NULL;
	return request_header(c->r, KEY_HEADER);
}

bool call_first(struct call *c)
{
	const struct project *p = model_project(engine_model(c->api->e));
	const char *key = key_of(c);

	if (!key || !p)
		return true;
	if (!*key || strlen(key) > KEY_MAX) {
		call_failf(c, RC_INVALID, KEY_HEADER " takes 1 to %d bytes", KEY_MAX);
		return false;
	}
	AUTO(freep) char *mine = key_hash(c, key);
	vec_each(o, &p->once) {
		if (!streq(o->key, mine))
			continue;
		AUTO(freep) char *what = order_hash(c);
		if (!streq(o->what, what)) {
			call_problem(c, 422, RC_INVALID,
				     "this " KEY_HEADER
				     " was used for another order: take a new one");
		} else if (o->seq > c->api->last_seq) {
			request_add_header(c->r, "Retry-After", "1");
			call_problem(c, 409, RC_CONFLICT,
				     "the first order with this key is still being written");
		} else {
			request_add_header(c->r, "Idempotency-Replayed", "true");
			call_done_at(c, RC_OK, NULL, o->seq);
		}
		return false;
	}
	return true;
}

void call_once(struct call *c, struct event *ev)
{
	const char *key = key_of(c);

	if (!key)
		return;
	ev->once = key_hash(c, key);
	ev->what = order_hash(c);
}
