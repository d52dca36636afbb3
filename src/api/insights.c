/*
 * GET insights?since=&until=&unit=&environment=: how delivery goes. since: 30 days before until, until: now, when they are not given; at most 800 days.
 *
 *	{"since","until","unit","environment",
 *	 "dora":{"all":{N},"units":[{"unit",N}],"days":[{"day",N,"rollouts":["ro-7"]}]},
 *		N: "deploys","failed","rework","per_day","fail_rate","rework_rate","lead_p50","lead_p95","recovered","recovery_p50","recovery_p95"
 *	 "definitions":{"lead":"...", ...},	what each number is; times are usec, days begin at 00:00 UTC
 *	 "stages":[{"stage":"ci|staging|gate|production","n","p50","p95"}],	how long each took
 *	 "runs":{"n","passed","failed"},
 *	 "cache":{"jobs","hits","rate","saved"},	saved: usec that the hits would have taken, by history
 *	 "queue":{"n","p50","p95"},			jobs, from ready to started
 *	 "days":[{"day","runs","passed","failed","ci_p50","jobs","hits","saved","queue_p50"}],
 *	 "flaky":[{"test","unit","job","count","last_at"}],"slowest":[{"unit","job","usec","runs","failed"}]}	20 of each, from history
 *
 * With ?unit=, runs, cache, queue, days and stage ci are of that service's jobs: a run counts when it had some, it failed when one of them did, and its ci
 * is from the push to the end of the last of them.
 *
 * What the jobs of a run that has ended came to is read once and kept: 120 bytes a run, of whole runs and of the services that were asked for last.
 */
#include "api/insights.h"

#define WINDOW   (30 * USEC_DAY)
#define SHOWN    20
#define DAYS_MAX ((uint64_t)800)

static const char *const stage_keys[] = {"ci", "staging", "gate", "production"};

static void free_insight(void *data)
{
	struct insight *x = data;

	vec_done(&x->here);
	vec_done(&x->wanted);
	vec_done(&x->far);
	vec_done(&x->read);
	map_done(&x->usual);
	xfree(x);
}

void insights_free(struct insights *i)
{
	if (!i)
		return;
	for (size_t k = 0; k < ARRAY_LEN(i->kept); k++) {
		xfree(i->kept[k].unit);
		vec_done(&i->kept[k].runs);
	}
	xfree(i);
}

/* Whole runs have their own place; a service takes that of the one that was asked for longest ago. */
static struct kept_runs *kept_for(struct insights *i, const char *unit)
{
	struct kept_runs *oldest = &i->kept[1];

	if (!unit)
		return &i->kept[0];
	for (size_t k = 1; k < ARRAY_LEN(i->kept); k++) {
		if (streq(i->kept[k].unit, unit))
			oldest = &i->kept[k];
		else if (i->kept[k].asked < oldest->asked && !streq(oldest->unit, unit))
			oldest = &i->kept[k];
	}
	if (!streq(oldest->unit, unit)) {
		xfree(oldest->unit);
		oldest->unit = xstrdup(unit);
		vec_done(&oldest->runs);
	}
	oldest->asked = ++i->turn;
	return oldest;
}

/* ---- what jobs came to ---- */

static unsigned place_of(uint64_t usec)
{
	double bound = 1000;
	unsigned i = 0;

	while (i + 1 < WAITS && (double)usec > bound) {
		bound *= 1.4142135623730951;
		i++;
	}
	return i;
}

uint64_t waits_quantile(const uint64_t *waits, double share)
{
	uint64_t n = 0, seen = 0;
	double bound = 1000;

	for (unsigned i = 0; i < WAITS; i++)
		n += waits[i];
	for (unsigned i = 0; i < WAITS && n; i++, bound *= 1.4142135623730951) {
		seen += waits[i];
		if ((double)seen >= share * (double)n)
			return (uint64_t)bound;
	}
	return 0;
}

