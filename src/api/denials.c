/* Refusals, for the audit: who was denied what, in the journal. Many of the same are one record with their number. */
#include "api/api_impl.h"

#define DENIED_EVERY  USEC_MIN /* the same refusal of the same actor is counted, not written again */
#define DENIED_MANY   30       /* different refusals of one actor in that time: the rest are one */
#define DENIALS_MAX   1024
#define STRANGERS_MAX 60 /* records a minute about those who have no name here */
#define PATH_SHOWN    200

struct denial {
	usec_t at;
	uint32_t n; /* not written since */
};

void denials_free(struct api *api)
{
	for (struct map_entry *e = NULL; (e = map_next(&api->denials, e));)
		xfree(e->value);
	map_done(&api->denials);
}

/* A crowd of strangers does not fill the journal: what is above is counted with the next. */
static bool is_crowd(struct api *api, usec_t now)
{
	if (now - api->strangers_since > DENIED_EVERY) {
		api->strangers_since = now;
		api->strangers = 0;
	}
	return ++api->strangers > STRANGERS_MAX;
}

static struct denial *denial_of(struct api *api, const char *key)
{
	struct denial *d = map_get(&api->denials, str_of(key));

	if (d)
		return d;
	if (api->denials.n > DENIALS_MAX)
		denials_free(api);
	d = xcalloc(1, sizeof(*d));
	map_put(&api->denials, str_of(key), d);
	return d;
}

/* Did this actor try very many different things lately? Counts this one. */
static bool has_many(struct api *api, const char *actor, usec_t now)
{
	struct denial *all = denial_of(api, actor);

	if (now - all->at > DENIED_EVERY)
		*all = (struct denial){.at = now};
	return ++all->n > DENIED_MANY;
}

void denial_note(struct api *api, struct request *r, const char *what, const char *why)
{
	const char *actor = request_actor(r) ? request_actor(r) : request_holder(r);
	const char *via = request_via(r), *path = request_path(r);
	char address[REQUEST_ADDRESS];
	usec_t now = runner_now(api->runner);

	request_address(r, address);
	AUTO(freep)
	char *text =
		what ? xstrdup(what) : xasprintf("%s %.*s", request_method(r), PATH_SHOWN, path);
	AUTO(freep)
	char *key = actor ? xasprintf("%s %s", actor, text) : xasprintf("nobody %s", address);
	if (actor && !map_get(&api->denials, str_of(key)) && has_many(api, actor, now)) {
		/* a new path each time must not fill the journal */
		xfree(text);
		xfree(key);
		text = xstrdup("(many different requests)");
		key = xasprintf("%s %s", actor, text);
	}
	struct denial *d = denial_of(api, key);

	d->n++;
	if ((d->at && now - d->at < DENIED_EVERY) || (!actor && is_crowd(api, now)))
		return;
	struct event ev = {.kind = EV_DENIED, .count = d->n, .rc = RC_DENIED};
	ev.actor = xstrdup(actor ? actor : "nobody");
	ev.address = xstrdup(address);
	ev.via = via ? xstrdup(via) : NULL;
	ev.text = xstrdup(text);
	ev.error = xstrdup(why);
	*d = (struct denial){.at = now};
	engine_submit(api->e, &ev);
}

/* ---- by others on the same port ---- */

void api_denied(void *ctx, struct request *r, const char *what, const char *why)
{
	denial_note(ctx, r, what, why);
}

void api_pruned(void *ctx, struct request *r, const char *scope, uint64_t keep, uint64_t gone)
{
	struct api *api = ctx;
	struct event ev = {.kind = EV_CACHE_PRUNE, .memory = keep};
	const char *actor = request_actor(r), *via = request_via(r);
	char address[REQUEST_ADDRESS];

	request_address(r, address);
	ev.actor = xstrdup(actor ? actor : "nobody");
	ev.address = xstrdup(address);
	ev.via = via ? xstrdup(via) : NULL;
	ev.id = xstrdup(scope ? scope : "all");
	ev.text = xasprintf("%llu entries", (unsigned long long)gone);
	engine_submit(api->e, &ev);
}
