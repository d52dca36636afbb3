/* How long a run will take: its open jobs, laid out on the agents that are there, by what is known of each. */
#include "core/schedule.h"
#include "base/strbuf.h"

#define TRIES 64 /* jobs that do not fit are passed over, so many at a time */

struct node {
	struct job *job;
	struct ready_class asks; /* borrowed */
	uint64_t usec, path, end;
	uint32_t waiting;
	size_t bin;
};
struct bin {
	struct agent room; /* a copy, empty at the beginning; texts borrowed */
};
struct forecast {
	VEC(struct node) nodes;
	VEC(struct bin) bins;
	VEC(size_t) ready, running; /* indexes of nodes */
	struct map at;              /* job id -> index + 1 */
	uint64_t now;
};

static void add_node(struct forecast *f, const struct model *m, const struct guess *g,
		     struct job *job)
{
	const struct job_def *def = job_definition(m, job);
	struct node n = {.job = job, .usec = guess_job(m, g, job)};

	n.asks = (struct ready_class){.cpu = job->cpu ? job->cpu : CPU_DEFAULT,
				      .memory = job->memory,
				      .local = job->kind == JOB_IMAGE};
	if (def)
		n.asks.labels = def->labels;
	vec_push(&f->nodes, n);
	map_put(&f->at, str_of(job->id), (void *)(uintptr_t)f->nodes.n);
}

static struct node *node_of(struct forecast *f, const char *id)
{
	size_t i = (size_t)(uintptr_t)map_get(&f->at, str_of(id));

	return i ? &f->nodes.v[i - 1] : NULL;
}

/* A heap: the longest way first, then the order of the plan. */
static bool goes_before(const struct forecast *f, size_t a, size_t b)
{
	uint64_t x = f->nodes.v[a].path, y = f->nodes.v[b].path;

	return x != y ? x > y : a < b;
}

static void swap(struct forecast *f, size_t a, size_t b)
{
	size_t was = f->ready.v[a];

	f->ready.v[a] = f->ready.v[b];
	f->ready.v[b] = was;
}

static void ready_push(struct forecast *f, size_t node)
{
	size_t at = f->ready.n;

	vec_push(&f->ready, node);
	for (; at && goes_before(f, f->ready.v[at], f->ready.v[(at - 1) / 2]); at = (at - 1) / 2)
		swap(f, at, (at - 1) / 2);
}

static size_t ready_pop(struct forecast *f)
{
	size_t top = f->ready.v[0], at = 0;

	f->ready.v[0] = f->ready.v[--f->ready.n];
	for (size_t child; (child = 2 * at + 1) < f->ready.n; at = child) {
		if (child + 1 < f->ready.n &&
		    goes_before(f, f->ready.v[child + 1], f->ready.v[child]))
			child++;
		if (!goes_before(f, f->ready.v[child], f->ready.v[at]))
			break;
		swap(f, at, child);
	}
	return top;
}

/* Needs stand before what needs them. */
static void order_nodes(struct forecast *f)
{
	for (size_t i = f->nodes.n; i-- > 0;) {
		struct node *n = &f->nodes.v[i];
		uint64_t longest = 0;

		vec_each(on, &n->job->dependents) {
			const struct node *d = node_of(f, (*on)->id);

			longest = MAX_OF(longest, d ? d->path : 0);
		}
		n->path = n->usec + longest;
		vec_each(need, &n->job->needs)
			n->waiting += node_of(f, *need) != NULL;
		if (!n->waiting)
			ready_push(f, i);
	}
}

static bool place(struct forecast *f, struct node *n)
{
	struct bin *best = NULL;
	bool ever = false;

	vec_each(b, &f->bins) {
		ever = ever || agent_could(&b->room, &n->asks);
		if (agent_has_room(&b->room, &n->asks) &&
		    (!best ||
		     b->room.cpu - b->room.used_cpu < best->room.cpu - best->room.used_cpu))
			best = b;
	}
	if (!best && ever)
		return false;
	n->bin = best ? (size_t)(best - f->bins.v) + 1
		      : 0; /* 0: nobody could; it would need one more */
	if (best) {
		best->room.used_cpu += n->asks.cpu;
		best->room.used_memory += n->asks.memory;
	}
	n->end = f->now + n->usec;
	return true;
}

