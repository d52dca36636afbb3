/* Aggregates as they are: from memory first, ended ones from the store. */
#include "api/api_impl.h"

/* Also when it is the first of its names, which a shape leaves out. */
static const char *state_name(enum aggregate_kind kind, const void *thing)
{
	switch (kind) {
	case AGG_RUN:
		return run_state_names[((const struct run *)thing)->state];
	case AGG_JOB:
		return job_state_names[((const struct job *)thing)->state];
	case AGG_RELEASE:
		return release_state_names[((const struct release *)thing)->state];
	case AGG_ROLLOUT:
		return rollout_state_names[((const struct rollout *)thing)->state];
	case AGG_INCIDENT:
		return incident_state_names[((const struct incident *)thing)->state];
	case AGG_AGENT:
		return agent_state_names[((const struct agent *)thing)->state];
	case AGG_QUEUE:
		return queue_state_names[((const struct merge_queue *)thing)->state];
	case AGG_PROJECT:
	case AGG_CONFIG:
	case AGG_ENVIRONMENT:
	case AGG_HISTORY:
	case AGG_SOURCE:
	case AGG_USER:
	case AGG_TOKEN:
	case AGG_SESSION:
	case AGG_GRANT:
	case AGG_KINDS:
		break;
	}
	return NULL;
}

/* A shape leaves out what is first of its names: the state stands before it then. */
static bool says_state(enum aggregate_kind kind, const void *thing)
{
	const char *const *const firsts[AGG_KINDS] = {
		[AGG_RUN] = run_state_names,           [AGG_JOB] = job_state_names,
		[AGG_RELEASE] = release_state_names,   [AGG_ROLLOUT] = rollout_state_names,
		[AGG_INCIDENT] = incident_state_names, [AGG_AGENT] = agent_state_names,
		[AGG_QUEUE] = queue_state_names};

	return !firsts[kind] || !streq(firsts[kind][0], state_name(kind, thing));
}

void thing_open(struct json_out *o, const char *key, enum aggregate_kind kind, const void *thing)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_MAX);
	struct json_out inner = JSON_OUT(&text);
	struct rollout ro;
	struct token token;
	struct session session;

	if (kind ==
	    AGG_ROLLOUT) { /* the verdict's saved state is long and nobody's to read; its numbers stay */
		ro = *(const struct rollout *)thing;
		ro.verdict = NULL;
		thing = &ro;
	} else if (kind == AGG_TOKEN) { /* not even the hash of a secret is anybody's */
		token = *(const struct token *)thing;
		token.digest = NULL;
		thing = &token;
	} else if (kind == AGG_SESSION) {
		session = *(const struct session *)thing;
		session.digest = NULL;
		thing = &session;
	}
	shape_write(&inner, NULL, aggregate_shapes[kind], thing);
	json_open(o, key);
	if (!says_state(kind, thing))
		json_cstr(o, "state", state_name(kind, thing));
	if (text.n > 2) {
		if (o->comma)
			strbuf_addc(o->to, ',');
		strbuf_add(o->to, text.p + 1, text.n - 2);
		o->comma = true;
	}
}

void thing_write(struct json_out *o, const char *key, enum aggregate_kind kind, const void *thing)
{
	thing_open(o, key, kind, thing);
	json_close(o);
}

static bool write_stored(struct json_out *o, enum aggregate_kind kind, struct str json,
			 struct err *err)
{
	void *thing = xcalloc(1, aggregate_shapes[kind]->size);
	bool ok = shape_parse(json, TEXT_MAX, aggregate_shapes[kind], thing, err) == RC_OK;

	if (ok)
		thing_write(o, NULL, kind, thing);
	shape_done(aggregate_shapes[kind], thing);
	xfree(thing);
	return ok;
}

/* ---- one ---- */

static const struct {
	const char *plural;
	enum aggregate_kind kind;
} kinds[] = {
	{"runs", AGG_RUN},
	{"releases", AGG_RELEASE},
	{"rollouts", AGG_ROLLOUT},
	{"incidents", AGG_INCIDENT},
	{"environments", AGG_ENVIRONMENT},
	{"jobs", AGG_JOB},
	{"agents", AGG_AGENT},
	{"queues", AGG_QUEUE},
	{"history", AGG_HISTORY},
	{"users", AGG_USER},
	{"tokens", AGG_TOKEN},
	{"sessions", AGG_SESSION},
	{"grants", AGG_GRANT},
};

static enum aggregate_kind kind_of(const char *plural)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (streq(kinds[i].plural, plural))
			return kinds[i].kind;
	return AGG_KINDS;
}

