/*
 * The merge queue: the first few entries are merged onto the target's tip, the result is tested as a run, and the target moves to the very commit that was
 * tested. One order is under way at a time, and every state is left by its answer, by the run's end, or by the target's own moves.
 *
 * A batch that failed is halved until the guilty one stands alone. `tries` says how often an entry was in one: those at the front with the same count are
 * the suspects. Every entry ends landed, or put out with a reason.
 */
#include "base/glob.h"
#include "base/strbuf.h"
#include "core/step_impl.h"

#define BATCH       5
#define ENTRIES_MAX 1000
#define MERGE_TRIES 3
#define LOOK_AGAIN  (30 * USEC_SEC) /* when neither an answer nor a push wakes it */
#define TRIAL_REFS  "refs/penstock/queue/"
#define HEADS       "refs/heads/"

static void push(struct step *s, struct merge_queue *q);

/* ---- what there is ---- */

static const char *branch_of(const char *ref)
{
	return str_starts(str_of(ref), HEADS) ? ref + strlen(HEADS) : ref;
}

static const char *tip_of(const struct model *m, const char *repo, const char *ref)
{
	const struct repo_ref *known = source_ref(model_source(m, repo), ref);

	return known ? known->commit : NULL;
}

static const struct config *config_of(const struct model *m, const char *repo)
{
	const struct config *c = repo_config(m, repo);

	return c ? c : model_config(m, model_project(m)->config);
}

static bool is_queue_branch(const struct config *c, const char *target)
{
	const texts *list = c->queue.branches.n ? (const texts *)&c->queue.branches
						: (const texts *)&c->branches;

	vec_each(pattern, list)
		if (glob_match(str_of(*pattern), str_of(branch_of(target))))
			return c->queue.on;
	return false;
}

static uint32_t most(const struct model *m, const struct merge_queue *q)
{
	const struct config *c = config_of(m, q->repo);

	return c && c->queue.batch ? c->queue.batch : BATCH;
}

/* ---- to and fro ---- */

static void set_state(struct step *s, struct merge_queue *q, enum queue_state to)
{
	q->state = to;
	q->since = s->m->time;
	model_touch(s->m, AGG_QUEUE, q->id);
}

static void drop_entry(struct merge_queue *q, size_t i)
{
	struct queue_entry *e = &q->entries.v[i];

	xfree(e->ref);
	xfree(e->commit);
	xfree(e->actor);
	xfree(e->number);
	vec_remove(&q->entries, i);
	if (i < q->batch)
		q->batch--;
}

/* The reason of the last step: of each that was put out in it. */
static void put_out(struct step *s, struct merge_queue *q, size_t i, const char *reason)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(65536);
	bool goes_on = q->reason && q->reason_at == s->ev->seq;

	strbuf_addf(&b, "%s%s%s was put out: %s", goes_on ? q->reason : "", goes_on ? "; " : "",
		    q->entries.v[i].ref, reason);
	set_text(&q->reason, strbuf_cstr(&b));
	q->reason_at = s->ev->seq;
	drop_entry(q, i);
	model_touch(s->m, AGG_QUEUE, q->id);
}

static void look_again_at(struct step *s, struct merge_queue *q, usec_t at)
{
	set_text(&order_timer(s, at, "queue")->type, q->id);
}

static void idle(struct step *s, struct merge_queue *q)
{
	set_text(&q->trial, NULL);
	set_text(&q->run, NULL);
	q->batch = 0;
	q->stale = false;
	set_state(s, q, QUEUE_IDLE);
}

/* Wait for the target to be seen where it stands now. */
static void rest(struct step *s, struct merge_queue *q, const char *until_seen)
{
	idle(s, q);
	set_text(&q->trial, until_seen);
	look_again_at(s, q, s->m->time + LOOK_AGAIN);
}

static void start_again(struct step *s, struct merge_queue *q)
{
	struct run *run = model_run(s->m, q->run);

	idle(s, q);
	if (run && !run_is_final(run->state))
		run_cancel(s, run, RUN_CANCELLED, "the merge queue tests another commit");
	push(s, q);
}

/* ---- merging ---- */

/* Suspects are halved; when nobody is one, as many as may be. */
static uint32_t next_batch(const struct model *m, const struct merge_queue *q)
{
	uint32_t suspects = 0, n = (uint32_t)q->entries.n, limit = most(m, q);

	while (suspects < n && q->entries.v[0].tries &&
	       q->entries.v[suspects].tries == q->entries.v[0].tries)
		suspects++;
	if (suspects)
		return MIN_OF((suspects + 1) / 2, limit);
	return MIN_OF(n, limit);
}

