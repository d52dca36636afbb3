/*
 * What a run's time went into: its critical path, and advice. Every number is computed from times that were measured: a saving is the length of the
 * longest way as it was, less that of the same jobs with the one thing changed.
 */
#include "core/ready.h"
#include "core/sort.h"
#include "core/step_impl.h"
#include "base/strbuf.h"

#define ADVICE    3
#define WORTH     (5 * USEC_SEC) /* a saving below that is not worth a word */
#define LOOK_BACK 6              /* runs */
#define LOOK_AT   16             /* jobs of the critical path */

struct advice {
	uint64_t saves;
	char *text;
};
struct review {
	const struct model *m;
	const struct run *run;
	VEC(struct job *) jobs; /* of stage ci, that ran; needs first */
	struct map at;          /* id -> index + 1 */
	uint64_t *ends;         /* scratch of longest_way() */
	uint64_t as_it_was;
	VEC(struct advice) list;
};

static bool did_run(const struct job *job)
{
	return job->attempt && job->started_at && job->ended_at >= job->started_at;
}

static uint64_t usec_of(const struct job *job)
{
	return job->ended_at - job->started_at;
}

static void gather(struct review *v)
{
	for (struct map_entry *e = NULL; (e = map_next(&v->m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		if (!streq(job->run, v->run->id) || job->stage != STAGE_CI || !did_run(job))
			continue;
		vec_push(&v->jobs, job);
		map_put(&v->at, str_of(job->id), (void *)(uintptr_t)v->jobs.n);
	}
	v->ends = xcalloc(v->jobs.n + 1, sizeof(*v->ends));
}

static void review_done(struct review *v)
{
	vec_each(a, &v->list)
		xfree(a->text);
	vec_done(&v->list);
	vec_done(&v->jobs);
	map_done(&v->at);
	xfree(v->ends);
}

static size_t index_of(const struct review *v, const char *id)
{
	return (size_t)(uintptr_t)map_get(&v->at, str_of(id));
}

/* The longest way through what ran, without any waiting; `changed` takes `usec` instead, and does not wait for `loose`. */
static uint64_t longest_way(struct review *v, const struct job *changed, uint64_t usec,
			    const char *loose)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < v->jobs.n; i++) {
		const struct job *job = v->jobs.v[i];
		uint64_t begin = 0;

		vec_each(need, &job->needs) {
			size_t on = index_of(v, *need);

			if (on && on - 1 < i && !(job == changed && streq(*need, loose)))
				begin = MAX_OF(begin, v->ends[on - 1]);
		}
		v->ends[i] = begin + (job == changed && !loose ? usec : usec_of(job));
		longest = MAX_OF(longest, v->ends[i]);
	}
	return longest;
}

/* ---- the critical path ---- */

static struct job *last_of(const struct review *v)
{
	struct job *last = NULL;

	vec_each(job, &v->jobs)
		if (!last || (*job)->ended_at > last->ended_at)
			last = *job;
	return last;
}

static struct job *last_need(const struct review *v, const struct job *job)
{
	struct job *last = NULL;

	vec_each(need, &job->needs) {
		size_t on = index_of(v, *need);

		if (on && (!last || v->jobs.v[on - 1]->ended_at > last->ended_at))
			last = v->jobs.v[on - 1];
	}
	return last;
}

static void find_critical(const struct review *v, texts *ret)
{
	for (struct job *job = last_of(v); job; job = last_need(v, job)) {
		texts_add(ret, job->id);
		for (size_t i = ret->n - 1; i; i--) { /* first to last */
			char *was = ret->v[i];

			ret->v[i] = ret->v[i - 1];
			ret->v[i - 1] = was;
		}
	}
}

/* ---- advice ---- */

static char *name_of(const struct job *job)
{
	return xasprintf("%s of %s", job->name, *job->unit ? job->unit : "the project");
}

static void advise(struct review *v, uint64_t saves, char *text)
{
	if (saves >= WORTH)
		vec_push(&v->list, ((struct advice){saves, text}));
	else
		xfree(text);
}

static void add_saving(struct strbuf *b, uint64_t saves)
{
	strbuf_adds(b, ": saves about ");
	strbuf_add_duration(b, saves);
}

static int by_usec(const void *a, const void *b)
{
	uint64_t x = ((const struct file_time *)a)->usec, y = ((const struct file_time *)b)->usec;

	return x > y ? -1 : x < y;
}

/* The part of a job's time that is left when its files are shared out to two, the longest first, as the split itself does. */
static double larger_half(const struct history *h)
{
	struct file_time *files = xcalloc(h->files.n, sizeof(*files));
	uint64_t side[2] = {0, 0};

	memcpy(files, h->files.v, h->files.n * sizeof(*files));
	sort_stable(files, h->files.n, sizeof(*files), by_usec);
	for (size_t i = 0; i < h->files.n; i++)
		side[side[1] < side[0]] += files[i].usec;
	xfree(files);
	return side[0] + side[1] ? (double)MAX_OF(side[0], side[1]) / (double)(side[0] + side[1])
				 : 1;
}

