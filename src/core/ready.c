/* Jobs that wait for a place to run: classes, each with a heap by urgency and a list by age. */
#include "core/ready.h"
#include "base/strbuf.h"
#include "core/sort.h"

#define STARVED (2 * USEC_MIN) /* waited that long, and a job that much younger was started */

bool ready_before(const struct job *a, const struct job *b)
{
	if (a->stage != b->stage)
		return a->stage > b->stage;
	if (a->path != b->path)
		return a->path > b->path;
	return a->ready_order < b->ready_order;
}

/* ---- the heap of a class ---- */

static void put(struct ready_class *c, size_t at, struct job *job)
{
	c->heap.v[at] = job;
	job->ready_slot = at;
}

static void sift_up(struct ready_class *c, size_t at)
{
	struct job *job = c->heap.v[at];

	for (; at && ready_before(job, c->heap.v[(at - 1) / 2]); at = (at - 1) / 2)
		put(c, at, c->heap.v[(at - 1) / 2]);
	put(c, at, job);
}

static void sift_down(struct ready_class *c, size_t at)
{
	struct job *job = c->heap.v[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= c->heap.n)
			break;
		if (child + 1 < c->heap.n && ready_before(c->heap.v[child + 1], c->heap.v[child]))
			child++;
		if (!ready_before(c->heap.v[child], job))
			break;
		put(c, at, c->heap.v[child]);
		at = child;
	}
	put(c, at, job);
}

/* ---- classes ---- */

static char *class_key(const struct ready_class *c)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF(65536);

	strbuf_addf(&key, "%u %llu %d %s", c->cpu, (unsigned long long)c->memory, c->local,
		    c->group ? c->group : "");
	vec_each(label, &c->labels)
		strbuf_addf(&key, "\n%s", *label);
	return strbuf_take(&key);
}

static void class_free(struct ready_class *c)
{
	vec_each(label, &c->labels)
		xfree(*label);
	vec_done(&c->labels);
	xfree(c->group);
	vec_done(&c->heap);
	xfree(c);
}

/* Images are packed from the daemon's own store, and what talks to an environment talks to this machine's front doors. */
static bool must_be_local(const struct job *job)
{
	return job->kind == JOB_IMAGE || job->stage != STAGE_CI;
}

static struct ready_class *class_of(struct model *m, const struct job *job)
{
	const struct job_def *def = job_definition(m, job);
	struct ready_class want = {.cpu = job->cpu ? job->cpu : CPU_DEFAULT,
				   .memory = job->memory,
				   .group = job->group,
				   .local = must_be_local(job)};

	if (def)
		want.labels = def->labels;
	AUTO(freep) char *key = class_key(&want);
	struct ready_class *c = map_get(&m->ready.classes, str_of(key));

	if (c)
		return c;
	c = xcalloc(1, sizeof(*c));
	*c = want;
	c->group = want.group ? xstrdup(want.group) : NULL;
	c->labels = (texts){0};
	vec_each(label, &want.labels)
		vec_push(&c->labels, xstrdup(*label));
	map_put(&m->ready.classes, str_of(key), c);
	return c;
}

/* ---- the way behind a job ---- */

/* Its own time and the longest of those that wait for it. Needs are made before what needs them: one pass backwards finds all of a run. */
static void find_paths(struct model *m, const char *run)
{
	const struct map *jobs = &m->by_kind[AGG_JOB];
	struct guess g;

	guess_init(m, &g);
	for (size_t i = jobs->used; i-- > 0;) {
		struct job *job = jobs->entries[i].key ? jobs->entries[i].value : NULL;
		uint64_t longest = 0;

		if (!job || job->settled || job->waits_in || !streq(job->run, run))
			continue; /* what stands in a heap keeps its place */
		vec_each(on, &job->dependents)
			longest = MAX_OF(longest, (*on)->path);
		job->path = guess_job(m, &g, job) + longest;
	}
}