static void push(struct step *s, struct merge_queue *q)
{
	const char *tip = tip_of(s->m, q->repo, q->target);

	while (!tip && q->entries.n)
		put_out(s, q, 0, "there is no such target branch any more");
	if (q->state != QUEUE_IDLE || q->trial || !q->entries.n)
		return;
	q->batch = q->limit = next_batch(s->m, q);
	set_text(&q->tip, tip);
	set_state(s, q, QUEUE_MERGING);
	struct effect *e = order(s, EF_MERGE, "source/%s", q->repo);
	set_text(&e->type, q->id);
	e->change = (struct change){.kind = CHANGE_QUEUE,
				    .repo = xstrdup(q->repo),
				    .target = xstrdup(q->target),
				    .ref = xasprintf(TRIAL_REFS "%s", branch_of(q->target)),
				    .commit = xstrdup(tip)};
	for (uint32_t i = 0; i < q->batch; i++) {
		const struct queue_entry *one = &q->entries.v[i];

		texts_add(&e->ids, one->commit);
		vec_push(&e->trailers,
			 ((struct pair){.key = xstrdup(one->ref),
					.value = xstrdup(one->number ? one->number : "")}));
	}
}

/* The order could not be carried out: a few more times, then somebody must go, so that the others can. */
static void merge_failed(struct step *s, struct merge_queue *q, const char *error)
{
	struct queue_entry *first = q->batch ? &q->entries.v[0] : NULL;
	AUTO(freep) char *reason = xasprintf("merging failed: %s", error);

	if (first && ++first->tries >= MERGE_TRIES)
		put_out(s, q, 0, reason);
	else
		set_text(&q->reason, reason);
	rest(s, q, q->tip);
}

static void put_out_conflicts(struct step *s, struct merge_queue *q)
{
	AUTO(freep)
	char *reason = xasprintf("it does not merge with %s at %.12s and what is before it",
				 branch_of(q->target), q->tip);

	for (size_t i = q->batch; i-- > 0;)
		if (texts_has(&s->ev->ids, q->entries.v[i].commit))
			put_out(s, q, i, reason);
}

static void test_trial(struct step *s, struct merge_queue *q)
{
	set_text(&q->trial, s->ev->commit);
	set_state(s, q, QUEUE_TESTING);
	struct effect *e = order(s, EF_READ_CHANGE, "source/%s", q->repo);
	e->change = (struct change){.kind = CHANGE_QUEUE,
				    .repo = xstrdup(q->repo),
				    .target = xstrdup(q->target),
				    .ref = xasprintf(TRIAL_REFS "%s", branch_of(q->target)),
				    .commit = xstrdup(q->trial),
				    .base = xstrdup(q->tip),
				    .pushed_at = s->m->time};
}

enum rc on_merged(struct step *s)
{
	const struct event *ev = s->ev;
	struct merge_queue *q = model_get(s->m, AGG_QUEUE, ev->id);

	if (!q || q->state != QUEUE_MERGING)
		return RC_OK;
	if (!ev->commit) {
		merge_failed(s, q, ev->error ? ev->error : "no commit came of it");
		return RC_OK;
	}
	if (!q->stale && streq(q->tip, tip_of(s->m, q->repo, q->target))) {
		put_out_conflicts(s, q);
		q->stale = q->batch == 0;
	} else {
		q->stale = true;
	}
	if (q->stale) {
		start_again(s, q);
		return RC_OK;
	}
	if (streq(ev->commit, q->tip)) { /* nothing was to be merged */
		while (q->batch)
			put_out(s, q, 0, "it is merged already");
		start_again(s, q);
		return RC_OK;
	}
	test_trial(s, q);
	return RC_OK;
}

/* ---- testing ---- */

static void run_failed(struct step *s, struct merge_queue *q, const struct run *run)
{
	AUTO(freep)
	char *reason = xasprintf("%s %s%s%s", run->id, run_state_names[run->state],
				 run->reason ? ": " : "", run->reason ? run->reason : "");

	if (q->batch > 1) {
		for (uint32_t i = 0; i < q->batch; i++)
			q->entries.v[i].tries++;
		set_text(&q->reason, reason);
	} else {
		put_out(s, q, 0, reason);
		vec_each(e, &q->entries) /* the guilty one is found: nobody else is suspected */
			e->tries = 0;
	}
	idle(s, q);
	push(s, q);
}