static void advise_split(struct review *v, const struct job *job)
{
	const struct history *h = model_history(v->m, job->unit, job->def ? job->def : job->name);
	AUTO(strbuf_done) struct strbuf b = STRBUF(1000);

	if (job->shards || !h || h->files.n < 2)
		return;
	uint64_t usec = (uint64_t)((double)usec_of(job) * larger_half(h));
	uint64_t then = longest_way(v, job, usec, NULL);
	uint64_t saves = v->as_it_was > then ? v->as_it_was - then : 0;
	AUTO(freep) char *name = name_of(job);

	strbuf_addf(&b, "split %s into 2", name);
	add_saving(&b, saves);
	advise(v, saves, strbuf_take(&b));
}

/* Of the last runs that had this job: in how many it ran, and made what it had made before. */
static void look_back(const struct review *v, const struct job *job, unsigned *had, unsigned *ran,
		      unsigned *same)
{
	const struct map *jobs = &v->m->by_kind[AGG_JOB];

	*had = *ran = *same = 0;
	for (size_t i = jobs->used; i-- > 0 && *had < LOOK_BACK;) {
		const struct job *other = jobs->entries[i].key ? jobs->entries[i].value : NULL;

		if (!other || other->stage != job->stage || !streq(other->unit, job->unit) ||
		    !streq(other->name, job->name) || !other->settled ||
		    other->state == JOB_SKIPPED || other->state == JOB_CANCELLED)
			continue;
		(*had)++;
		*ran += did_run(other);
		*same += did_run(other) && other != job && streq(other->outputs, job->outputs);
	}
}

static void advise_inputs(struct review *v, const struct job *job)
{
	unsigned had, ran, same;

	if (!job->outputs || !job_is_good(job->state))
		return;
	look_back(v, job, &had, &ran, &same);
	if (ran < 3 || same < 2)
		return;
	AUTO(freep) char *name = name_of(job);
	AUTO(strbuf_done) struct strbuf b = STRBUF(1000);
	uint64_t then = longest_way(v, job, 0, NULL);
	uint64_t saves = v->as_it_was > then ? v->as_it_was - then : 0;

	strbuf_addf(
		&b,
		"narrow the inputs of %s: it ran %u times in its last %u runs and made the same %u times",
		name, ran, had, same + 1);
	add_saving(&b, saves);
	advise(v, saves, strbuf_take(&b));
}

static bool hands_over(const struct review *v, const struct job *on)
{
	const struct job_def *def = job_definition(v->m, on);

	return !def || def->outputs.n || on->kind == JOB_IMAGE || on->outputs;
}

static void advise_needs(struct review *v, const struct job *job)
{
	const struct job *on = last_need(v, job);

	if (!on || hands_over(v, on))
		return;
	uint64_t then = longest_way(v, job, 0, on->id);
	uint64_t saves = v->as_it_was > then ? v->as_it_was - then : 0;
	AUTO(freep) char *name = name_of(job);
	AUTO(freep) char *other = name_of(on);
	AUTO(strbuf_done) struct strbuf b = STRBUF(1000);

	strbuf_addf(&b, "%s waits for %s, which leaves nothing that it could read", name, other);
	add_saving(&b, saves);
	advise(v, saves, strbuf_take(&b));
}

/* Time in which the critical path stood still because no agent had room. */
static void advise_agents(struct review *v, const texts *critical)
{
	uint64_t waited = 0;
	unsigned n = 0;
	AUTO(strbuf_done) struct strbuf b = STRBUF(1000);

	vec_each(id, critical) {
		const struct job *job = v->jobs.v[index_of(v, *id) - 1];
		uint64_t wait =
			job->started_at > job->ready_at ? job->started_at - job->ready_at : 0;

		if (job->group || !job->ready_at || wait < USEC_SEC)
			continue;
		waited += wait;
		n++;
	}
	strbuf_addf(&b, "%u %s of the longest way waited ", n, n == 1 ? "job" : "jobs");
	strbuf_add_duration(&b, waited);
	strbuf_adds(&b, " for a free place: one more agent");
	advise(v, waited, strbuf_take(&b));
}

static int by_saving(const void *a, const void *b)
{
	uint64_t x = ((const struct advice *)a)->saves, y = ((const struct advice *)b)->saves;

	return x > y ? -1 : x < y;
}

void run_review(struct step *s, struct run *run)
{
	AUTO(review_done) struct review v = {.m = s->m, .run = run};

	vec_each(id, &run->critical)
		xfree(*id);
	run->critical.n = 0;
	gather(&v);
	find_critical(&v, &run->critical);
	v.as_it_was = longest_way(&v, NULL, 0, NULL);
	for (size_t i = 0, n = 0; i < run->critical.n && n < LOOK_AT; i++) {
		const struct job *job = v.jobs.v[index_of(&v, run->critical.v[i]) - 1];

		if (usec_of(job) < WORTH)
			continue;
		n++;
		advise_split(&v, job);
		advise_inputs(&v, job);
		advise_needs(&v, job);
	}
	advise_agents(&v, &run->critical);
	sort_stable(v.list.v, v.list.n, sizeof(*v.list.v), by_saving);
	for (size_t i = 0; i < v.list.n && run->advice.n < ADVICE; i++)
		texts_add(&run->advice, v.list.v[i].text);
	model_touch(s->m, AGG_RUN, run->id);
}