void stats_add(struct run_stats *s, const struct job *job, uint64_t usually)
{
	if (job->state == JOB_UNAFFECTED || job->state == JOB_SKIPPED)
		return;
	s->jobs++;
	s->failed += (job->state == JOB_FAILED || job->state == JOB_LOST) && !job->amber;
	if (job->stage == STAGE_CI)
		s->ci_end = MAX_OF(s->ci_end, job->ended_at);
	if (job->state == JOB_CACHED) {
		s->cached++;
		s->saved += usually;
	} else if (job->started_at && job->ready_at && job->started_at >= job->ready_at) {
		unsigned at = place_of(job->started_at - job->ready_at);

		s->waits[at] = (uint16_t)(s->waits[at] + (s->waits[at] < UINT16_MAX));
	}
}

static uint64_t usual_of(const struct map *usual, const struct job *job)
{
	AUTO(freep)
	char *key = xasprintf("%s/%s", job->unit && *job->unit ? job->unit : "-",
			      job->def ? job->def : job->name);

	return (uint64_t)(uintptr_t)map_get(usual, str_of(key));
}

/* Of a job only these: the rest of a snapshot is passed over. */
#define T struct job
static const struct shape_field brief_fields[] = {
	SHAPE_STR(T, unit),     SHAPE_STR(T, name),
	SHAPE_STR(T, def),      SHAPE_ENUM(T, state, job_state_names),
	SHAPE_U64(T, ready_at), SHAPE_U64(T, started_at),
	SHAPE_U64(T, ended_at), SHAPE_ENUM(T, stage, stage_names),
	SHAPE_BOOL(T, amber),
};
static const struct shape brief = SHAPE(T, brief_fields);
#undef T

struct reading {
	const struct insight *x;
	struct run_stats *to;
	enum rc rc;
	struct err *err;
};

static bool read_job(void *ctx, const struct store_snapshot *snap)
{
	struct reading *r = ctx;
	struct job job = {0};

	r->rc = shape_parse(snap->json, TEXT_MAX, &brief, &job, r->err);
	if (r->rc != RC_OK)
		return false;
	stats_add(r->to, &job, usual_of(&r->x->usual, &job));
	shape_done(&brief, &job);
	return true;
}

/* Jobs whose ids begin with this and a slash. */
static void read_below(struct call *c, struct reading *r, const char *prefix)
{
	AUTO(freep) char *from = xasprintf("%s/", prefix);
	AUTO(freep) char *to = xasprintf("%s0", prefix); /* '0' follows '/' */

	if (c->rc == RC_OK)
		c->rc = store_range(engine_world(c->api->e)->store, STR("job"), str_of(from),
				    str_of(to), UINT32_MAX, read_job, r, &c->err);
	c->rc = c->rc == RC_OK ? r->rc : c->rc;
}

static void read_runs(void *arg)
{
	struct call *c = arg;
	struct insight *x = c->data;

	for (size_t i = 0; i < x->wanted.n && c->rc == RC_OK; i++) {
		struct reading r = {.x = x, .err = &c->err};
		unsigned stages = !x->unit ? 0 : x->far.v[i] ? ARRAY_LEN(stage_keys) : 1;

		vec_add(&x->read);
		r.to = vec_last(&x->read);
		r.to->known = true;
		for (unsigned s = 0; s < stages; s++) {
			AUTO(freep)
			char *prefix =
				xasprintf("run-%u/%s/%s", x->wanted.v[i], stage_keys[s], x->unit);
			read_below(c, &r, prefix);
		}
		if (!stages) {
			AUTO(freep) char *prefix = xasprintf("run-%u", x->wanted.v[i]);
			read_below(c, &r, prefix);
		}
	}
}

/* ---- on the loop ---- */

static void learn_usual(struct insight *x, const struct model *m)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_HISTORY], e));) {
		const struct history *h = e->value;

		if (h->usec)
			map_put(&x->usual, str_of(h->id), (void *)(uintptr_t)h->usec);
	}
}

static bool in_time(const struct insight *x, uint64_t at)
{
	return at >= x->since && at < x->until;
}