static void read_thing(struct call *c)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	struct json_out o = JSON_OUT(&c->out);
	enum aggregate_kind kind = kind_of(c->arg[0]);
	struct store *store = engine_world(c->api->e)->store;

	c->rc = store_get(store, str_of(aggregate_kind_names[kind]), str_of(c->arg[1]), &json,
			  &c->err);
	if (c->rc == RC_NOT_FOUND)
		c->rc = err_set(&c->err, RC_NOT_FOUND, "there is no %s %s",
				aggregate_kind_names[kind], c->arg[1]);
	if (c->rc == RC_OK && !write_stored(&o, kind, strbuf_str(&json), &c->err))
		c->rc = err_wrap(&c->err, "%s", c->arg[1]);
}

void get_thing(struct call *c)
{
	struct json_out o = JSON_OUT(&c->out);
	enum aggregate_kind kind = kind_of(c->arg[0]);
	const void *thing = model_get(engine_model(c->api->e), kind, c->arg[1]);

	if (!thing) {
		call_work(c, read_thing);
		return;
	}
	thing_write(&o, NULL, kind, thing);
	call_json(c, 200, &c->out);
}

/* ---- lists ---- */

struct item {
	uint64_t number;
	char *json;
};
struct list {
	enum aggregate_kind kind;
	uint64_t limit;
	VEC(struct item) items; /* what memory has, newest first */
	struct err *err;
	bool failed;
};

static void free_list(void *data)
{
	struct list *l = data;

	vec_each(item, &l->items)
		xfree(item->json);
	vec_done(&l->items);
	xfree(l);
}

/* What has a name instead of a number: all of it is in memory, in its own order. */
static bool is_named(enum aggregate_kind kind)
{
	return kind == AGG_ENVIRONMENT || kind == AGG_AGENT || kind == AGG_QUEUE ||
	       kind == AGG_HISTORY || kind >= AGG_USER;
}

/* "run-12" -> 12 */
static uint64_t number_of(struct str id)
{
	uint64_t n = 0;

	while (id.n && memchr(id.p, '-', id.n))
		(void)str_cut(&id, '-');
	return parse_u64(id, &n) ? n : 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->number < y->number) - (x->number > y->number);
}

static void write_list(struct call *c)
{
	struct list *l = c->data;
	struct json_out o = JSON_OUT(&c->out);

	if (l->items.n && !is_named(l->kind))
		qsort(l->items.v, l->items.n, sizeof(*l->items.v), newest_first);
	json_open(&o, NULL);
	json_list(&o, c->arg[0]);
	for (size_t i = 0; i < l->items.n && i < l->limit; i++)
		json_raw(&o, NULL, str_of(l->items.v[i].json));
	json_unlist(&o);
	json_close(&o);
}

static bool add_stored(void *ctx, const struct store_snapshot *snap)
{
	struct list *l = ctx;
	uint64_t number = number_of(snap->id);
	AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_MAX);
	struct json_out o = JSON_OUT(&text);

	vec_each(item, &l->items)
		if (item->number == number)
			return true;
	if (!write_stored(&o, l->kind, snap->json, l->err)) {
		l->failed = true;
		return false;
	}
	vec_push(&l->items, ((struct item){number, strbuf_take(&text)}));
	return true;
}

static void read_list(struct call *c)
{
	struct list *l = c->data;

	l->err = &c->err;
	c->rc = store_list(engine_world(c->api->e)->store, str_of(aggregate_kind_names[l->kind]),
			   (uint32_t)l->limit, add_stored, l, &c->err);
	if (c->rc == RC_OK && l->failed)
		c->rc = err_wrap(&c->err, "%s", c->arg[0]);
	if (c->rc == RC_OK)
		write_list(c);
}

static void add_from_memory(struct list *l, const struct model *m)
{
	const struct map *all = &m->by_kind[l->kind];
	uint64_t skip = all->n > l->limit && !is_named(l->kind) ? all->n - l->limit : 0;

	for (struct map_entry *e = NULL; (e = map_next(all, e));) {
		AUTO(strbuf_done) struct strbuf text = STRBUF(TEXT_MAX);
		struct json_out o = JSON_OUT(&text);

		if (skip) {
			skip--;
			continue;
		}
		if (is_named(l->kind) && model_is_ended(m, l->kind, e->key))
			continue;
		thing_write(&o, NULL, l->kind, e->value);
		vec_push(&l->items,
			 ((struct item){is_named(l->kind) ? 0 : number_of(str_of(e->key)),
					strbuf_take(&text)}));
	}
}

