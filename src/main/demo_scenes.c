/* The eight scenes: what is pushed, what must come of it. */
#include "io/clock.h"
#include "main/demo.h"
#include <stdarg.h>

#define LONG   \
	(300 * \
	 USEC_SEC) /* a bound for what hangs: few requests are slow evidence, and a machine may be slow */

struct scene {
	const char *id, *title;
	void (*play)(struct demo *d, struct scene_result *r);
};

static void check(struct scene_result *r, bool ok, const char *fmt, ...) PRINTF(3, 4);
static void check(struct scene_result *r, bool ok, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1024);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	vec_push(&r->checks, ((struct demo_check){.text = strbuf_take(&text), .ok = ok}));
}

/* What a scene waits for. */
struct goal {
	const char *commit, *unit;
};

static bool release_ended(struct demo *d, void *ctx)
{
	const struct goal *g = ctx;
	const struct release *r = demo_release_of(d, g->commit);
	const struct run *run = demo_run_of(d, g->commit);

	return (r && r->ended_at) || (run && run->ended_at && !run->release && run->open == 0);
}

static bool run_ended(struct demo *d, void *ctx)
{
	const struct goal *g = ctx;
	const struct run *run = demo_run_of(d, g->commit);

	return run && run->ended_at && release_ended(d, ctx);
}

static void take_times(struct demo *d, struct scene_result *r, const char *commit)
{
	const struct release *rel = demo_release_of(d, commit);

	if (!rel)
		return;
	r->release = xstrdup(rel->id);
	r->pushed = rel->change.pushed_at;
	r->artifact = rel->built_at;
	r->staged = rel->staged_at;
	r->gated = rel->gated_at;
	r->live = rel->live_at;
	for (struct map_entry *e = NULL; (e = map_next(&d->model.by_kind[AGG_ROLLOUT], e));) {
		const struct rollout *ro = e->value;

		if (!streq(ro->release, rel->id) || !ro->zero_ordered_at ||
		    streq(ro->cause, "release"))
			continue;
		r->harm = ro->harm_at;
		r->verdict = ro->verdict_at;
		r->zero_ordered = ro->zero_ordered_at;
		r->zero_confirmed = ro->zero_confirmed_at;
	}
}

static bool push(struct demo *d, struct scene_result *r, const char *change, char **ret_commit)
{
	struct err err = {0};

	if (demo_push_change(d, change, ret_commit, &err) == RC_OK)
		return true;
	check(r, false, "push %s: %s", change, err.msg);
	return false;
}

static const struct release *await_release(struct demo *d, struct scene_result *r,
					   const char *commit, enum release_state want)
{
	struct goal g = {.commit = commit};
	bool in_time = demo_wait(d, LONG, release_ended, &g);
	const struct release *rel = demo_release_of(d, commit);

	check(r, in_time && rel && rel->state == want, "the release ends %s (it is %s%s%s)",
	      release_state_names[want], rel ? release_state_names[rel->state] : "not there",
	      rel && rel->reason ? ": " : "", rel && rel->reason ? rel->reason : "");
	take_times(d, r, commit);
	return rel;
}

static const struct release *await_live(struct demo *d, struct scene_result *r, const char *commit)
{
	return await_release(d, r, commit, RELEASE_LIVE);
}

static bool affected_only(const struct run *run, const char *unit)
{
	return run && run->affected.n == 1 && streq(run->affected.v[0], unit);
}

static void scene_a(struct demo *d, struct scene_result *r)
{
	AUTO(freep) char *commit = NULL;
	struct err err = {0};

	if (demo_push_first(d, &commit, &err) != RC_OK) {
		check(r, false, "first push: %s", err.msg);
		return;
	}
	const struct release *rel = await_live(d, r, commit);
	const struct run *run = demo_run_of(d, commit);
	check(r, run && run->affected.n == 4, "all four units are built and tested");
	check(r, rel && rel->items.n == 3, "three images travel as one release");
}