static void choose_runs(struct insight *x, const struct api *api)
{
	const struct model *m = engine_model(api->e);
	const struct kept_runs *kept = kept_for(api->insights, x->unit);
	uint32_t first, last;

	catalog_span(api, SHELF_RUNS, &first, &last);
	vec_grow(&x->here, sizeof(*x->here.v), last + 1);
	while (x->here.n < last)
		vec_add(&x->here);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;
		uint32_t run = catalog_number(job->run);

		if (!run || run > last || (x->unit && !streq(job->unit, x->unit)))
			continue;
		x->here.v[run - 1].known = true;
		stats_add(&x->here.v[run - 1], job, usual_of(&x->usual, job));
	}
	for (uint32_t n = first; n <= last; n++) {
		const struct row *r = catalog_row(api, SHELF_RUNS, n);
		AUTO(freep) char *id = NULL;

		if (!r || !in_time(x, r->at) || x->here.v[n - 1].known)
			continue;
		if (n <= kept->runs.n && kept->runs.v[n - 1].known) {
			x->here.v[n - 1] = kept->runs.v[n - 1];
			continue;
		}
		id = catalog_id(SHELF_RUNS, n);
		if (!model_run(m, id)) {
			vec_push(&x->wanted, n);
			vec_push(&x->far, r->release != 0);
		}
	}
}

static void keep_read(struct insight *x, struct kept_runs *kept)
{
	for (size_t i = 0; i < x->read.n; i++) {
		uint32_t n = x->wanted.v[i];

		while (kept->runs.n < n)
			vec_add(&kept->runs);
		kept->runs.v[n - 1] = x->here.v[n - 1] = x->read.v[i];
	}
}

/* ---- writing ---- */

typedef VEC(uint64_t) times;

static void write_times(struct json_out *o, times *t)
{
	json_u64(o, "n", t->n);
	if (t->n) {
		json_u64(o, "p50", dora_quantile(t->v, t->n, 0.5));
		json_u64(o, "p95", dora_quantile(t->v, t->n, 0.95));
	}
}

static void add_time(times *to, uint64_t from, uint64_t until)
{
	if (from && until >= from)
		vec_push(to, until - from);
}

static bool has_unit(const struct row *r, const char *unit)
{
	for (uint32_t i = 0; i < r->n_units; i++)
		if (!unit || streq(r->units[i], unit))
			return true;
	return !unit;
}

/* A service's ci ends with its own last job. */
static void add_ci(times *to, const struct insight *x, const struct row *r)
{
	if (r->state == RUN_PASSED || r->state == RUN_FAILED)
		add_time(to, r->at, x->unit ? x->here.v[r->number - 1].ci_end : r->ended_at);
}

static void write_stages(struct json_out *o, const struct api *api, const struct insight *x)
{
	times stages[ARRAY_LEN(stage_keys)] = {0};
	uint32_t first, last;

	catalog_span(api, SHELF_RUNS, &first, &last);
	for (uint32_t n = first; n <= last; n++) {
		const struct row *r = catalog_row(api, SHELF_RUNS, n);

		if (r && in_time(x, r->at))
			add_ci(&stages[0], x, r);
	}
	catalog_span(api, SHELF_RELEASES, &first, &last);
	for (uint32_t n = first; n <= last; n++) {
		const struct row *r = catalog_row(api, SHELF_RELEASES, n);

		if (!r || !in_time(x, r->at) || !has_unit(r, x->unit))
			continue;
		add_time(&stages[1], r->at, r->staged_at);
		add_time(&stages[2], r->staged_at, r->gated_at);
		if (r->state == RELEASE_LIVE)
			add_time(&stages[3], r->gated_at, r->ended_at);
	}
	json_list(o, "stages");
	for (unsigned i = 0; i < ARRAY_LEN(stage_keys); i++) {
		json_open(o, NULL);
		json_cstr(o, "stage", stage_keys[i]);
		write_times(o, &stages[i]);
		json_close(o);
		vec_done(&stages[i]);
	}
	json_unlist(o);
}

struct sums {
	uint64_t runs, passed, failed, jobs, cached, saved;
	uint64_t waits[WAITS];
	times ci;
};

