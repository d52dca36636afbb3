#include "api/catalog.h"

struct numbers {
	VEC(uint32_t) list;
	bool mixed; /* not lowest first yet: a store is read from its newest on */
};
struct shelf {
	bool loaded;
	uint32_t base; /* rows.v[0] is number base + 1 */
	VEC(struct row) rows;
	VEC(uint32_t) held; /* numbers that the model had at the last look */
	struct map texts;
	struct map with;    /* key -> struct numbers * */
	struct map touched; /* of runs: unit -> number */
};
struct catalog {
	struct shelf shelf[SHELVES];
};

static const struct {
	enum aggregate_kind kind;
	const char *prefix;
} kinds[SHELVES] = {
	[SHELF_RUNS] = {AGG_RUN, "run"},
	[SHELF_RELEASES] = {AGG_RELEASE, "rel"},
	[SHELF_ROLLOUTS] = {AGG_ROLLOUT, "ro"},
	[SHELF_INCIDENTS] = {AGG_INCIDENT, "inc"},
};

enum aggregate_kind catalog_aggregate(enum shelf_kind kind)
{
	return kinds[kind].kind;
}

char *catalog_id(enum shelf_kind kind, uint32_t number)
{
	return xasprintf("%s-%u", kinds[kind].prefix, number);
}

uint32_t catalog_number(const char *id)
{
	const char *dash = id ? strrchr(id, '-') : NULL;
	uint32_t n = 0;

	return dash && parse_u32(str_of(dash + 1), &n) ? n : 0;
}

uint32_t catalog_given(const struct model *m, enum shelf_kind kind)
{
	const struct project *p = model_project(m);
	const uint32_t given[SHELVES] = {p ? p->runs : 0, p ? p->releases : 0, p ? p->rollouts : 0,
					 p ? p->incidents : 0};

	return given[kind];
}

bool catalog_is_final(enum shelf_kind kind, const struct row *r)
{
	switch (kind) {
	case SHELF_RUNS:
		return run_is_final((enum run_state)r->state);
	case SHELF_RELEASES:
		return release_is_final((enum release_state)r->state);
	case SHELF_ROLLOUTS:
		return rollout_is_final((enum rollout_state)r->state);
	case SHELF_INCIDENTS:
		return r->state == INCIDENT_CLOSED;
	case SHELVES:
		break;
	}
	return true;
}

/* ---- shelves ---- */

static void shelf_done(struct shelf *s)
{
	vec_each(r, &s->rows) {
		xfree(r->units);
		xfree(r->images);
	}
	vec_done(&s->rows);
	vec_done(&s->held);
	for (struct map_entry *e = NULL; (e = map_next(&s->texts, e));)
		xfree(e->value);
	map_done(&s->texts);
	for (struct map_entry *e = NULL; (e = map_next(&s->with, e));) {
		vec_done(&((struct numbers *)e->value)->list);
		xfree(e->value);
	}
	map_done(&s->with);
	map_done(&s->touched);
	*s = (struct shelf){0};
}

void catalog_free(struct catalog *c)
{
	for (unsigned i = 0; c && i < SHELVES; i++)
		shelf_done(&c->shelf[i]);
	xfree(c);
}

/* The same text is kept once: most names come again and again. */
static const char *keep(struct shelf *s, const char *text)
{
	char *kept;

	if (!text || !*text)
		return NULL;
	kept = map_get(&s->texts, str_of(text));
	if (!kept) {
		kept = xstrdup(text);
		map_put(&s->texts, str_of(text), kept);
	}
	return kept;
}

/* Named so by people: a label or a branch. */
static bool is_hotfix(const struct change *c)
{
	vec_each(label, &c->labels)
		if (streq(*label, "hotfix"))
			return true;
	return c->ref && (str_starts(str_of(c->ref), "refs/heads/hotfix/") ||
			  str_starts(str_of(c->ref), "refs/heads/hotfix-"));
}

static void take_change(struct shelf *s, struct row *r, const struct change *c)
{
	r->change = c->kind;
	r->mends = c->reverts || is_hotfix(c);
	r->pushed_at = c->pushed_at;
	r->repo = keep(s, c->repo);
	r->ref = keep(s, c->ref);
	r->commit = keep(s, c->commit);
	r->author = keep(s, c->author);
	r->email = keep(s, c->email);
	r->subject = keep(s, c->subject);
	r->base = keep(s, c->base);
	r->target = keep(s, c->target);
	r->pull = keep(s, c->number);
}

static struct row row_of_run(struct shelf *s, const struct run *run)
{
	struct row r = {.state = (uint8_t)run->state,
			.at = run->created_at,
			.ended_at = run->ended_at,
			.release = catalog_number(run->release)};