static unsigned steps_passed(struct demo *d, const char *release, const char *unit)
{
	const struct rollout *ro = demo_rollout(d, release, "production", unit);

	return ro && ro->state == ROLLOUT_DONE ? ro->step + 1 : 0;
}

static void scene_b(struct demo *d, struct scene_result *r)
{
	AUTO(freep) char *commit = NULL;

	if (!push(d, r, "good-orders", &commit))
		return;
	const struct release *rel = await_live(d, r, commit);
	check(r, affected_only(demo_run_of(d, commit), "orders"), "only orders is rebuilt");
	check(r, rel && rel->items.n == 1 && steps_passed(d, rel->id, "orders") == 3,
	      "orders walks 5, 50, 100 %% on real traffic");
}

static void scene_c(struct demo *d, struct scene_result *r)
{
	AUTO(freep) char *commit = NULL;

	if (!push(d, r, "shared", &commit))
		return;
	const struct release *rel = await_live(d, r, commit);
	check(r, rel && rel->items.n == 3,
	      "every dependent of libs/shared is released, as one release");
	if (!rel || rel->state != RELEASE_LIVE)
		return;
	const struct rollout *auth = demo_rollout(d, rel->id, "production", "auth"),
			     *payments = demo_rollout(d, rel->id, "production", "payments");
	const struct rollout *orders = demo_rollout(d, rel->id, "production", "orders");
	check(r,
	      auth && payments && orders && orders->created_at >= auth->ended_at &&
		      orders->created_at >= payments->ended_at,
	      "providers go before consumers");
}

static const struct veto *veto_of(struct demo *d, const char *environment, const char *image)
{
	const struct environment *env = model_environment(&d->model, environment);

	if (env)
		vec_each(v, &env->vetoes)
			if (streq(v->image, image))
				return v;
	return NULL;
}

static bool reverted(struct demo *d, void *ctx)
{
	const struct goal *g = ctx;
	const struct release *rel = demo_release_of(d, g->commit);
	const struct incident *i = rel ? model_incident(&d->model, rel->incident) : NULL;
	const struct run *run = i && i->revert ? demo_run_of(d, i->revert) : NULL;

	return run && run->ended_at &&
	       (!run->release || (model_release(&d->model, run->release) &&
				  model_release(&d->model, run->release)->ended_at));
}

/* What every bad change must end with: vetoed, an incident, taken back in Git, and Git's new state delivered. */
static void check_taken_back(struct demo *d, struct scene_result *r, const char *commit,
			     const char *environment, const char *unit, const char *cause)
{
	struct goal g = {.commit = commit};
	const struct release *rel = demo_release_of(d, commit);
	const struct rollout *ro = rel ? demo_rollout(d, rel->id, environment, unit) : NULL;

	check(r, ro && ro->state == ROLLOUT_ABORTED && (!cause || streq(ro->cause, cause)),
	      "%s is taken back in %s%s%s%s (cause: %s)", unit, environment, cause ? " by " : "",
	      cause ? cause : "", "", ro && ro->cause ? ro->cause : "-");
	if (!ro)
		return;
	usec_t back =
		ro->zero_confirmed_at > ro->verdict_at ? ro->zero_confirmed_at - ro->verdict_at : 0;
	check(r, back && back < 5 * USEC_SEC,
	      "weight 0 is confirmed within 5 s of the verdict (%.1f ms)",
	      (double)back / (double)USEC_MS);
	const struct veto *v = veto_of(d, environment, ro->image);
	check(r, v != NULL, "its digest is vetoed in %s", environment);
	const struct incident *i = model_incident(&d->model, rel->incident);
	check(r, i && i->runbook && i->state != INCIDENT_OPEN,
	      "an incident with the runbook %s is mitigated", i && i->runbook ? i->runbook : "-");
	check(r, demo_wait(d, LONG, reverted, &g),
	      "the change is taken back in Git, and that commit is delivered");
}