static void add_run(struct sums *s, const struct insight *x, const struct row *r)
{
	const struct run_stats *stats = &x->here.v[r->number - 1];
	bool failed = x->unit ? stats->failed : r->state == RUN_FAILED;

	s->runs++;
	s->passed += !failed && (r->state == RUN_PASSED || (x->unit && r->state == RUN_FAILED));
	s->failed += failed;
	add_ci(&s->ci, x, r);
	s->jobs += stats->jobs;
	s->cached += stats->cached;
	s->saved += stats->saved;
	for (unsigned i = 0; i < WAITS; i++)
		s->waits[i] += stats->waits[i];
}

static void write_sums(struct json_out *o, const struct sums *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < WAITS; i++)
		n += s->waits[i];
	json_open(o, "runs");
	json_u64(o, "n", s->runs);
	json_u64(o, "passed", s->passed);
	json_u64(o, "failed", s->failed);
	json_close(o);
	json_open(o, "cache");
	json_u64(o, "jobs", s->jobs);
	json_u64(o, "hits", s->cached);
	if (s->jobs)
		json_double(o, "rate", (double)s->cached / (double)s->jobs);
	json_u64(o, "saved", s->saved);
	json_close(o);
	json_open(o, "queue");
	json_u64(o, "n", n);
	if (n) {
		json_u64(o, "p50", waits_quantile(s->waits, 0.5));
		json_u64(o, "p95", waits_quantile(s->waits, 0.95));
	}
	json_close(o);
}

static void write_day(struct json_out *o, uint64_t day, struct sums *s)
{
	json_open(o, NULL);
	json_u64(o, "day", day);
	json_u64(o, "runs", s->runs);
	json_u64(o, "passed", s->passed);
	json_u64(o, "failed", s->failed);
	json_some(o, "ci_p50", dora_quantile(s->ci.v, s->ci.n, 0.5));
	json_u64(o, "jobs", s->jobs);
	json_u64(o, "hits", s->cached);
	json_u64(o, "saved", s->saved);
	json_some(o, "queue_p50", waits_quantile(s->waits, 0.5));
	json_close(o);
	vec_done(&s->ci);
	*s = (struct sums){0};
}

/* Numbers are given in order of time: a day is a stretch of them. */
static void write_runs(struct json_out *o, const struct api *api, const struct insight *x)
{
	struct sums all = {0}, day = {0};
	uint64_t today = 0;
	uint32_t first, last;

	catalog_span(api, SHELF_RUNS, &first, &last);
	json_list(o, "days");
	for (uint32_t n = first; n <= last; n++) {
		const struct row *r = catalog_row(api, SHELF_RUNS, n);

		if (!r || !in_time(x, r->at) || (x->unit && !x->here.v[n - 1].jobs))
			continue;
		if (r->at - r->at % USEC_DAY > today && day.runs)
			write_day(o, today, &day);
		today = MAX_OF(today, r->at - r->at % USEC_DAY);
		add_run(&day, x, r);
		add_run(&all, x, r);
	}
	if (day.runs)
		write_day(o, today, &day);
	json_unlist(o);
	write_sums(o, &all);
	vec_done(&all.ci);
}

struct flaky_line {
	const struct history *h;
	const struct flaky_test *t;
};

static int flakiest_first(const void *a, const void *b)
{
	const struct flaky_line *x = a, *y = b;

	if (x->t->count != y->t->count)
		return x->t->count < y->t->count ? 1 : -1;
	return strcmp(x->t->test, y->t->test);
}

static int slowest_first(const void *a, const void *b)
{
	const struct history *x = *(const struct history *const *)a,
			     *y = *(const struct history *const *)b;

	if (x->usec != y->usec)
		return x->usec < y->usec ? 1 : -1;
	return strcmp(x->id, y->id);
}

/* "orders/test"; of the project: "-/e2e" */
static void write_job_name(struct json_out *o, const struct history *h)
{
	struct str job = str_of(h->id), unit = str_cut(&job, '/');

	json_str(o, "unit", str_is(unit, "-") ? STR("") : unit);
	json_str(o, "job", job.p ? job : STR(""));
}

