/* What earlier runs taught: of a definition ("test"), and of each of its instances that has a name of its own ("test(db=16)"). */
#include "core/ready.h"
#include "core/step_impl.h"

#define KEPT_FILES  2000
#define KEPT_TESTS  200
#define KEPT_FAILED 8

const struct job_def *job_definition(const struct model *m, const struct job *job)
{
	const struct run *run = model_run(m, job->run);
	const struct config *c = run ? model_config(m, run->config) : NULL;

	return c ? config_job(c, job->stage, job->def ? job->def : job->name) : NULL;
}

/* ---- asking ---- */

void guess_init(const struct model *m, struct guess *g)
{
	uint64_t sum = 0, n = 0;

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_HISTORY], e));) {
		const struct history *h = e->value;

		sum += h->usec;
		n += h->usec != 0;
	}
	g->mean = n ? sum / n : 0;
}

uint64_t guess_known(const struct model *m, const struct job *job)
{
	const struct history *h = model_history(m, job->unit, job->name);

	if (!(h && h->usec) && job->def)
		h = model_history(m, job->unit, job->def);
	return h ? h->usec : 0;
}

uint64_t guess_job(const struct model *m, const struct guess *g, const struct job *job)
{
	uint64_t known = guess_known(m, job);

	return known ? known : MAX_OF(g->mean, (uint64_t)1);
}

static const struct history *definition_history(const struct model *m, const struct job *job)
{
	return model_history(m, job->unit, job->def ? job->def : job->name);
}

const struct failed_key *history_failed_key(const struct model *m, const struct job *job)
{
	const struct history *h = definition_history(m, job);

	if (!h || !job->key || !*job->key)
		return NULL;
	vec_each(f, &h->failed_keys)
		if (streq(f->key, job->key))
			return f;
	return NULL;
}

/* ---- learning ---- */

static struct history *history_of(struct step *s, const struct job *job, const char *name)
{
	struct history *h = model_history(s->m, job->unit, name);

	if (!h) {
		char *id = xasprintf("%s/%s", *job->unit ? job->unit : "-", name);

		h = model_add(s->m, AGG_HISTORY, id);
		h->id = id;
	}
	model_touch(s->m, AGG_HISTORY, h->id);
	return h;
}

static uint64_t took(const struct event *ev, const struct job *job, usec_t now)
{
	if (ev->started_at && ev->ended_at > ev->started_at)
		return ev->ended_at - ev->started_at;
	return job->started_at && now > job->started_at ? now - job->started_at : 1;
}

static void learn_usec(struct history *h, uint64_t usec)
{
	h->usec = h->usec ? h->usec - h->usec / 4 + usec / 4 : usec;
	h->usec = MAX_OF(h->usec, (uint64_t)1);
}

static void learn_end(struct history *h, const struct job *job, uint64_t usec)
{
	if (job->state == JOB_CACHED) {
		h->cached++;
		return;
	}
	h->runs++;
	h->failed += job->state == JOB_FAILED;
	h->flaky += job->state == JOB_FLAKY;
	if (job_is_good(job->state) &&
	    !job->resumed) /* a failure may end early, a resumed one began late */
		learn_usec(h, usec);
}

/* A file's time that barely changed is kept: shares of a split job stay as they are, and with them its keys. */
static void learn_file(struct history *h, const struct file_time *now)
{
	vec_each(was, &h->files) {
		if (!streq(was->file, now->file))
			continue;
		uint64_t differs =
			was->usec > now->usec ? was->usec - now->usec : now->usec - was->usec;
		if (differs * 10 > was->usec * 3)
			was->usec = now->usec;
		return;
	}
	if (h->files.n < KEPT_FILES)
		vec_push(&h->files, ((struct file_time){xstrdup(now->file), now->usec}));
}

static void forget_failed(struct history *h, size_t i)
{
	xfree(h->failed_keys.v[i].key);
	xfree(h->failed_keys.v[i].job);
	vec_remove(&h->failed_keys, i);
}

static void learn_key(struct history *h, const struct job *job)
{
	if (!job->key || !*job->key || job->resumed || job->unkeyed)
		return;
	for (size_t i = h->failed_keys.n; i-- > 0;)
		if (streq(h->failed_keys.v[i].key, job->key))
			forget_failed(h, i);
	if (job->state != JOB_FAILED || job->failure != FAILURE_EXIT)
		return;
	if (h->failed_keys.n == KEPT_FAILED)
		forget_failed(h, 0);
	vec_push(&h->failed_keys, ((struct failed_key){xstrdup(job->key), xstrdup(job->id)}));
}

static void learn_coverage(const struct model *m, struct history *h, const struct job *job)
{
	const struct run *run = model_run(m, job->run);

	if (run->change.kind != CHANGE_PUSH || !job_is_good(job->state) || !job->report.lines)
		return;
	h->lines = job->report.lines;
	h->covered = job->report.covered;
}

void history_learn(struct step *s, struct job *job)
{
	const char *name = job->def ? job->def : job->name;
	uint64_t usec = took(s->ev, job, s->m->time);
	const struct run *run = model_run(s->m, job->run);
	bool ran = job_is_good(job->state) || job->state == JOB_FAILED;

	if (run->change.fork) /* whoever sends it decides what it says */
		return;
	if (!ran || job->state == JOB_UNAFFECTED || job->failure == FAILURE_INFRA ||
	    job->failure == FAILURE_CANCELLED)
		return;
	struct history *h = history_of(s, job, name);

	learn_end(h, job, usec);
	vec_each(f, &s->ev->times)
		if (f->file)
			learn_file(h, f);
	learn_key(h, job);
	learn_coverage(s->m, h, job);
	if (!streq(name, job->name))
		learn_end(history_of(s, job, job->name), job, usec);
}

static struct flaky_test *flaky_of(struct history *h, const char *test)
{
	size_t oldest = 0;

	vec_each(f, &h->tests)
		if (streq(f->test, test))
			return f;
	if (h->tests.n == KEPT_TESTS) {
		for (size_t i = 1; i < h->tests.n; i++)
			if (h->tests.v[i].last_at < h->tests.v[oldest].last_at)
				oldest = i;
		xfree(h->tests.v[oldest].test);
		xfree(h->tests.v[oldest].job);
		vec_remove(&h->tests, oldest);
	}
	vec_push(&h->tests, ((struct flaky_test){.test = xstrdup(test)}));
	return vec_last(&h->tests);
}

void history_flaky(struct step *s, struct job *job, const texts *tests)
{
	if (model_run(s->m, job->run)->change.fork)
		return;
	struct history *h = history_of(s, job, job->def ? job->def : job->name);

	vec_each(test, tests) {
		struct flaky_test *f = flaky_of(h, *test);

		f->count++;
		f->last_at = s->m->time;
		set_text(&f->job, job->id);
	}
}