static void land(struct step *s, struct merge_queue *q)
{
	set_state(s, q, QUEUE_LANDING);
	struct effect *e = order(s, EF_LAND, "source/%s", q->repo);
	set_text(&e->type, q->id);
	e->change = (struct change){.kind = CHANGE_QUEUE,
				    .repo = xstrdup(q->repo),
				    .target = xstrdup(q->target),
				    .ref = xasprintf(TRIAL_REFS "%s", branch_of(q->target)),
				    .base = xstrdup(q->tip),
				    .commit = xstrdup(q->trial)};
	for (uint32_t i = 0; i < q->batch; i++)
		texts_add(&e->ids, q->entries.v[i].ref);
}

void queue_run_began(struct step *s, const struct run *run)
{
	struct merge_queue *q = model_queue(s->m, run->change.repo, run->change.target);

	if (!q || q->state != QUEUE_TESTING || !streq(q->trial, run->change.commit))
		return;
	set_text(&q->run, run->id);
	model_touch(s->m, AGG_QUEUE, q->id);
}

bool queue_wants(const struct model *m, const struct change *c)
{
	const struct merge_queue *q =
		c->repo && c->target ? model_queue(m, c->repo, c->target) : NULL;

	return q && q->state == QUEUE_TESTING && !q->run && streq(q->trial, c->commit);
}

void queue_run_ended(struct step *s, struct run *run)
{
	struct merge_queue *q =
		run->change.target ? model_queue(s->m, run->change.repo, run->change.target) : NULL;

	if (!q || q->state != QUEUE_TESTING || !streq(q->trial, run->change.commit))
		return;
	set_text(&q->run, run->id);
	if (run->state == RUN_PASSED)
		land(s, q);
	else
		run_failed(s, q, run);
}

enum rc on_landed(struct step *s)
{
	const struct event *ev = s->ev;
	struct merge_queue *q = model_get(s->m, AGG_QUEUE, ev->id);

	if (!q || q->state != QUEUE_LANDING)
		return RC_OK;
	if (!ev->ok) { /* the target moved, or cannot be moved just now: merge again */
		set_textf(&q->reason, "it could not land: %s",
			  ev->error ? ev->error : "the target moved");
		rest(s, q, q->tip);
		queue_target_moved(s, q->repo, q->target);
		return RC_OK;
	}
	uint32_t tries = q->entries.v[0].tries;

	while (q->batch)
		drop_entry(q, 0);
	if (q->entries.n && q->entries.v[0].tries != tries)
		vec_each(e, &q->entries) /* the suspects are all in */
			e->tries = 0;
	rest(s, q, q->tip);
	queue_target_moved(s, q->repo, q->target);
	return RC_OK;
}

/* ---- the world moves ---- */

static void see_target(struct step *s, struct merge_queue *q)
{
	const char *tip = tip_of(s->m, q->repo, q->target);

	switch (q->state) {
	case QUEUE_IDLE:
		if (!streq(q->trial, tip)) {
			set_text(&q->trial, NULL);
			model_touch(s->m, AGG_QUEUE, q->id);
			push(s, q);
		}
		break;
	case QUEUE_TESTING:
		if (!streq(tip, q->tip))
			start_again(s, q);
		break;
	case QUEUE_MERGING:
	case QUEUE_LANDING: /* the answer looks at it */
		break;
	}
}

/* An entry whose branch moved is not what was added. */
static void see_entry(struct step *s, struct merge_queue *q, const char *ref)
{
	const char *now = tip_of(s->m, q->repo, ref);

	for (size_t i = 0; i < q->entries.n; i++) {
		bool inside = i < q->batch;

		if (!streq(q->entries.v[i].ref, ref) || streq(q->entries.v[i].commit, now) ||
		    (inside && q->state == QUEUE_LANDING))
			continue;
		put_out(s, q, i, now ? "it was pushed to since: add it again" : "it was deleted");
		q->stale = q->stale || (inside && q->state == QUEUE_MERGING);
		if (inside && q->state == QUEUE_TESTING)
			start_again(s, q);
		return;
	}
}

void queue_target_moved(struct step *s, const char *repo, const char *ref)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_QUEUE], e));) {
		struct merge_queue *q = e->value;

		if (!streq(q->repo, repo))
			continue;
		if (streq(q->target, ref))
			see_target(s, q);
		else
			see_entry(s, q, ref);
	}
}

