/* A change becomes a run. */
#include "base/glob.h"
#include "core/ready.h"
#include "core/step_impl.h"

enum rc on_started(struct step *s)
{
	struct project *p = model_project(s->m);

	if (!p) {
		p = model_add(s->m, AGG_PROJECT, "project");
		p->id = xstrdup("project");
	}
	p->slots = MAX_OF(s->ev->slots, 1u);
	p->started++;
	set_text(&p->version, s->ev->text);
	model_touch(s->m, AGG_PROJECT, "project");
	agent_local(s);
	forget_ended(s);
	run_again(s);
	return RC_OK;
}

static struct project_repo *source_of(struct step *s, const char *repo)
{
	struct project_repo *src = model_source(s->m, repo);

	if (!src) {
		src = model_add(s->m, AGG_SOURCE, repo);
		src->id = xstrdup(repo);
	}
	return src;
}

/* Kept in order of name. */
static struct repo_ref *add_ref(struct project_repo *src, const char *ref)
{
	size_t at = src->refs.n;

	vec_add(&src->refs);
	while (at && strcmp(src->refs.v[at - 1].ref, ref) > 0)
		at--;
	memmove(&src->refs.v[at + 1], &src->refs.v[at],
		(src->refs.n - 1 - at) * sizeof(*src->refs.v));
	src->refs.v[at] = (struct repo_ref){.ref = xstrdup(ref)};
	return &src->refs.v[at];
}

void run_touch_all(struct step *s, struct run *run)
{
	model_touch(s->m, AGG_RUN, run->id);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (streq(job->run, run->id))
			model_touch(s->m, AGG_JOB, job->id);
	}
	if (run->config && model_config(s->m, run->config))
		model_touch(s->m, AGG_CONFIG, run->config);
}

void run_cancel(struct step *s, struct run *run, enum run_state to, const char *reason)
{
	run_set(s->m, run, to, reason);
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		if (!streq(job->run, run->id) || job->settled)
			continue;
		if (job->state == JOB_RUNNING) { /* its end settles it */
			set_text(&order(s, EF_CANCEL_JOB, "job/%s", job->id)->job, job->id);
			continue;
		}
		ready_del(s->m, job);
		job_set(s->m, job, JOB_CANCELLED, reason);
		run->open -= job->stage == STAGE_CI && !job->optional;
	}
	run_count_open(s, run);
	run_touch_all(s, run);
	if (run->change.kind == CHANGE_QUEUE)
		queue_run_ended(s, run);
}

static void cancel_ref(struct step *s, const char *repo, const char *ref, const char *reason)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_RUN], e));) {
		struct run *run = e->value;

		if (streq(run->change.repo, repo) && streq(run->change.ref, ref) &&
		    !run_is_final(run->state))
			run_cancel(s, run, RUN_CANCELLED, reason);
	}
}

/* "17" of refs/pull/17/head and refs/merge-requests/17/head. */
static struct str pull_number(const char *ref)
{
	struct str rest = str_of(ref), number = {NULL, 0};

	if (str_starts(rest, "refs/pull/"))
		rest = (struct str){rest.p + 10, rest.n - 10};
	else if (str_starts(rest, "refs/merge-requests/"))
		rest = (struct str){rest.p + 20, rest.n - 20};
	else
		return number;
	number = str_cut(&rest, '/');
	for (size_t i = 0; i < number.n; i++)
		if (number.p[i] < '0' || number.p[i] > '9')
			return (struct str){NULL, 0};
	return str_is(rest, "head") && number.n < 20 ? number : (struct str){NULL, 0};
}

const struct config *repo_config(const struct model *m, const char *repo)
{
	const struct project_repo *src = model_source(m, repo);

	return src ? model_config(m, src->config) : NULL;
}

char *main_branch(const struct config *c)
{
	for (size_t i = 0; c && i < c->branches.n; i++)
		if (!strpbrk(c->branches.v[i], "*?[{"))
			return xasprintf("refs/heads/%s", c->branches.v[i]);
	return xstrdup("refs/heads/main");
}

