/*
 * GET runs, releases, rollouts, incidents: pages, filtered and sorted. Things that have names: named.c.
 *
 *	{"runs":[{...}, ...],"next":"i120"}	next is left out on the last page; ?cursor= takes it back
 *
 * ?limit= (20, at most 1,000) ?cursor= ?sort=id|-id|created|-created|duration|-duration (-id, newest first, when it is not given)
 * ?state= may name several, with commas.
 * runs:      ?state= ?repo= ?branch= ?ref= ?author= (name or address) ?kind=push|pull_request|... ?since= ?until= (usec, when it was made) ?text= (in the subject, any case)
 * releases:  ?state= ?repo= ?branch= ?author= ?unit= ?environment= (where it is, or went last) ?run= ?since= ?until= ?text=
 * rollouts:  ?state= ?environment= ?unit= ?release= ?since= ?until=
 * incidents: ?state= ?environment= ?unit= ?release= ?rollout= ?since= ?until= ?text= (in the title)
 *
 * A cursor names the last thing of its page, not a place in a row: what arrives meanwhile moves nothing. A page without filters is read by its numbers; for
 * filters and durations the catalog is asked.
 */
#include "api/catalog.h"

enum order { BY_ID, BY_DURATION };
struct filter {
	enum shelf_kind kind;
	uint32_t states; /* bits; 0: any */
	int change;      /* -1: any */
	bool any;        /* something is asked for */
	bool up;         /* lowest first */
	enum order by;
	const char *repo, *branch, *ref, *author, *text, *unit, *environment;
	uint32_t run, release, rollout;
	uint64_t since, until, limit;
	bool resumes;
	uint64_t key, number; /* cursor */
};

struct entry {
	uint32_t number;
	uint64_t key;
	char *json; /* NULL: the store has it */
};
struct list {
	struct filter f;
	VEC(struct entry) entries;
	bool more;
};

static void free_list(void *data)
{
	struct list *l = data;

	vec_each(e, &l->entries)
		xfree(e->json);
	vec_done(&l->entries);
	xfree(l);
}

/* ---- what is asked for ---- */

static const struct {
	const char *const *names;
	size_t n;
} states[SHELVES] = {
	[SHELF_RUNS] = {run_state_names, ARRAY_LEN(run_state_names)},
	[SHELF_RELEASES] = {release_state_names, ARRAY_LEN(release_state_names)},
	[SHELF_ROLLOUTS] = {rollout_state_names, ARRAY_LEN(rollout_state_names)},
	[SHELF_INCIDENTS] = {incident_state_names, ARRAY_LEN(incident_state_names)},
};