	take_change(s, &r, &run->change);
	return r;
}

static struct row row_of_release(struct shelf *s, const struct release *rel)
{
	struct row r = {.state = (uint8_t)rel->state,
			.at = rel->built_at,
			.ended_at = rel->ended_at ? rel->ended_at : rel->live_at,
			.staged_at = rel->staged_at,
			.gated_at = rel->gated_at,
			.run = catalog_number(rel->run),
			.environment = keep(s, rel->environment)};

	take_change(s, &r, &rel->change);
	r.n_units = (uint32_t)rel->items.n;
	r.units = r.n_units ? xcalloc(r.n_units, sizeof(*r.units)) : NULL;
	r.images = r.n_units ? xcalloc(r.n_units, sizeof(*r.images)) : NULL;
	for (uint32_t i = 0; i < r.n_units; i++) {
		r.units[i] = keep(s, rel->items.v[i].unit);
		r.images[i] = keep(s, rel->items.v[i].image);
	}
	return r;
}

static struct row row_of_rollout(struct shelf *s, const struct rollout *ro)
{
	return (struct row){.state = (uint8_t)ro->state,
			    .at = ro->created_at,
			    .ended_at = ro->ended_at,
			    .zero_at = ro->zero_confirmed_at,
			    .harm_at = ro->harm_at,
			    .reached_at = ro->step_at && ro->baked_at ? ro->baked_at : ro->step_at,
			    .live_at = ro->state == ROLLOUT_DONE ? ro->step_at : 0,
			    .release = catalog_number(ro->release),
			    .returns = ro->is_return,
			    .environment = keep(s, ro->environment),
			    .unit = keep(s, ro->unit),
			    .cause = keep(s, ro->cause),
			    .image = keep(s, ro->image),
			    .previous = keep(s, ro->previous)};
}

static struct row row_of_incident(struct shelf *s, const struct incident *i)
{
	return (struct row){.state = (uint8_t)i->state,
			    .at = i->opened_at,
			    .ended_at = i->closed_at,
			    .zero_at = i->mitigated_at,
			    .run = catalog_number(i->run),
			    .release = catalog_number(i->release),
			    .rollout = catalog_number(i->rollout),
			    .environment = keep(s, i->environment),
			    .unit = keep(s, i->unit),
			    .image = keep(s, i->image),
			    .subject = keep(s, i->title)};
}

/* ---- what belongs to a key ---- */

static void add_with(struct shelf *s, const char *key, uint32_t number)
{
	struct numbers *n;

	if (!key)
		return;
	n = map_get(&s->with, str_of(key));
	if (!n) {
		n = xcalloc(1, sizeof(*n));
		map_put(&s->with, str_of(key), n);
	}
	uint32_t newest = n->list.n ? *vec_last(&n->list) : 0;
	if (newest == number)
		return;
	n->mixed |= newest > number;
	vec_push(&n->list, number);
}

