/* Changes that want to be on main through the merge queue: good ones, bad ones, ones that do not merge; pushed to again, deleted, taken out. */
#include "sim.h"

#include "flow/1-source/adapters.h"

static void answered(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	(void)seq;
	if (rc == RC_INTERNAL)
		sim_fail(ctx, 0, "the queue said: %s", err->msg);
}

static void ask(struct sim *s, enum event_kind kind, const char *ref, const char *commit)
{
	struct event ev = {.kind = kind,
			   .actor = xstrdup("user:ann"),
			   .repo = xstrdup(REPO),
			   .ref = xstrdup(ref),
			   .commit = commit ? xstrdup(commit) : NULL,
			   .type = xstrdup("main")};

	sim_say(s, "person: %s %s", event_kind_names[kind], ref);
	engine_ask(s->engine, &ev, answered, s);
}

static char *any_ref(struct sim *s)
{
	return xasprintf("refs/heads/q%u", 1 + (unsigned)rng_below(&s->fault_rng, s->queued));
}

static void change(struct sim *s, const char *ref)
{
	static const char *const kinds[] = {"good",       "good", "good",   "good",
					    "test-fails", "good", "errors", "build-fails"};
	AUTO(freep) char *path = NULL;
	AUTO(freep)
	char *content =
		xasprintf("%s %u of %s\n", kinds[rng_below(&s->fault_rng, ARRAY_LEN(kinds))],
			  ++s->contents, ref);

	/* a file of its own, or one that others change too */
	path = rng_chance(&s->fault_rng, 0.5)
		       ? xasprintf("services/s%u/src",
				   (unsigned)rng_below(&s->fault_rng, s->services))
		       : xasprintf("services/s%u/%s",
				   (unsigned)rng_below(&s->fault_rng, s->services),
				   ref + strlen("refs/heads/"));
	struct fake_file file = {.path = path, .bytes = str_of(content)};
	struct fake_commit c = {.author = "eve",
				.email = "eve@example.com",
				.message = content,
				.files = &file,
				.n = 1};
	const char *id = scm_fake_commit(s->scm, REPO, ref, &c);

	sim_say(s, "push: %s to %s: %s", id, ref, path);
	if (s->engine)
		engine_source_changed(s->engine, REPO);
}

static void one_more(struct sim *s)
{
	AUTO(freep) char *ref = xasprintf("refs/heads/q%u", ++s->queued);

	scm_fake_set(s->scm, REPO, ref, scm_fake_tip(s->scm, REPO, MAIN_REF));
	change(s, ref);
	ask(s, EV_QUEUE_ADD, ref, scm_fake_tip(s->scm, REPO, ref));
}

static void something(void *arg)
{
	struct sim *s = arg;
	uint64_t n = rng_below(&s->fault_rng, 100);

	if (!s->pushing || s->queued >= s->queue_most)
		return;
	if (s->engine && scm_fake_tip(s->scm, REPO, MAIN_REF)) {
		AUTO(freep) char *ref = s->queued ? any_ref(s) : NULL;
		const char *tip = ref ? scm_fake_tip(s->scm, REPO, ref) : NULL;

		if (n < 70 || !tip)
			one_more(s);
		else if (n < 78)
			change(s, ref);
		else if (n < 88)
			ask(s, EV_QUEUE_DEL, ref, NULL);
		else if (n < 94)
			ask(s, EV_QUEUE_ADD, ref, NULL);
		else
			scm_fake_set(s->scm, REPO, ref, NULL);
	}
	runner_sim_at(s->runner,
		      sim_now(s) + rng_between(&s->fault_rng, 50 * USEC_MS, 3 * USEC_SEC),
		      something, s);
}

void queue_start(struct sim *s)
{
	if (!s->with_queue)
		return;
	s->queue_most = (unsigned)rng_between(&s->fault_rng, 3, 9);
	something(s);
}

bool queue_is_quiet(const struct sim *s)
{
	const struct model *m = mirror_model(s);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_QUEUE], e));) {
		const struct merge_queue *q = e->value;

		if (q->entries.n || q->state != QUEUE_IDLE)
			return false;
	}
	return true;
}

void queue_check(struct sim *s)
{
	const struct model *m = mirror_model(s);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_QUEUE], e));) {
		const struct merge_queue *q = e->value;

		if (q->entries.n || q->state != QUEUE_IDLE)
			sim_fail(s, 14, "%s hangs: %s, %zu entries, batch %u, run %s; %s", q->id,
				 queue_state_names[q->state], q->entries.n, q->batch,
				 q->run ? q->run : "-", q->reason ? q->reason : "");
	}
}