static void need_path(struct model *m, struct job *job)
{
	if (job->path)
		return;
	if (job->dependents.n) {
		find_paths(m, job->run);
		return;
	}
	job->path = guess_known(m, job);
	if (job->path) /* the mean of all that is known is looked for only when it is asked for */
		return;
	struct guess g;

	guess_init(m, &g);
	job->path = guess_job(m, &g, job);
}

/* ---- to and fro ---- */

void ready_add(struct model *m, struct job *job)
{
	struct ready_class *c = class_of(m, job);

	BUG_ON(job->waits_in);
	need_path(m, job);
	job->waits_in = c;
	job->ready_order = ++m->ready.order;
	job->ready_prev = c->last;
	job->ready_next = NULL;
	if (c->last)
		c->last->ready_next = job;
	else
		c->first = job;
	c->last = job;
	vec_push(&c->heap, job);
	sift_up(c, c->heap.n - 1);
	c->dirty = c->group != NULL;
	m->ready.n++;
}

static void unlink_job(struct ready_class *c, struct job *job)
{
	if (job->ready_prev)
		job->ready_prev->ready_next = job->ready_next;
	else
		c->first = job->ready_next;
	if (job->ready_next)
		job->ready_next->ready_prev = job->ready_prev;
	else
		c->last = job->ready_prev;
	job->ready_prev = job->ready_next = NULL;
}

void ready_del(struct model *m, struct job *job)
{
	struct ready_class *c = job->waits_in;

	if (!c)
		return;
	size_t at = job->ready_slot;
	struct job *last = c->heap.v[--c->heap.n];

	if (last != job) {
		put(c, at, last);
		sift_up(c, at);
		sift_down(c, last->ready_slot);
	}
	unlink_job(c, job);
	job->waits_in = NULL;
	c->dirty = c->group != NULL;
	m->ready.n--;
	if (c->heap.n)
		return;
	AUTO(freep) char *key = class_key(c);
	map_del(&m->ready.classes, str_of(key));
	class_free(c);
}

void ready_clear(struct model *m)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		job->waits_in = NULL;
		job->ready_prev = job->ready_next = NULL;
		job->path = 0;
	}
	for (struct map_entry *e = NULL; (e = map_next(&m->ready.classes, e));)
		class_free(e->value);
	map_done(&m->ready.classes);
	map_done(&m->ready.groups);
	m->ready = (struct ready){.n = 0};
}

static int by_age(const void *a, const void *b)
{
	const struct job *x = *(struct job *const *)a, *y = *(struct job *const *)b;

	return x->ready_at < y->ready_at ? -1 : x->ready_at > y->ready_at;
}

void ready_rebuild(struct model *m)
{
	VEC(struct job *) waiting = {0};

	ready_clear(m);
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		if (job->state == JOB_READY)
			vec_push(&waiting, job);
		if (job->state != JOB_RUNNING)
			continue;
		m->ready.newest = MAX_OF(m->ready.newest, job->ready_at);
		if (job->group)
			map_put(&m->ready.groups, str_of(job->group), job);
	}
	sort_stable(waiting.v, waiting.n, sizeof(*waiting.v), by_age);
	vec_each(job, &waiting)
		ready_add(m, *job);
	vec_done(&waiting);
}

size_t ready_count(const struct model *m)
{
	return m->ready.n;
}

struct job *ready_starved(const struct model *m,
			  bool (*may)(const struct model *m, const struct ready_class *c))
{
	struct job *oldest = NULL;

	for (struct map_entry *e = NULL; (e = map_next(&m->ready.classes, e));) {
		const struct ready_class *c = e->value;
		struct job *job = c->first;

		if (m->time < job->ready_at + STARVED || m->ready.newest < job->ready_at + STARVED)
			continue;
		if (oldest &&
		    (oldest->ready_at < job->ready_at ||
		     (oldest->ready_at == job->ready_at && oldest->ready_order < job->ready_order)))
			continue;
		if ((c->group && map_get(&m->ready.groups, str_of(c->group))) || !may(m, c))
			continue;
		oldest = job;
	}
	return oldest;
}