static int lowest_first(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void put_in_order(struct numbers *n)
{
	size_t kept = 0;

	qsort(n->list.v, n->list.n, sizeof(*n->list.v), lowest_first);
	for (size_t i = 0; i < n->list.n; i++)
		if (!kept || n->list.v[kept - 1] != n->list.v[i])
			n->list.v[kept++] = n->list.v[i];
	n->list.n = kept;
	n->mixed = false;
}

char *catalog_change(const struct row *run)
{
	return xasprintf("%s %s", run->commit ? run->commit : "-", run->repo ? run->repo : "-");
}

static void add_run(struct shelf *s, const struct row *r, const struct run *run)
{
	AUTO(freep) char *key = catalog_change(r);

	add_with(s, key, r->number);
	vec_each(unit, &run->affected) {
		uintptr_t newest = (uintptr_t)map_get(&s->touched, str_of(*unit));

		if (r->number > newest)
			map_put(&s->touched, str_of(*unit), (void *)(uintptr_t)r->number);
	}
}

/* was: the row that stood there, of which all is known already. */
static void add_keys(struct shelf *s, enum shelf_kind kind, const struct row *was,
		     const struct row *r, const void *thing)
{
	if (kind == SHELF_RUNS && !was->number)
		add_run(s, r, thing);
	else if (kind == SHELF_ROLLOUTS && !was->number)
		add_with(s, r->image, r->number);
	for (uint32_t i = 0; kind == SHELF_RELEASES && i < r->n_units; i++)
		if (i >= was->n_units || was->images[i] != r->images[i])
			add_with(s, r->images[i], r->number);
}

size_t catalog_with(const struct api *api, enum shelf_kind kind, const char *key,
		    const uint32_t **ret)
{
	struct numbers *n = map_get(&api->catalog->shelf[kind].with, str_of(key));

	if (n && n->mixed)
		put_in_order(n);
	*ret = n ? n->list.v : NULL;
	return n ? n->list.n : 0;
}

void catalog_keys(const struct api *api, enum shelf_kind kind, const char *beginning,
		  bool (*each)(void *ctx, const char *key), void *ctx)
{
	const struct map *with = &api->catalog->shelf[kind].with;
	size_t n = strlen(beginning);

	for (struct map_entry *e = NULL; (e = map_next(with, e));)
		if (strncmp(e->key, beginning, n) == 0 && !each(ctx, e->key))
			return;
}

uint32_t catalog_touched(const struct api *api, const char *unit)
{
	return (uint32_t)(uintptr_t)map_get(&api->catalog->shelf[SHELF_RUNS].touched, str_of(unit));
}

uint64_t catalog_until(const struct api *api, const struct row *rollout)
{
	uint32_t first, last;

	catalog_span(api, SHELF_ROLLOUTS, &first, &last);
	for (uint32_t n = rollout->number + 1; n <= last; n++) {
		const struct row *next = catalog_row(api, SHELF_ROLLOUTS, n);

		if (next && next->state == ROLLOUT_DONE && streq(next->unit, rollout->unit) &&
		    streq(next->environment, rollout->environment))
			return next->ended_at;
	}
	return 0;
}

/* ---- rows ---- */

static void put(struct shelf *s, enum shelf_kind kind, const char *id, const void *thing)
{
	uint32_t number = catalog_number(id);
	struct row r = {0};

	if (number <= s->base)
		return;
	switch (kind) {
	case SHELF_RUNS:
		r = row_of_run(s, thing);
		break;
	case SHELF_RELEASES:
		r = row_of_release(s, thing);
		break;
	case SHELF_ROLLOUTS:
		r = row_of_rollout(s, thing);
		break;
	case SHELF_INCIDENTS:
	case SHELVES:
		r = row_of_incident(s, thing);
		break;
	}
	r.number = number;
	while (s->rows.n < number - s->base)
		vec_add(&s->rows);
	struct row *at = &s->rows.v[number - s->base - 1];
	add_keys(s, kind, at, &r, thing);
	xfree(at->units);
	xfree(at->images);
	*at = r;
}

static enum rc put_stored(struct shelf *s, enum shelf_kind kind, const char *id, struct str json,
			  struct err *err)
{
	const struct shape *shape = aggregate_shapes[kinds[kind].kind];
	void *thing = xcalloc(1, shape->size);
	enum rc rc = shape_parse(json, TEXT_MAX, shape, thing, err);

	if (rc == RC_OK)
		put(s, kind, id, thing);
	else
		err_wrap(err, "%s", id);
	shape_done(shape, thing);
	xfree(thing);
	return rc;
}

const struct row *catalog_row(const struct api *api, enum shelf_kind kind, uint64_t number)
{
	const struct shelf *s = &api->catalog->shelf[kind];

	if (number <= s->base || number - s->base > s->rows.n)
		return NULL;
	const struct row *r = &s->rows.v[number - s->base - 1];
	return r->number ? r : NULL;
}

void catalog_span(const struct api *api, enum shelf_kind kind, uint32_t *ret_first,
		  uint32_t *ret_last)
{
	const struct shelf *s = &api->catalog->shelf[kind];

	*ret_first = s->base + 1;
	*ret_last = s->base + (uint32_t)s->rows.n;
}

/* ---- reading ---- */

struct wanted_row {
	enum shelf_kind kind;
	uint32_t number;
	char *json; /* NULL: there is none */
};
struct look {
	struct call *c;
	void (*then)(struct call *c);
	unsigned shelves;
	uint32_t given[SHELVES];
	struct shelf whole[SHELVES]; /* of those that were not there yet */
	unsigned fresh;
	VEC(struct wanted_row) rows;
	/* of the one that is being walked */
	enum shelf_kind kind;
	enum rc rc;
	struct err err;
};

static void look_free(struct look *l)
{
	for (unsigned i = 0; i < SHELVES; i++)
		shelf_done(&l->whole[i]);
	vec_each(r, &l->rows)
		xfree(r->json);
	vec_done(&l->rows);
	xfree(l);
}

static bool read_one(void *ctx, const struct store_snapshot *snap)
{
	struct look *l = ctx;
	AUTO(freep) char *id = xstrndup(snap->id.p, snap->id.n);

	l->rc = put_stored(&l->whole[l->kind], l->kind, id, snap->json, &l->err);
	return l->rc == RC_OK;
}

static enum rc read_whole(struct look *l, struct store *store)
{
	struct shelf *s = &l->whole[l->kind];
	uint32_t given = l->given[l->kind];

	s->loaded = true;
	s->base = given > CATALOG_MAX ? given - CATALOG_MAX : 0;
	vec_grow(&s->rows, sizeof(*s->rows.v), given - s->base + 64);
	enum rc rc = store_list(store, str_of(aggregate_kind_names[kinds[l->kind].kind]),
				CATALOG_MAX, read_one, l, &l->err);
	return rc == RC_OK ? l->rc : rc;
}

static enum rc read_row(struct wanted_row *w, struct store *store, struct err *err)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	AUTO(freep) char *id = catalog_id(w->kind, w->number);
	enum rc rc = store_get(store, str_of(aggregate_kind_names[kinds[w->kind].kind]), str_of(id),
			       &json, err);

	if (rc == RC_OK)
		w->json = strbuf_take(&json);
	return rc == RC_NOT_FOUND ? err_clear(err) : rc;
}