static bool is_of(const struct history *h, const char *unit)
{
	size_t n = unit ? strlen(unit) : 0;

	return !unit || (strncmp(h->id, unit, n) == 0 && h->id[n] == '/');
}

static void write_history(struct json_out *o, const struct model *m, const struct insight *x)
{
	VEC(struct flaky_line) flaky = {0};
	VEC(const struct history *) slow = {0};

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_HISTORY], e));) {
		const struct history *h = e->value;

		if (!is_of(h, x->unit))
			continue;
		vec_each(t, &h->tests)
			if (t->last_at >= x->since)
				vec_push(&flaky, ((struct flaky_line){h, t}));
		if (h->usec)
			vec_push(&slow, h);
	}
	if (flaky.n)
		qsort(flaky.v, flaky.n, sizeof(*flaky.v), flakiest_first);
	if (slow.n)
		qsort(slow.v, slow.n, sizeof(*slow.v), slowest_first);
	json_list(o, "flaky");
	for (size_t i = 0; i < flaky.n && i < SHOWN; i++) {
		json_open(o, NULL);
		json_cstr(o, "test", flaky.v[i].t->test);
		write_job_name(o, flaky.v[i].h);
		json_u64(o, "count", flaky.v[i].t->count);
		json_some(o, "last_at", flaky.v[i].t->last_at);
		json_close(o);
	}
	json_unlist(o);
	json_list(o, "slowest");
	for (size_t i = 0; i < slow.n && i < SHOWN; i++) {
		json_open(o, NULL);
		write_job_name(o, slow.v[i]);
		json_u64(o, "usec", slow.v[i]->usec);
		json_u64(o, "runs", slow.v[i]->runs);
		json_u64(o, "failed", slow.v[i]->failed);
		json_close(o);
	}
	json_unlist(o);
	vec_done(&flaky);
	vec_done(&slow);
}

static void write_insight(void *arg)
{
	struct call *c = arg;
	struct insight *x = c->data;
	struct json_out o = JSON_OUT(&c->out);

	if (c->rc != RC_OK) {
		call_fail(c, &c->err);
		return;
	}
	keep_read(x, kept_for(c->api->insights, x->unit));
	json_open(&o, NULL);
	json_u64(&o, "since", x->since);
	json_u64(&o, "until", x->until);
	json_word(&o, "unit", x->unit);
	json_word(&o, "environment", x->environment);
	insights_dora(&o, c->api, x);
	write_stages(&o, c->api, x);
	write_runs(&o, c->api, x);
	write_history(&o, engine_model(c->api->e), x);
	json_close(&o);
	call_json(c, 200, &c->out);
}

static void looked(struct call *c)
{
	struct insight *x = c->data;

	learn_usual(x, engine_model(c->api->e));
	choose_runs(x, c->api);
	if (x->wanted.n)
		api_work(c->api, read_runs, write_insight, c);
	else
		write_insight(c);
}

static const char *ask_text(const struct call *c, const char *key)
{
	const char *text = request_query(c->r, key);

	return text && *text ? text : NULL;
}

void get_insights(struct call *c)
{
	struct insight *x = xcalloc(1, sizeof(*x));

	c->data = x;
	c->free_data = free_insight;
	if (!call_number(c, "until", runner_now(c->api->runner), INT64_MAX, &x->until) ||
	    !call_number(c, "since", x->until > WINDOW ? x->until - WINDOW : 0, INT64_MAX,
			 &x->since))
		return;
	if (x->since > x->until || x->until - x->since > DAYS_MAX * USEC_DAY) {
		call_failf(c, RC_INVALID, "?until= lies after ?since=, by at most %u days",
			   (unsigned)DAYS_MAX);
		return;
	}
	x->unit = ask_text(c, "unit");
	x->environment = ask_text(c, "environment");
	if (!c->api->insights)
		c->api->insights = xcalloc(1, sizeof(*c->api->insights));
	catalog_look(c,
		     SHELF(SHELF_RUNS) | SHELF(SHELF_RELEASES) | SHELF(SHELF_ROLLOUTS) |
			     SHELF(SHELF_INCIDENTS),
		     looked);
}
