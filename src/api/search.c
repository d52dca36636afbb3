/*
 * GET search?q=: for a box that leads anywhere. ?limit= (10 of each kind, at most 50).
 *
 *	{"q":"cart","hits":[{"kind":"run|release|rollout|incident|environment|service|library|branch|job","id":"run-7","title":"...","state":"passed","at":usec}]}
 *
 * Found are: an id as it is written, or its number; a commit by its first 4 digits or more; names of services, environments and branches that hold the text;
 * subjects of changes and titles of incidents that hold it, newest first. Ids and names stand before subjects. Letters' case does not count.
 */
#include "api/catalog.h"
#include "api/reads.h"

#define LIMIT     10
#define LIMIT_MAX 50
#define QUERY_MAX 200

struct search {
	struct call *c;
	struct json_out o;
	const char *q;
	uint64_t limit;
};

static bool holds(const char *text, const char *q)
{
	return text && strcasestr(text, q);
}

static void hit(struct search *s, const char *kind, const char *id, const char *title,
		const char *state, uint64_t at)
{
	json_open(&s->o, NULL);
	json_cstr(&s->o, "kind", kind);
	json_cstr(&s->o, "id", id);
	json_word(&s->o, "title", title);
	json_word(&s->o, "state", state);
	json_some(&s->o, "at", at);
	json_close(&s->o);
}

static const char *state_of(enum shelf_kind kind, const struct row *r)
{
	switch (kind) {
	case SHELF_RUNS:
		return run_state_names[r->state];
	case SHELF_RELEASES:
		return release_state_names[r->state];
	case SHELF_ROLLOUTS:
		return rollout_state_names[r->state];
	case SHELF_INCIDENTS:
	case SHELVES:
		break;
	}
	return incident_state_names[r->state];
}

static void hit_row(struct search *s, enum shelf_kind kind, const struct row *r)
{
	static const char *const names[SHELVES] = {"run", "release", "rollout", "incident"};
	AUTO(freep) char *id = catalog_id(kind, r->number);
	AUTO(freep)
	char *where = kind == SHELF_ROLLOUTS ? xasprintf("%s in %s", r->unit ? r->unit : "-",
							 r->environment ? r->environment : "-")
					     : NULL;

	hit(s, names[kind], id, where ? where : r->subject, state_of(kind, r), r->at);
}

/* "run-7", "7", "#7" */
static bool is_id(const struct search *s, enum shelf_kind kind, const struct row *r)
{
	AUTO(freep) char *id = catalog_id(kind, r->number);
	uint32_t number;

	return strcasecmp(id, s->q) == 0 ||
	       (parse_u32(str_of(s->q + (*s->q == '#')), &number) && number == r->number);
}

static bool is_commit(const struct row *r, const char *q)
{
	size_t n = strlen(q);

	return r->commit && n >= 4 && n <= 40 && strncasecmp(r->commit, q, n) == 0;
}

static void find_ids(struct search *s)
{
	uint32_t number = catalog_number(s->q);

	if (!number && !parse_u32(str_of(s->q + (*s->q == '#')), &number))
		return;
	for (unsigned k = 0; k < SHELVES; k++) {
		const struct row *r = catalog_row(s->c->api, (enum shelf_kind)k, number);

		if (r && is_id(s, (enum shelf_kind)k, r))
			hit_row(s, (enum shelf_kind)k, r);
	}
}

/* A job's whole id. */
static void find_job(struct search *s)
{
	const struct job *job = model_job(engine_model(s->c->api->e), s->q);

	if (job)
		hit(s, "job", job->id, job->name, job_state_names[job->state], job->started_at);
}

static void find_names(struct search *s)
{
	const struct model *m = engine_model(s->c->api->e);
	uint64_t n = 0;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_ENVIRONMENT], e));)
		if (holds(e->key, s->q) && n++ < s->limit)
			hit(s, "environment", e->key, NULL, NULL, 0);
	n = 0;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_CONFIG], e));) {
		const struct config_ref *ref = e->value;
		bool newest = streq(model_project(m)->config, ref->id);

		for (struct map_entry *at = NULL; (at = map_next(&m->by_kind[AGG_SOURCE], at));)
			newest |= streq(((const struct project_repo *)at->value)->config, ref->id);
		vec_each(u, &ref->config.units)
			if (newest && holds(u->name, s->q) && n++ < s->limit)
				hit(s, u->library ? "library" : "service", u->name, u->path, NULL,
				    0);
	}
	n = 0;
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_SOURCE], e));) {
		const struct project_repo *src = e->value;

		vec_each(ref, &src->refs)
			if (str_starts(str_of(ref->ref), "refs/heads/") &&
			    holds(branch_of(ref->ref), s->q) && n++ < s->limit)
				hit(s, "branch", branch_of(ref->ref), src->id, NULL, 0);
	}
}

static void find_texts(struct search *s)
{
	for (unsigned k = 0; k < SHELVES; k++) {
		uint32_t first, last;
		uint64_t n = 0;

		catalog_span(s->c->api, (enum shelf_kind)k, &first, &last);
		for (uint32_t number = last; number >= first && number && n < s->limit; number--) {
			const struct row *r = catalog_row(s->c->api, (enum shelf_kind)k, number);

			if (!r || !(is_commit(r, s->q) || holds(r->subject, s->q)) ||
			    is_id(s, (enum shelf_kind)k, r)) /* it was told of before */
				continue;
			hit_row(s, (enum shelf_kind)k, r);
			n++;
		}
	}
}

static void looked(struct call *c)
{
	struct search s = {.c = c, .o = JSON_OUT(&c->out), .q = request_query(c->r, "q")};

	if (!call_number(c, "limit", LIMIT, LIMIT_MAX, &s.limit))
		return;
	json_open(&s.o, NULL);
	json_cstr(&s.o, "q", s.q);
	json_list(&s.o, "hits");
	find_ids(&s);
	find_job(&s);
	if (model_project(engine_model(c->api->e)))
		find_names(&s);
	find_texts(&s);
	json_unlist(&s.o);
	json_close(&s.o);
	call_json(c, 200, &c->out);
}

void get_search(struct call *c)
{
	const char *q = request_query(c->r, "q");

	if (!q || !*q || strlen(q) > QUERY_MAX) {
		call_failf(c, RC_INVALID, "?q= takes what to look for, at most %u bytes",
			   QUERY_MAX);
		return;
	}
	catalog_look(c,
		     SHELF(SHELF_RUNS) | SHELF(SHELF_RELEASES) | SHELF(SHELF_ROLLOUTS) |
			     SHELF(SHELF_INCIDENTS),
		     looked);
}