static bool ask_name(struct call *c, const char *key, const char *const *names, size_t n, int *ret)
{
	const char *text = request_query(c->r, key);

	if (!text || !*text)
		return true;
	for (size_t i = 0; i < n; i++)
		if (streq(names[i], text)) {
			*ret = (int)i;
			return true;
		}
	const char *near = str_nearest(str_of(text), names, n);
	call_failf(c, RC_INVALID, "?%s=%.40s is not known here%s%s%s", key, text,
		   near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return false;
}

static bool ask_states(struct call *c, struct filter *f)
{
	const char *text = request_query(c->r, "state");
	struct str rest = str_of(text);

	while (text && *text && rest.p) {
		struct str name = str_cut(&rest, ',');
		size_t i = 0;

		while (i < states[f->kind].n && !str_is(name, states[f->kind].names[i]))
			i++;
		if (i == states[f->kind].n) {
			const char *near = str_nearest(name, states[f->kind].names, i);

			call_failf(c, RC_INVALID, "?state=%.80s is not known here%s%s%s", text,
				   near ? "; did you mean " : "", near ? near : "",
				   near ? "?" : "");
			return false;
		}
		f->states |= 1u << i;
	}
	return true;
}

static const char *ask_text(const struct call *c, const char *key)
{
	const char *text = request_query(c->r, key);

	return text && *text ? text : NULL;
}

/* ?run=run-7 */
static bool ask_number(struct call *c, const char *key, uint32_t *ret)
{
	const char *text = ask_text(c, key);

	if (!text)
		return true;
	*ret = catalog_number(text);
	if (*ret)
		return true;
	call_failf(c, RC_INVALID, "?%s= takes an id that ends in a number, not \"%.40s\"", key,
		   text);
	return false;
}

static bool ask_sort(struct call *c, struct filter *f)
{
	static const char *const names[] = {"-id", "-created", "-duration",
					    "id",  "created",  "duration"};
	int at = 0;

	if (!ask_name(c, "sort", names, ARRAY_LEN(names), &at))
		return false;
	f->up = at >= 3;
	f->by = at % 3 == 2 ? BY_DURATION : BY_ID; /* numbers are given in order of time */
	return true;
}

/* "i120", "d5000.120": the sort it belongs to, the key of the last thing and its number. */
static bool ask_cursor(struct call *c, struct filter *f)
{
	const char *text = ask_text(c, "cursor");
	struct str rest = str_of(text ? text + 1 : "");

	if (!text)
		return true;
	if (f->by == BY_ID && *text == (f->up ? 'u' : 'i'))
		f->resumes = parse_u64(rest, &f->number);
	else if (f->by == BY_DURATION && *text == (f->up ? 'e' : 'd'))
		f->resumes = parse_u64(str_cut(&rest, '.'), &f->key) && rest.p &&
			     parse_u64(rest, &f->number);
	if (f->resumes)
		return true;
	call_failf(c, RC_INVALID,
		   "?cursor= takes the `next` of an answer with the same ?sort=, not \"%.40s\"",
		   text);
	return false; /* c and f are gone */
}

static bool ask_filter(struct call *c, struct filter *f)
{
	f->change = -1;
	if (!call_number(c, "limit", 20, WIRE_LIST_MAX, &f->limit) ||
	    !call_number(c, "since", 0, INT64_MAX, &f->since) ||
	    !call_number(c, "until", 0, INT64_MAX, &f->until) || !ask_states(c, f) ||
	    !ask_name(c, "kind", change_kind_names, ARRAY_LEN(change_kind_names), &f->change) ||
	    !ask_number(c, "run", &f->run) || !ask_number(c, "release", &f->release) ||
	    !ask_number(c, "rollout", &f->rollout) || !ask_sort(c, f) || !ask_cursor(c, f))
		return false;
	f->repo = ask_text(c, "repo");
	f->branch = ask_text(c, "branch");
	f->ref = ask_text(c, "ref");
	f->author = ask_text(c, "author");
	f->text = ask_text(c, "text");
	f->unit = ask_text(c, "unit");
	f->environment = ask_text(c, "environment");
	f->any = f->states || f->change >= 0 || f->run || f->release || f->rollout || f->since ||
		 f->until || f->repo || f->branch || f->ref || f->author || f->text || f->unit ||
		 f->environment;
	return true;
}

/* ---- choosing ---- */

static bool text_holds(const char *text, const char *part)
{
	return text && strcasestr(text, part);
}

static bool is_on(const struct row *r, const char *branch)
{
	return r->ref && str_starts(str_of(r->ref), "refs/heads/") &&
	       streq(r->ref + strlen("refs/heads/"), branch);
}

static bool has_unit(const struct row *r, const char *unit)
{
	for (uint32_t i = 0; i < r->n_units; i++)
		if (streq(r->units[i], unit))
			return true;
	return streq(r->unit, unit);
}

static bool fits(const struct filter *f, const struct row *r)
{
	return (!f->states || (f->states >> r->state & 1)) &&
	       (f->change < 0 || (int)r->change == f->change) && (!f->run || r->run == f->run) &&
	       (!f->release || r->release == f->release) &&
	       (!f->rollout || r->rollout == f->rollout) && r->at >= f->since &&
	       (!f->until || r->at < f->until) && (!f->repo || streq(r->repo, f->repo)) &&
	       (!f->ref || streq(r->ref, f->ref)) && (!f->branch || is_on(r, f->branch)) &&
	       (!f->author || streq(r->author, f->author) || streq(r->email, f->author)) &&
	       (!f->environment || streq(r->environment, f->environment)) &&
	       (!f->unit || has_unit(r, f->unit)) && (!f->text || text_holds(r->subject, f->text));
}

static uint64_t key_of(const struct filter *f, const struct row *r)
{
	if (f->by == BY_ID)
		return r->number;
	return r->at && r->ended_at > r->at ? r->ended_at - r->at : 0;
}

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* Does it stand behind the cursor? */
static bool is_behind(const struct filter *f, const struct entry *e)
{
	struct entry at = {.number = (uint32_t)f->number,
			   .key = f->by == BY_ID ? f->number : f->key};
	int order = by_key(e, &at);

	return !f->resumes || (f->up ? order > 0 : order < 0);
}

static void choose(struct list *l, const struct api *api)
{
	const struct filter *f = &l->f;
	uint32_t first, last;

	catalog_span(api, f->kind, &first, &last);
	for (uint64_t k = 0; k + first <= last; k++) {
		uint64_t number = f->up ? first + k : last - k;
		const struct row *r = catalog_row(api, f->kind, number);

		if (!r || !fits(f, r))
			continue;
		struct entry e = {.number = r->number, .key = key_of(f, r)};
		if (!is_behind(f, &e))
			continue;
		vec_push(&l->entries, e);
		if (f->by == BY_ID && l->entries.n > f->limit)
			break;
	}
	if (f->by == BY_DURATION && l->entries.n) {
		qsort(l->entries.v, l->entries.n, sizeof(*l->entries.v), by_key);
		for (size_t i = 0, j = l->entries.n - 1; !f->up && i < j; i++, j--) {
			struct entry swap = l->entries.v[i];
			l->entries.v[i] = l->entries.v[j];
			l->entries.v[j] = swap;
		}
	}
	l->more = l->entries.n > f->limit;
	l->entries.n = MIN_OF(l->entries.n, (size_t)f->limit);
}

/* Without filters the numbers are the page. */
static void count_off(struct list *l, uint32_t given)
{
	const struct filter *f = &l->f;
	uint64_t at = f->up ? (f->resumes ? f->number + 1 : 1)
			    : (f->resumes ? MIN_OF(f->number, (uint64_t)given + 1) : given + 1ull);

	while (l->entries.n < f->limit && (f->up ? at <= given : at > 1)) {
		uint64_t number = f->up ? at++ : --at;

		vec_push(&l->entries, ((struct entry){.number = (uint32_t)number, .key = number}));
	}
	l->more = f->up ? at <= given : at > 1;
}

/* ---- answering ---- */

static void write_list(struct call *c, const struct list *l)
{
	struct json_out o = JSON_OUT(&c->out);
	const struct entry *last = l->entries.n ? vec_last(&l->entries) : NULL;

	json_open(&o, NULL);
	json_list(&o, c->arg[0]);
	for (size_t i = 0; i < l->entries.n; i++)
		if (*l->entries.v[i].json)
			json_raw(&o, NULL, str_of(l->entries.v[i].json));
	json_unlist(&o);
	if (l->more && last) {
		AUTO(freep)
		char *next = l->f.by == BY_ID
				     ? xasprintf("%c%u", l->f.up ? 'u' : 'i', last->number)
				     : xasprintf("%c%llu.%u", l->f.up ? 'e' : 'd',
						 (unsigned long long)last->key, last->number);
		json_cstr(&o, "next", next);
	}
	json_close(&o);
}

static void read_rest(struct call *c)
{
	struct list *l = c->data;
	struct store *store = engine_world(c->api->e)->store;
	enum aggregate_kind kind = catalog_aggregate(l->f.kind);

	for (size_t i = 0; i < l->entries.n; i++) {
		struct entry *e = &l->entries.v[i];
		AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX), text = STRBUF(TEXT_MAX);
		AUTO(freep) char *id = catalog_id(l->f.kind, e->number);
		struct json_out o = JSON_OUT(&text);

		if (e->json)
			continue;
		c->rc = store_get(store, str_of(aggregate_kind_names[kind]), str_of(id), &json,
				  &c->err);
		if (c->rc == RC_NOT_FOUND) { /* before this journal began */
			e->json = xstrdup("");
			c->rc = RC_OK;
			continue;
		}
		if (c->rc == RC_OK && !thing_write_stored(&o, kind, strbuf_str(&json), &c->err))
			c->rc = err_wrap(&c->err, "%s", id);
		if (c->rc != RC_OK)
			return;
		e->json = strbuf_take(&text);
	}
	write_list(c, l);
}