/* Ids are dense: when the newest ones are all here, the store has nothing to add. */
static bool is_whole(const struct list *l, const struct model *m)
{
	const struct project *p = model_project(m);
	uint32_t given[AGG_KINDS] = {0};

	if (is_named(l->kind) || !p)
		return true;
	given[AGG_RUN] = p->runs;
	given[AGG_RELEASE] = p->releases;
	given[AGG_ROLLOUT] = p->rollouts;
	given[AGG_INCIDENT] = p->incidents;
	uint64_t want = MIN_OF((uint64_t)given[l->kind], l->limit);

	return l->items.n >= want &&
	       (want == 0 || l->items.v[l->items.n - want].number + want > given[l->kind]);
}

void get_list(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	uint64_t limit;

	if (!call_number(c, "limit", is_named(kind_of(c->arg[0])) ? WIRE_LIST_MAX : 20,
			 WIRE_LIST_MAX, &limit))
		return;
	struct list *l = xcalloc(1, sizeof(*l));
	*l = (struct list){.kind = kind_of(c->arg[0]), .limit = limit};
	c->data = l;
	c->free_data = free_list;
	add_from_memory(l, m);
	if (!is_whole(l, m)) {
		call_work(c, read_list);
		return;
	}
	write_list(c);
	call_json(c, 200, &c->out);
}

/* ---- runs by the clock ---- */

void get_schedules(struct call *c)
{
	const struct project *p = model_project(engine_model(c->api->e));
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_list(&o, "schedules");
	for (size_t i = 0; p && i < p->schedules.n; i++) {
		const struct schedule_ref *s = &p->schedules.v[i];

		json_open(&o, NULL);
		json_cstr(&o, "repo", s->repo);
		json_cstr(&o, "cron", s->cron);
		json_cstr(&o, "zone", s->zone ? s->zone : "UTC");
		json_cstr(&o, "branch", s->branch);
		if (s->next != USEC_NEVER)
			json_u64(&o, "next", s->next);
		if (s->last)
			json_cstr(&o, "last", s->last);
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
	call_json(c, 200, &c->out);
}

/* ---- the jobs of a run ---- */

struct jobs {
	struct json_out o;
	char *prefix, *ci;
	uint32_t left; /* jobs of stage ci, the first ones that a run has */
	struct err *err;
	bool failed;
};

static void free_jobs(void *data)
{
	struct jobs *j = data;

	xfree(j->prefix);
	xfree(j->ci);
	xfree(j);
}

static bool add_job(void *ctx, const struct store_snapshot *snap)
{
	struct jobs *j = ctx;

	if (!str_starts(snap->id, j->prefix))
		return true;
	if (!write_stored(&j->o, AGG_JOB, snap->json, j->err)) {
		j->failed = true;
		return false;
	}
	j->left -= str_starts(snap->id, j->ci);
	return j->left > 0;
}

/* They come newest first: what stands before the first ones of this run is other runs'. */
static void read_jobs(struct call *c)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(TEXT_MAX);
	struct store *store = engine_world(c->api->e)->store;
	struct jobs *j = c->data;
	struct run run = {0};

	c->rc = store_get(store, STR("run"), str_of(c->arg[0]), &json, &c->err);
	if (c->rc == RC_NOT_FOUND)
		c->rc = err_set(&c->err, RC_NOT_FOUND, "there is no run %s", c->arg[0]);
	if (c->rc == RC_OK)
		c->rc = shape_parse(strbuf_str(&json), TEXT_MAX, aggregate_shapes[AGG_RUN], &run,
				    &c->err);
	if (c->rc != RC_OK)
		return;
	j->left = run.jobs;
	j->err = &c->err;
	shape_done(aggregate_shapes[AGG_RUN], &run);
	json_open(&j->o, NULL);
	json_list(&j->o, "jobs");
	if (j->left)
		c->rc = store_list(store, STR("job"), UINT32_MAX, add_job, j, &c->err);
	if (c->rc == RC_OK && j->failed)
		c->rc = err_wrap(&c->err, "jobs of %s", c->arg[0]);
	json_unlist(&j->o);
	json_close(&j->o);
}

void get_run_jobs(struct call *c)
{
	const struct model *m = engine_model(c->api->e);
	struct json_out o = JSON_OUT(&c->out);

	if (!model_run(m, c->arg[0])) {
		struct jobs *j = xcalloc(1, sizeof(*j));

		*j = (struct jobs){.o = JSON_OUT(&c->out),
				   .prefix = xasprintf("%s/", c->arg[0]),
				   .ci = xasprintf("%s/ci/", c->arg[0])};
		c->data = j;
		c->free_data = free_jobs;
		call_work(c, read_jobs);
		return;
	}
	json_open(&o, NULL);
	json_list(&o, "jobs");
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (streq(job->run, c->arg[0]))
			thing_write(&o, NULL, AGG_JOB, job);
	}
	json_unlist(&o);
	json_close(&o);
	call_json(c, 200, &c->out);
}