/* What kind of change a ref brings; false: none. */
static bool change_of_ref(struct step *s, const char *old, struct change *ret)
{
	const struct event *ev = s->ev;
	struct str number = pull_number(ev->ref);

	*ret = (struct change){.pushed_at = ev->started_at ? ev->started_at : s->m->time};
	if ((number.n || str_starts(str_of(ev->ref), "refs/tags/")) && ev->ok)
		return false; /* it stood there before anybody asked us */
	if (number.n) {
		ret->kind = CHANGE_PULL;
		ret->number = xstrndup(number.p, number.n);
		ret->target = main_branch(repo_config(s->m, ev->repo));
		ret->fork = true; /* until the repository says otherwise */
	} else if (str_starts(str_of(ev->ref), "refs/tags/")) {
		ret->kind = CHANGE_TAG;
	} else if (!str_starts(str_of(ev->ref), "refs/heads/")) {
		return false;
	}
	ret->repo = xstrdup(ev->repo);
	ret->ref = xstrdup(ev->ref);
	ret->commit = xstrdup(ev->commit);
	ret->base = ret->kind == CHANGE_PUSH && old && *old ? xstrdup(old) : NULL;
	return true;
}

enum rc on_ref_moved(struct step *s)
{
	const struct event *ev = s->ev;

	if (!ev->repo || !ev->ref)
		return err_set(s->err, RC_INVALID, "a moved ref needs its repository and its name");
	struct repo_ref *known = source_ref(model_source(s->m, ev->repo), ev->ref);
	if (known ? streq(known->commit, ev->commit) : !ev->commit)
		return RC_OK;
	/* A branch that was deleted begins anew. */
	const char *before = known ? known->commit : ev->base;
	AUTO(freep) char *old = before ? xstrdup(before) : NULL;
	if (!known)
		known = add_ref(source_of(s, ev->repo), ev->ref);
	set_text(&known->commit, ev->commit);
	set_text(&known->run, NULL);
	model_touch(s->m, AGG_SOURCE, ev->repo);
	if (!ev->commit) {
		cancel_ref(s, ev->repo, ev->ref, "the branch was deleted");
		return RC_OK;
	}
	struct change change;
	if (!change_of_ref(s, old, &change))
		return RC_OK;
	order(s, EF_READ_CHANGE, "source/%s", ev->repo)->change = change;
	if (change.kind == CHANGE_PUSH)
		queue_target_moved(s, ev->repo, ev->ref);
	return RC_OK;
}

static bool matches(const texts *globs, const char *ref, const char *prefix)
{
	if (!ref || !str_starts(str_of(ref), prefix))
		return false;
	vec_each(pattern, globs)
		if (glob_match(str_of(*pattern), str_of(ref + strlen(prefix))))
			return true;
	return false;
}

/* Whether penstock.yml wants runs of such a change. */
static bool change_counts(const struct config *c, const struct change *change)
{
	switch (change->kind) {
	case CHANGE_TAG:
		return matches(&c->tags, change->ref, "refs/tags/");
	case CHANGE_PULL:
		return c->pull_requests &&
		       matches(c->pull_branches.n ? &c->pull_branches : &c->branches,
			       change->target, "refs/heads/");
	case CHANGE_QUEUE:
	case CHANGE_SCHEDULE:
	case CHANGE_PERSON:
		return true;
	case CHANGE_PUSH:
		break;
	}
	return matches(&c->branches, change->ref, "refs/heads/");
}

static struct run *run_new(struct step *s, const struct change *change)
{
	struct project *p = model_project(s->m);
	char *id = xasprintf("run-%u", ++p->runs);
	struct run *run = model_add(s->m, AGG_RUN, id);