static void scene_d(struct demo *d, struct scene_result *r)
{
	AUTO(freep) char *commit = NULL, *again = NULL, *undo = NULL;
	struct err err = {0};

	if (!push(d, r, "bad-payments", &commit))
		return;
	const struct release *rel = await_release(d, r, commit, RELEASE_ROLLED_BACK);
	const struct rollout *ro = rel ? demo_rollout(d, rel->id, "production", "payments") : NULL;
	check(r, ro && (streq(ro->cause, "errors") || streq(ro->cause, "guard")) && ro->step == 0,
	      "caught at 5 %% by its errors");
	check_taken_back(d, r, commit, "production", "payments", NULL);
	demo_say(d, "the same bad content is pushed again");
	if (!push(d, r, "bad-payments", &again))
		return;
	struct goal g = {.commit = again};
	check(r, demo_wait(d, LONG, release_ended, &g), "the second push is decided");
	rel = demo_release_of(d, again);
	check(r,
	      rel && rel->state == RELEASE_REJECTED && rel->reason && strstr(rel->reason, "vetoed"),
	      "the same digest is refused: %s", rel && rel->reason ? rel->reason : "-");
	if (demo_push_revert(d, again, &undo, &err) != RC_OK) {
		check(r, false, "%s", err.msg);
		return;
	}
	g.commit = undo;
	check(r, demo_wait(d, LONG, run_ended, &g), "the developer's own revert is delivered");
}

static void bad_in_staging(struct demo *d, struct scene_result *r, const char *change,
			   const char *cause)
{
	AUTO(freep) char *commit = NULL;

	if (!push(d, r, change, &commit))
		return;
	struct goal g = {.commit = commit};
	check(r, demo_wait(d, LONG, release_ended, &g), "%s: the release ends", change);
	const struct release *rel = demo_release_of(d, commit);
	check(r, rel && rel->state == RELEASE_FAILED, "%s never reaches production", change);
	if (!r->release)
		take_times(d, r, commit);
	const struct rollout *ro = rel ? demo_rollout(d, rel->id, "staging", "payments") : NULL;
	usec_t took = ro && ro->zero_confirmed_at ? ro->zero_confirmed_at - ro->applied_at : 0;
	check(r, took && took < 30 * USEC_SEC, "%s: rolled back in under 30 s, on facts (%.1f s)",
	      change, (double)took / (double)USEC_SEC);
	check_taken_back(d, r, commit, "staging", "payments", cause);
}

static void scene_e(struct demo *d, struct scene_result *r)
{
	bad_in_staging(d, r, "crash-payments", "crash");
	bad_in_staging(d, r, "unready-payments", "unready");
}

static void scene_f(struct demo *d, struct scene_result *r)
{
	AUTO(freep) char *commit = NULL;

	if (!push(d, r, "slow-payments", &commit))
		return;
	await_release(d, r, commit, RELEASE_ROLLED_BACK);
	check_taken_back(d, r, commit, "production", "payments", "latency");
}

static bool waits_with_number(struct demo *d, void *ctx)
{
	const struct goal *g = ctx;
	const struct release *rel = demo_release_of(d, g->commit);
	const struct rollout *ro = rel ? demo_rollout(d, rel->id, "production", g->unit) : NULL;

	return ro && ro->state == ROLLOUT_BAKING && ro->numbers.seconds >= 4 &&
	       streq(ro->numbers.answer, "wait") && ro->numbers.need &&
	       ro->numbers.need != UINT64_MAX;
}

static void scene_g(struct demo *d, struct scene_result *r)
{
	AUTO(freep) char *commit = NULL;

	loadgen_rate(d->load, 20);
	demo_say(d, "the load is turned down to 20 requests a second");
	if (!push(d, r, "quiet-auth", &commit))
		return;
	struct goal g = {.commit = commit, .unit = "auth"};
	check(r, demo_wait(d, LONG, waits_with_number, &g),
	      "at low traffic the verdict waits and says how many requests it still needs");
	const struct release *rel = demo_release_of(d, commit);
	const struct rollout *ro = rel ? demo_rollout(d, rel->id, "production", "auth") : NULL;
	check(r, ro && ro->step == 0, "no evidence, no promotion: it stays at 5 %%");
	if (ro)
		demo_say(d, "it still needs about %llu requests; the load comes back",
			 (unsigned long long)ro->numbers.need);
	loadgen_rate(d->load, d->rate);
	await_live(d, r, commit);
}