void on_queue_timer(struct step *s)
{
	struct merge_queue *q = model_get(s->m, AGG_QUEUE, s->ev->type);

	if (!q || q->state != QUEUE_IDLE || s->m->time < q->since + LOOK_AGAIN)
		return;
	set_text(&q->trial, NULL);
	model_touch(s->m, AGG_QUEUE, q->id);
	push(s, q);
}

/* ---- people ---- */

static char *target_of(const struct event *ev)
{
	return str_starts(str_of(ev->type), HEADS) ? xstrdup(ev->type)
						   : xasprintf(HEADS "%s", ev->type);
}

static enum rc refuse(struct step *s, const char *target)
{
	const struct event *ev = s->ev;
	const struct config *c = config_of(s->m, ev->repo);
	const struct merge_queue *q = model_queue(s->m, ev->repo, target);
	const char *tip = tip_of(s->m, ev->repo, target),
		   *head = ev->commit ? ev->commit : tip_of(s->m, ev->repo, ev->ref);

	if (!c || !is_queue_branch(c, target))
		return err_set(
			s->err, RC_INVALID,
			"%s is no target of a merge queue: on.merge_queue.branches of penstock.yml names them",
			branch_of(target));
	if (!tip || !head)
		return err_set(s->err, RC_NOT_FOUND, "there is no branch %s in %s",
			       branch_of(tip ? ev->ref : target), ev->repo);
	if (streq(ev->ref, target) || streq(head, tip))
		return err_set(s->err, RC_CONFLICT, "%s is on %s already", branch_of(ev->ref),
			       branch_of(target));
	for (size_t i = 0; q && i < q->entries.n; i++)
		if (streq(q->entries.v[i].ref, ev->ref))
			return err_set(s->err, RC_CONFLICT,
				       "%s is in the queue already, as number %zu",
				       branch_of(ev->ref), i + 1);
	if (q && q->entries.n >= ENTRIES_MAX)
		return err_set(s->err, RC_TOO_BIG,
			       "the queue of %s has %d entries; wait for some to land",
			       branch_of(target), ENTRIES_MAX);
	return RC_OK;
}

enum rc on_queue_add(struct step *s)
{
	const struct event *ev = s->ev;

	if (!ev->repo || !ev->ref || !ev->type || !*ev->type)
		return err_set(
			s->err, RC_INVALID,
			"a change for the merge queue needs a repository, a ref and a target branch");
	AUTO(freep) char *target = target_of(ev);
	if (refuse(s, target) != RC_OK)
		return s->err->rc;
	struct merge_queue *q = model_queue(s->m, ev->repo, target);
	if (!q) {
		char *id = xasprintf("%s:%s", ev->repo, target);

		q = model_add(s->m, AGG_QUEUE, id);
		q->id = id;
		set_text(&q->repo, ev->repo);
		set_text(&q->target, target);
		q->since = s->m->time;
	}
	const char *head = ev->commit ? ev->commit : tip_of(s->m, ev->repo, ev->ref);
	vec_push(&q->entries,
		 ((struct queue_entry){.ref = xstrdup(ev->ref),
				       .commit = xstrdup(head),
				       .actor = xstrdup(ev->actor),
				       .number = ev->digest ? xstrdup(ev->digest) : NULL,
				       .since = s->m->time}));
	model_touch(s->m, AGG_QUEUE, q->id);
	push(s, q);
	return RC_OK;
}

enum rc on_queue_del(struct step *s)
{
	const struct event *ev = s->ev;
	AUTO(freep) char *target = ev->type ? target_of(ev) : NULL;
	struct merge_queue *q = target && ev->repo ? model_queue(s->m, ev->repo, target) : NULL;

	for (size_t i = 0; q && i < q->entries.n; i++) {
		bool inside = i < q->batch;

		if (!streq(q->entries.v[i].ref, ev->ref))
			continue;
		if (inside && q->state == QUEUE_LANDING)
			return err_set(s->err, RC_CONFLICT, "%s is landing just now",
				       branch_of(ev->ref));
		AUTO(freep) char *reason = xasprintf("%s took it out", ev->actor);
		put_out(s, q, i, reason);
		q->stale = q->stale || (inside && q->state == QUEUE_MERGING);
		if (inside && q->state == QUEUE_TESTING)
			start_again(s, q);
		return RC_OK;
	}
	return err_set(s->err, RC_NOT_FOUND, "%s is in no queue of %s",
		       ev->ref ? branch_of(ev->ref) : "(no ref)",
		       target ? branch_of(target) : "(no target)");
}