	run->id = id;
	run->created_at = s->m->time;
	copy_change(&run->change, change);
	model_touch(s->m, AGG_PROJECT, "project");
	return run;
}

/* What the plan and its definition say of a job. */
static void fill_job(struct step *s, const struct run *run, struct job *job,
		     const struct plan_job *pj)
{
	const struct config *c = model_config(s->m, run->config);
	const struct job_def *def = config_job(c, STAGE_CI, pj->def ? pj->def : pj->job);

	job->kind = pj->kind;
	set_text(&job->key, pj->key);
	set_text(&job->why, pj->why);
	set_text(&job->def, pj->def);
	vec_each(p, &pj->matrix)
		vec_push(&job->matrix, ((struct pair){xstrdup(p->key), xstrdup(p->value)}));
	job->shard = pj->shard;
	job->shards = pj->shards;
	vec_each(file, &pj->files)
		vec_push(&job->files, xstrdup(*file));
	if (def)
		job_of_def(job, def, *job->unit ? config_unit(c, job->unit) : NULL, &run->change);
}

/* One job of the plan; needs are ids of jobs made before it. */
static void plan_to_job(struct step *s, struct run *run, const struct plan_job *pj)
{
	struct job *job = job_new(s, run, STAGE_CI, pj->unit, pj->job);

	fill_job(s, run, job, pj);
	run->jobs++;
	vec_each(need, &pj->needs) {
		struct str rest = str_of(*need), unit = str_cut(&rest, '/');
		AUTO(freep)
		char *id = xasprintf("%s/ci/%.*s/%.*s", run->id, unit.n ? (int)unit.n : 1,
				     unit.n ? unit.p : "-", (int)rest.n, rest.p);
		struct job *on = model_job(s->m, id);

		BUG_ON(!on); /* plans are topological */
		texts_add(&job->needs, id);
		if (!on->settled) {
			job->waiting++;
			job->optional = job->optional || on->optional;
			vec_push(&on->dependents, job);
		}
	}
	if (pj->state == PLAN_MISS) {
		run->open += !job->optional;
		return;
	}
	set_text(&job->outputs, pj->outputs);
	set_text(&job->image, pj->image);
	job->state = pj->state == PLAN_HIT          ? JOB_CACHED
		     : pj->state == PLAN_UNAFFECTED ? JOB_UNAFFECTED
						    : JOB_SKIPPED;
	job->settled = true;
	job->ended_at = s->m->time;
	run->cached += pj->state == PLAN_HIT;
	run->unaffected += pj->state == PLAN_UNAFFECTED;
}

static void make_jobs(struct step *s, struct run *run, const struct plan *plan)
{
	vec_each(unit, &plan->units)
		if (unit->affected)
			texts_add(&run->affected, unit->name);
	vec_each(pj, &plan->jobs)
		plan_to_job(s, run, pj);
	if (!run->waits)
		run_begin(s, run);
}

void run_begin(struct step *s, struct run *run)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;

		if (streq(job->run, run->id) && job->state == JOB_BLOCKED)
			job_begin(s, job);
	}
}

/* What a trusted change says is the project's from now on: a pull request decides nothing but its own run. */
static void keep_repo_config(struct step *s)
{
	struct project_repo *src = source_of(s, s->ev->change.repo);

	if (streq(src->config, s->ev->config_digest))
		return;
	if (src->config && model_config(s->m, src->config))
		model_touch(s->m, AGG_CONFIG, src->config);
	set_text(&src->config, s->ev->config_digest);
	model_touch(s->m, AGG_SOURCE, src->id);
	schedules_arm(s, s->ev->change.repo, &s->ev->config);
}

/* Policy comes from the main branch alone, as long as there is one: an old commit that is tagged, or a topic branch, says nothing for others. */
static bool speaks_for_project(const struct step *s)
{
	const struct change *change = &s->ev->change;
	const struct config *known = repo_config(s->m, change->repo);
	AUTO(freep) char *main = main_branch(known);
	const struct repo_ref *ref = source_ref(model_source(s->m, change->repo), main);

	return !known || streq(change->ref, main) || !ref || !ref->commit;
}