static void answer(struct call *c, struct list *l)
{
	const struct model *m = engine_model(c->api->e);
	enum aggregate_kind kind = catalog_aggregate(l->f.kind);
	size_t missing = 0;

	vec_each(e, &l->entries) {
		AUTO(freep) char *id = catalog_id(l->f.kind, e->number);
		AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_MAX);
		struct json_out o = JSON_OUT(&text);
		const void *thing = model_get(m, kind, id);

		missing += !thing;
		if (!thing)
			continue;
		thing_write(&o, NULL, kind, thing);
		e->json = strbuf_take(&text);
	}
	if (missing) {
		call_work(c, read_rest);
		return;
	}
	write_list(c, l);
	call_json(c, 200, &c->out);
}

static void looked(struct call *c)
{
	struct list *l = c->data;

	choose(l, c->api);
	answer(c, l);
}

void get_list(struct call *c)
{
	enum aggregate_kind kind = thing_kind(c->arg[0]);
	unsigned shelf = 0;

	while (catalog_aggregate((enum shelf_kind)shelf) != kind)
		shelf++;
	struct list *l = xcalloc(1, sizeof(*l));
	l->f.kind = (enum shelf_kind)shelf;
	c->data = l;
	c->free_data = free_list;
	if (!ask_filter(c, &l->f))
		return;
	if (l->f.any || l->f.by != BY_ID) {
		catalog_look(c, SHELF(shelf), looked);
		return;
	}
	count_off(l, catalog_given(engine_model(c->api->e), l->f.kind));
	answer(c, l);
}
