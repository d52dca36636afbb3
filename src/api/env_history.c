/*
 * GET environments/{id}/history: which version of each service was live from when to when, newest first.
 *
 *	{"environment":"production","history":[{"rollout","unit","image","previous","release","returns":true,
 *		"since":usec,"until":usec,	until is left out while it is live
 *		"live":true,"repo","branch","commit","author","subject","approved_by":["user:ann"],"cause"}],"next":"i12"}
 *
 * ?unit= ?limit= (20) ?cursor=. unit and image are what POST environments/{id}/rollback takes to bring a version back.
 */
#include "api/catalog.h"
#include "api/reads.h"

struct was_live {
	struct row row; /* texts of the catalog: on the loop, or copied below */
	uint64_t until;
	char *unit, *image, *previous, *repo, *ref, *commit, *author, *subject;
	texts approved;
	bool asked; /* its approvals are here */
};
struct env_history {
	VEC(struct was_live) list;
	char *unit;
	uint64_t limit, cursor;
	bool more;
};

static void free_history(void *data)
{
	struct env_history *h = data;

	vec_each(w, &h->list) {
		char *members[] = {w->unit, w->image,  w->previous, w->repo,
				   w->ref,  w->commit, w->author,   w->subject};

		for (size_t i = 0; i < ARRAY_LEN(members); i++)
			xfree(members[i]);
		vec_each(actor, &w->approved)
			xfree(*actor);
		vec_done(&w->approved);
	}
	vec_done(&h->list);
	xfree(h->unit);
	xfree(h);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void add_approvals(struct was_live *w, const struct release *r)
{
	vec_each(a, &r->gate.approvals)
		if (a->yes)
			vec_push(&w->approved, xstrdup(a->actor));
}

static void add_row(struct env_history *h, const struct api *api, const struct row *r)
{
	const struct model *m = engine_model(api->e);
	const struct row *rel = catalog_row(api, SHELF_RELEASES, r->release);
	AUTO(freep) char *id = catalog_id(SHELF_RELEASES, r->release);
	const struct release *release = model_release(m, id);
	struct was_live w = {.row = *r,
			     .until = catalog_until(api, r),
			     .unit = copy(r->unit),
			     .image = copy(r->image),
			     .previous = copy(r->previous)};

	if (rel) {
		w.repo = copy(rel->repo);
		w.ref = copy(rel->ref);
		w.commit = copy(rel->commit);
		w.author = copy(rel->author);
		w.subject = copy(rel->subject);
	}
	if (release)
		add_approvals(&w, release);
	w.asked = release || !r->release;
	vec_push(&h->list, w);
}

static void write_one(struct json_out *o, const struct was_live *w)
{
	AUTO(freep) char *ro = catalog_id(SHELF_ROLLOUTS, w->row.number);
	AUTO(freep) char *rel = catalog_id(SHELF_RELEASES, w->row.release);

	json_open(o, NULL);
	json_cstr(o, "rollout", ro);
	json_word(o, "unit", w->unit);
	json_word(o, "image", w->image);
	json_word(o, "previous", w->previous);
	if (w->row.release)
		json_cstr(o, "release", rel);
	if (w->row.returns)
		json_bool(o, "returns", true);
	json_some(o, "since", w->row.ended_at);
	json_some(o, "until", w->until);
	if (!w->until)
		json_bool(o, "live", true);
	json_word(o, "repo", w->repo);
	json_word(o, "branch", branch_of(w->ref));
	json_word(o, "commit", w->commit);
	json_word(o, "author", w->author);
	json_word(o, "subject", w->subject);
	if (w->approved.n) {
		json_list(o, "approved_by");
		vec_each(actor, &w->approved)
			json_cstr(o, NULL, *actor);
		json_unlist(o);
	}
	json_close(o);
}

static void read_history(struct call *c)
{
	struct env_history *h = c->data;
	struct store *store = engine_world(c->api->e)->store;
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_cstr(&o, "environment", c->arg[0]);
	json_list(&o, "history");
	vec_each(w, &h->list) {
		struct release r = {0};

		if (!w->asked) {
			AUTO(freep) char *id = catalog_id(SHELF_RELEASES, w->row.release);
			struct err ignored = {0};

			if (thing_load(store, AGG_RELEASE, id, &r, &ignored) == RC_OK)
				add_approvals(w, &r);
			shape_done(aggregate_shapes[AGG_RELEASE], &r);
		}
		write_one(&o, w);
	}
	json_unlist(&o);
	if (h->more) {
		AUTO(freep) char *next = xasprintf("i%u", vec_last(&h->list)->row.number);

		json_cstr(&o, "next", next);
	}
	json_close(&o);
}

static void looked(struct call *c)
{
	struct env_history *h = c->data;
	uint32_t first, last;

	catalog_span(c->api, SHELF_ROLLOUTS, &first, &last);
	if (h->cursor)
		last = (uint32_t)MIN_OF((uint64_t)last, h->cursor - 1);
	for (uint32_t n = last; n >= first && n > 0 && !h->more; n--) {
		const struct row *r = catalog_row(c->api, SHELF_ROLLOUTS, n);

		if (!r || r->state != ROLLOUT_DONE || !streq(r->environment, c->arg[0]) ||
		    (h->unit && !streq(r->unit, h->unit)))
			continue;
		if (h->list.n == h->limit)
			h->more = h->list.n > 0;
		else
			add_row(h, c->api, r);
		if (h->list.n == h->limit && !h->limit)
			break;
	}
	call_work(c, read_history);
}

void get_environment_history(struct call *c)
{
	struct env_history *h = xcalloc(1, sizeof(*h));
	const char *cursor = request_query(c->r, "cursor"), *unit = request_query(c->r, "unit");

	c->data = h;
	c->free_data = free_history;
	if (!call_number(c, "limit", 20, WIRE_LIST_MAX, &h->limit))
		return;
	if (cursor && *cursor &&
	    (*cursor != 'i' || !parse_u64(str_of(cursor + 1), &h->cursor) || !h->cursor)) {
		call_failf(c, RC_INVALID, "?cursor= takes the `next` of an answer, not \"%.40s\"",
			   cursor);
		return;
	}
	if (!model_environment(engine_model(c->api->e), c->arg[0])) {
		call_failf(c, RC_NOT_FOUND, "there is no environment %s", c->arg[0]);
		return;
	}
	h->unit = unit && *unit ? xstrdup(unit) : NULL;
	catalog_look(c, SHELF(SHELF_ROLLOUTS) | SHELF(SHELF_RELEASES), looked);
}