static bool bakes(struct demo *d, void *ctx)
{
	const struct goal *g = ctx;
	const struct release *rel = demo_release_of(d, g->commit);
	const struct rollout *ro = rel ? demo_rollout(d, rel->id, "production", g->unit) : NULL;

	return ro && ro->state == ROLLOUT_BAKING && ro->numbers.seconds >= 2;
}

static void scene_h(struct demo *d, struct scene_result *r)
{
	AUTO(freep) char *commit = NULL;
	struct err err = {0};

	if (!push(d, r, "again-orders", &commit))
		return;
	struct goal g = {.commit = commit, .unit = "orders"};
	bool baking = demo_wait(d, LONG, bakes, &g);
	check(r, baking, "the canary is under way when the daemon is killed");
	demo_daemon_kill(d);
	demo_say(
		d,
		"kill -9 of the daemon, in the middle of the canary; the traffic goes on without it");
	clock_sleep(1500 * USEC_MS);
	if (demo_daemon_start(d, &err) != RC_OK) {
		check(r, false, "%s", err.msg);
		return;
	}
	await_live(d, r, commit);
}

static const struct scene scenes[] = {
	{"a", "the first push: everything is built, tested, packed, staged, decided, live",
	 scene_a},
	{"b", "a good change to orders alone", scene_b},
	{"c", "a change to libs/shared: one release, providers first", scene_c},
	{"d", "a bad change to payments: 20 % errors", scene_d},
	{"e", "a change that crash-loops, and one that never gets ready", scene_e},
	{"f", "a slow change to payments: p99 x 3", scene_f},
	{"g", "a fine change at low traffic: waits, and says for what", scene_g},
	{"h", "kill -9 of the daemon in the middle of a canary", scene_h},
};

static bool wanted(const struct demo *d, const char *id)
{
	return !d->o.scenes || *id == 'a' || strstr(d->o.scenes, id);
}

static void play_one(struct demo *d, const struct scene *s)
{
	struct err err = {0};

	vec_push(&d->results, ((struct scene_result){.id = s->id, .title = s->title, .ran = true}));
	struct scene_result *r = vec_last(&d->results);
	demo_heading(d, "%s. %s", s->id, s->title);
	r->began = clock_mono();
	if (d->load)
		loadgen_snapshot(d->load, &r->before);
	s->play(d, r);
	if (!d->load && demo_load_start(d, &err) != RC_OK)
		check(r, false, "%s", err.msg);
	if (d->load)
		loadgen_snapshot(d->load, &r->after);
	r->ended = clock_mono();
	r->ok = r->checks.n > 0;
	vec_each(c, &r->checks) {
		r->ok = r->ok && c->ok;
		if (!c->ok)
			demo_say(d, "NOT AS IT SHOULD BE: %s", c->text);
	}
	struct loadgen_stats seen;
	loadgen_stats_sub(&r->after, &r->before, &seen);
	bool harmless = *s->id != 'd';
	if (r->before.time_ns && harmless && (seen.errors || seen.timeouts || seen.status[5])) {
		r->ok = false;
		demo_say(d, "NOT AS IT SHOULD BE: clients saw %llu failed requests",
			 (unsigned long long)(seen.errors + seen.timeouts + seen.status[5]));
		check(r, false, "clients saw no failed request");
	} else if (r->before.time_ns && harmless) {
		check(r, true, "clients saw no failed request");
	}
}

void demo_play(struct demo *d)
{
	for (size_t i = 0; i < ARRAY_LEN(scenes) && !d->stop && !d->broken; i++) {
		if (!wanted(d, scenes[i].id))
			continue;
		play_one(d, &scenes[i]);
		if (i == 0 && !d->load)
			return;
		if (i == 0) /* what innocent traffic looks like, before anything is judged by it */
			clock_sleep(2 * USEC_SEC);
	}
}