static void on_worker(void *arg)
{
	struct look *l = arg;
	struct store *store = engine_world(l->c->api->e)->store;

	for (unsigned k = 0; k < SHELVES && l->rc == RC_OK; k++) {
		l->kind = (enum shelf_kind)k;
		if (l->fresh & SHELF(k))
			l->rc = read_whole(l, store);
	}
	for (size_t i = 0; i < l->rows.n && l->rc == RC_OK; i++)
		l->rc = read_row(&l->rows.v[i], store, &l->err);
}

static void look_again(struct look *l);

static void back_on_loop(void *arg)
{
	struct look *l = arg;
	struct catalog *cat = l->c->api->catalog;

	for (unsigned k = 0; k < SHELVES && l->rc == RC_OK; k++)
		if ((l->fresh & SHELF(k)) && !cat->shelf[k].loaded) {
			cat->shelf[k] = l->whole[k];
			l->whole[k] = (struct shelf){0};
		}
	for (size_t i = 0; i < l->rows.n && l->rc == RC_OK; i++) {
		struct wanted_row *w = &l->rows.v[i];
		AUTO(freep) char *id = catalog_id(w->kind, w->number);

		if (w->json)
			l->rc = put_stored(&cat->shelf[w->kind], w->kind, id, str_of(w->json),
					   &l->err);
		xfree(w->json);
	}
	vec_done(&l->rows);
	l->fresh = 0;
	if (l->rc == RC_OK) {
		look_again(l); /* what became old meanwhile */
		return;
	}
	call_fail(l->c, &l->err);
	look_free(l);
}

/* What left the model since the last look, and what came and went unseen, stands in the store. */
static void look_at(struct look *l, enum shelf_kind kind, const struct model *m)
{
	struct shelf *s = &l->c->api->catalog->shelf[kind];
	const struct map *all = &m->by_kind[kinds[kind].kind];
	uint32_t known = s->base + (uint32_t)s->rows.n;

	vec_each(number, &s->held) {
		AUTO(freep) char *id = catalog_id(kind, *number);

		if (!map_get(all, str_of(id)))
			vec_push(&l->rows, ((struct wanted_row){kind, *number, NULL}));
	}
	s->held.n = 0;
	for (struct map_entry *e = NULL; (e = map_next(all, e));) {
		put(s, kind, e->key, e->value);
		vec_push(&s->held, catalog_number(e->key));
	}
	for (uint32_t n = known + 1; n <= catalog_given(m, kind); n++) {
		while (s->rows.n < n - s->base)
			vec_add(&s->rows);
		if (!s->rows.v[n - s->base - 1].number)
			vec_push(&l->rows, ((struct wanted_row){kind, n, NULL}));
	}
}

static void look_again(struct look *l)
{
	struct api *api = l->c->api;
	const struct model *m = engine_model(api->e);

	for (unsigned k = 0; k < SHELVES; k++) {
		if (!(l->shelves & SHELF(k)))
			continue;
		l->given[k] = catalog_given(m, (enum shelf_kind)k);
		if (api->catalog->shelf[k].loaded) {
			look_at(l, (enum shelf_kind)k, m);
			continue;
		}
		l->fresh |= SHELF(k);
		for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[kinds[k].kind], e));)
			vec_push(&l->whole[k].held, catalog_number(e->key));
	}
	if (l->fresh || l->rows.n) {
		api_work(api, on_worker, back_on_loop, l);
		return;
	}
	struct call *c = l->c;
	void (*then)(struct call *) = l->then;
	look_free(l);
	then(c);
}

void catalog_look(struct call *c, unsigned shelves, void (*then)(struct call *c))
{
	struct look *l = xcalloc(1, sizeof(*l));

	if (!c->api->catalog)
		c->api->catalog = xcalloc(1, sizeof(*c->api->catalog));
	*l = (struct look){.c = c, .then = then, .shelves = shelves};
	look_again(l);
}