static void keep_config(struct step *s)
{
	struct project *p = model_project(s->m);
	const struct config *c = &s->ev->config;

	if (!model_config(s->m, s->ev->config_digest)) {
		struct config_ref *ref = model_add(s->m, AGG_CONFIG, s->ev->config_digest);

		ref->id = xstrdup(s->ev->config_digest);
		shape_copy(&shape_config, &ref->config, c);
	}
	if (s->ev->change.kind != CHANGE_PUSH && s->ev->change.kind != CHANGE_TAG)
		return;
	environment_of(s, c->staging_env, STAGE_STAGING);
	environment_of(s, c->production_env, STAGE_PRODUCTION);
	if (!speaks_for_project(s))
		return;
	keep_repo_config(s);
	if (!streq(p->config, s->ev->config_digest)) {
		if (p->config && model_config(s->m, p->config))
			model_touch(s->m, AGG_CONFIG, p->config);
		set_text(&p->config, s->ev->config_digest);
		set_text(&p->name, c->project);
		model_touch(s->m, AGG_PROJECT, "project");
		model_touch(s->m, AGG_CONFIG, p->config);
	}
}

/* An older run of the same pull request has nothing to say any more. */
static void supersede_pull(struct step *s, const struct run *newer)
{
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_RUN], e));) {
		struct run *run = e->value;
		AUTO(freep) char *why = xasprintf("%s is newer", newer->id);

		if (run != newer && run->change.kind == CHANGE_PULL && !run_is_final(run->state) &&
		    streq(run->change.repo, newer->change.repo) &&
		    streq(run->change.ref, newer->change.ref))
			run_cancel(s, run, RUN_SUPERSEDED, why);
	}
}

/* Groups whose newest job takes the place of older ones, of this run's jobs. */
static void superseding_groups(struct step *s, const struct run *newer, struct map *ret)
{
	const struct config *c = model_config(s->m, newer->config);

	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		struct job *job = e->value;
		if (!job->group || job->settled || !streq(job->run, newer->id))
			continue;
		const struct job_def *def =
			config_job(c, STAGE_CI, job->def ? job->def : job->name);

		if (def && def->group.supersede)
			map_put(ret, str_of(job->group), job);
	}
}