static void start_all(struct forecast *f)
{
	size_t passed[TRIES], n = 0;

	while (f->ready.n && n < TRIES) {
		size_t i = ready_pop(f);

		if (place(f, &f->nodes.v[i]))
			vec_push(&f->running, i);
		else
			passed[n++] = i;
	}
	for (size_t k = 0; k < n; k++)
		ready_push(f, passed[k]);
}

static void end_first(struct forecast *f)
{
	size_t first = 0;

	for (size_t i = 1; i < f->running.n; i++)
		if (f->nodes.v[f->running.v[i]].end < f->nodes.v[f->running.v[first]].end)
			first = i;
	struct node *n = &f->nodes.v[f->running.v[first]];

	f->running.v[first] = *vec_last(&f->running);
	f->running.n--;
	f->now = n->end;
	if (n->bin) {
		f->bins.v[n->bin - 1].room.used_cpu -= n->asks.cpu;
		f->bins.v[n->bin - 1].room.used_memory -= n->asks.memory;
	}
	vec_each(on, &n->job->dependents) {
		struct node *d = node_of(f, (*on)->id);

		if (d && --d->waiting == 0)
			ready_push(f, (size_t)(d - f->nodes.v));
	}
}

static void forecast_done(struct forecast *f)
{
	vec_done(&f->nodes);
	vec_done(&f->bins);
	vec_done(&f->ready);
	vec_done(&f->running);
	map_done(&f->at);
}

static void add_bins(struct forecast *f, const struct model *m)
{
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_AGENT], e));) {
		const struct agent *a = e->value;

		if (a->state != AGENT_CONNECTED)
			continue;
		vec_push(&f->bins, ((struct bin){.room = *a}));
		vec_last(&f->bins)->room.used_cpu = 0;
		vec_last(&f->bins)->room.used_memory = 0;
	}
}

/* The longest way, for people: "build of shared (2 min), test of orders (9 min)". */
static void say_way(const struct forecast *f, struct strbuf *to)
{
	const struct node *n = NULL;

	vec_each(one, &f->nodes)
		if (!n || one->path > n->path)
			n = one;
	for (unsigned i = 0; n && i < 8; i++) {
		const struct node *next = NULL;

		strbuf_addf(to, "%s%s of %s (", i ? ", " : "", n->job->name,
			    *n->job->unit ? n->job->unit : "the project");
		strbuf_add_duration(to, n->usec);
		strbuf_adds(to, ")");
		vec_each(on, &n->job->dependents) {
			size_t at = (size_t)(uintptr_t)map_get(&f->at, str_of((*on)->id));
			const struct node *d = at ? &f->nodes.v[at - 1] : NULL;

			if (d && (!next || d->path > next->path))
				next = d;
		}
		n = next;
	}
}

static void warn_of_budget(struct run *run, const struct forecast *f)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(2000);

	strbuf_adds(&b, "it will take about ");
	strbuf_add_duration(&b, run->predicted);
	strbuf_adds(&b, ", its budget is ");
	strbuf_add_duration(&b, run->budget);
	strbuf_adds(&b, "; the longest way is ");
	say_way(f, &b);
	texts_add(&run->advice, strbuf_cstr(&b));
}

void run_predict(struct step *s, struct run *run)
{
	const struct config *c = model_config(s->m, run->config);
	AUTO(forecast_done) struct forecast f = {0};
	struct guess g;

	run->budget = c ? c->ci_budget : 0;
	guess_init(s->m, &g);
	model_touch(s->m, AGG_RUN, run->id);
	if (!g.mean || !run->open)
		return;
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		if (streq(job->run, run->id) && !job->settled && job->stage == STAGE_CI)
			add_node(&f, s->m, &g, job);
	}
	add_bins(&f, s->m);
	order_nodes(&f);
	do {
		start_all(&f);
		if (f.running.n)
			end_first(&f);
	} while (f.running.n || f.ready.n);
	run->predicted = f.now;
	if (run->budget && run->predicted > run->budget)
		warn_of_budget(run, &f);
}