/* A newer run's job takes the place of older runs' in its group. Only in ci: a deploy is never dropped. */
static void supersede_groups(struct step *s, const struct run *newer)
{
	struct map groups = {.n = 0};

	superseding_groups(s, newer, &groups);
	for (struct map_entry *e = NULL; groups.n && (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		const struct job *old = e->value;

		if (old->stage != STAGE_CI || old->settled || !old->group ||
		    !map_get(&groups, str_of(old->group)))
			continue;
		struct run *run = model_run(s->m, old->run);
		if (run == newer || run_is_final(run->state))
			continue;
		AUTO(freep)
		char *why = xasprintf("%s has a newer job of group %s", newer->id, old->group);
		run_cancel(s, run, RUN_SUPERSEDED, why);
	}
	map_done(&groups);
}

/* From whom a run is: what the repository's own penstock.yml, not the request's, says of forks. */
static const char *fork_refused(struct step *s, struct run *run)
{
	const struct config *c = repo_config(s->m, run->change.repo);

	if (run->change.kind != CHANGE_PULL || !run->change.fork)
		return NULL;
	if (!c)
		return "no branch of this repository was read yet, so nobody said what pull requests from forks may do";
	if (c->forks == FORKS_NEVER)
		return "pull requests from forks are not run (on.pull_request.forks: never)";
	run->waits = c->forks == FORKS_APPROVE;
	if (run->waits)
		set_text(&run->reason,
			 "a change from a fork waits for approval: penstock approve RUN");
	return NULL;
}

static void plan_to_run(struct step *s, struct run *run)
{
	const struct event *ev = s->ev;

	if (model_is_ended(s->m, AGG_CONFIG, ev->config_digest)) /* it is at work again */
		model_touch(s->m, AGG_CONFIG, ev->config_digest);
	set_text(&run->config, ev->config_digest);
	set_text(&run->plan, ev->plan.hash);
	run->budget = ev->config.ci_budget;
	vec_each(in, &ev->config.includes)
		vec_push(&run->includes,
			 ((struct include_ref){xstrdup(in->from), xstrdup(in->digest)}));
	vec_each(image, &ev->plan.images)
		vec_push(&run->images, ((struct pair){xstrdup(image->key), xstrdup(image->value)}));
	const char *refused = fork_refused(s, run);
	if (refused) {
		run_set(s->m, run, RUN_CANCELLED, refused);
		return;
	}
	make_jobs(s, run, &ev->plan);
	run_predict(s, run);
	if (run->open == 0 && !run->waits)
		set_text(&run->reason,
			 run->cached ? "everything was cached" : "nothing is affected");
	const struct repo_ref *ref =
		source_ref(model_source(s->m, run->change.repo), run->change.ref);
	bool newest =
		ref && streq(ref->commit,
			     run->change.commit); /* else somebody wants an older one once more */
	if (run->change.kind == CHANGE_PULL && newest)
		supersede_pull(s, run);
	supersede_groups(s, run);
	if (!run->waits)
		run_settle(s, run);
}

enum rc on_change_planned(struct step *s)
{
	const struct event *ev = s->ev;
	const struct change *change = &ev->change;
	struct repo_ref *ref = source_ref(model_source(s->m, change->repo), change->ref);
	bool by_ref = change->kind == CHANGE_PUSH || change->kind == CHANGE_TAG ||
		      change->kind == CHANGE_PULL;

	if (by_ref && (!ref || (streq(ref->commit, change->commit) && ref->run)))
		return RC_OK; /* deleted meanwhile, or a second answer */
	if (change->kind == CHANGE_QUEUE && !queue_wants(s->m, change))
		return RC_OK;
	if (!ev->config_digest)
		return err_set(s->err, RC_INVALID, "a planned change needs its penstock.yml");
	if (!change_counts(change->kind == CHANGE_PULL && repo_config(s->m, change->repo)
				   ? repo_config(s->m, change->repo)
				   : &ev->config,
			   change)) {
		if (ref) {
			set_text(&ref->run, "-");
			model_touch(s->m, AGG_SOURCE, change->repo);
		}
		return RC_OK;
	}
	keep_config(s);
	struct run *run = run_new(s, change);
	if (by_ref && streq(ref->commit, change->commit)) {
		set_text(&ref->run, run->id);
		model_touch(s->m, AGG_SOURCE, change->repo);
	}
	if (change->kind == CHANGE_QUEUE)
		queue_run_began(s, run);
	plan_to_run(s, run);
	return RC_OK;
}

enum rc on_change_refused(struct step *s)
{
	const struct change *change = &s->ev->change;
	struct repo_ref *ref = source_ref(model_source(s->m, change->repo), change->ref);
	bool by_ref = change->kind == CHANGE_PUSH || change->kind == CHANGE_TAG ||
		      change->kind == CHANGE_PULL;

	if (by_ref && (!ref || !streq(ref->commit, change->commit) || ref->run))
		return RC_OK;
	struct run *run = run_new(s, change);
	if (by_ref) {
		set_text(&ref->run, run->id);
		model_touch(s->m, AGG_SOURCE, change->repo);
	}
	run_set(s->m, run, RUN_RUNNING, NULL);
	run_set(s->m, run, RUN_FAILED, s->ev->error ? s->ev->error : "penstock.yml cannot be used");
	if (change->kind == CHANGE_QUEUE)
		queue_run_ended(s, run);
	return RC_OK;
}
