/*
 * What a team does beside pushing to its branch: requests to merge, of its own and from forks, pushed to again and again and looked at by somebody; tags; jobs
 * that are started by hand, late or never, or once more in their kept workspace; tests that are put into quarantine; times of penstock.yml that change.
 */
#include "sim.h"

#include "flow/1-source/adapters.h"

#define REQUESTS 4 /* even numbers are ours, odd ones come from forks */

static void answered(void *ctx, enum rc rc, const struct err *err, uint64_t seq)
{
	(void)seq;
	if (rc == RC_INTERNAL)
		sim_fail(ctx, 0, "a person got: %s", err->msg);
}

static void ask(struct sim *s, struct event *ev, const char *actor)
{
	ev->actor = xstrdup(actor);
	sim_say(s, "person: %s %s %s", actor, event_kind_names[ev->kind],
		ev->job   ? ev->job
		: ev->run ? ev->run
		: ev->id  ? ev->id
			  : "");
	engine_ask(s->engine, ev, answered, s);
}

bool request_is_fork(const char *number)
{
	uint32_t n = 0;

	return !parse_u32(str_of(number), &n) || n % 2;
}

/* ---- what is in the repository ---- */

static void add_file(struct sim *s, const char *ref, const char *path, const char *text)
{
	struct fake_file file = {.path = path, .bytes = str_of(text)};
	struct fake_commit c = {.author = "eve",
				.email = "eve@example.com",
				.message = path,
				.files = &file,
				.n = 1};

	sim_say(s, "push: %s to %s: %s", scm_fake_commit(s->scm, REPO, ref, &c), ref, path);
}

static void push_request(struct sim *s)
{
	static const char *const kinds[] = {"good", "good", "test-fails", "flaky", "build-fails"};
	AUTO(freep)
	char *ref =
		xasprintf("refs/pull/%u/head", 1 + (unsigned)rng_below(&s->fault_rng, REQUESTS));
	AUTO(freep)
	char *path = xasprintf("services/s%u/src", (unsigned)rng_below(&s->fault_rng, s->services));
	AUTO(freep)
	char *text = xasprintf("%s %u\n", kinds[rng_below(&s->fault_rng, ARRAY_LEN(kinds))],
			       ++s->contents);

	if (scm_fake_tip(s->scm, REPO, ref) && rng_chance(&s->fault_rng, 0.1)) {
		sim_say(s, "push: %s is deleted", ref);
		scm_fake_set(s->scm, REPO, ref, NULL);
		return;
	}
	if (!scm_fake_tip(s->scm, REPO, ref) || rng_chance(&s->fault_rng, 0.2))
		scm_fake_set(s->scm, REPO, ref, scm_fake_tip(s->scm, REPO, MAIN_REF));
	if (rng_chance(&s->fault_rng,
		       0.2)) /* it says something else about forks, and about times */
		add_file(s, ref, "penstock.yml", s->yml_theirs);
	else
		add_file(s, ref, path, text);
}

static void list_ref(struct sim *s, const char *ref,
		     bool (*each)(void *, const char *, const char *), void *ctx)
{
	const char *tip = scm_fake_tip(s->scm, REPO, ref);

	if (tip)
		(void)each(ctx, ref, tip);
}

void requests_refs(struct sim *s, bool (*each)(void *, const char *, const char *), void *ctx)
{
	for (unsigned i = 1; s->o.ci && i <= REQUESTS; i++) {
		AUTO(freep) char *ref = xasprintf("refs/pull/%u/head", i);

		list_ref(s, ref, each, ctx);
	}
	for (unsigned i = 1; i <= s->tags; i++) {
		AUTO(freep) char *ref = xasprintf("refs/tags/v%u", i);

		list_ref(s, ref, each, ctx);
	}
}

static void push_tag(struct sim *s)
{
	AUTO(freep) char *ref = xasprintf("refs/tags/v%u", ++s->tags);

	sim_say(s, "push: %s", ref);
	scm_fake_set(s->scm, REPO, ref, scm_fake_tip(s->scm, REPO, MAIN_REF));
}

static void change_times(struct sim *s)
{
	s->other_times = !s->other_times;
	add_file(s, MAIN_REF, "penstock.yml", s->other_times ? s->yml_times : s->yml);
}

/* ---- people ---- */

static const char *const actors[] = {"user:ann", "user:bob", "user:eve"};

static const char *somebody(struct sim *s)
{
	return actors[rng_below(&s->fault_rng, ARRAY_LEN(actors))];
}

static void look_at(struct sim *s, const struct run *run, const char *actor, bool yes)
{
	struct event ev = {.kind = EV_APPROVE, .run = xstrdup(run->id), .ok = yes};

	ask(s, &ev, actor);
}

static void approve_one(struct sim *s)
{
	const struct model *m = engine_model(s->engine);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_RUN], e));) {
		const struct run *run = e->value;

		if (run->change.kind != CHANGE_PULL || !rng_chance(&s->fault_rng, 0.3))
			continue;
		look_at(s, run, somebody(s), rng_chance(&s->fault_rng, 0.8));
		return;
	}
}

/* A job by chance, of those that could be started, and now and then of all. */
static void start_job(struct sim *s)
{
	const struct model *m = engine_model(s->engine);
	const struct job *found = NULL;
	bool any = rng_chance(&s->fault_rng, 0.1);

	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if ((any || job->state == JOB_MANUAL || job->state == JOB_FAILED) &&
		    (!found || rng_chance(&s->fault_rng, 0.4)))
			found = job;
	}
	if (!found)
		return;
	struct event ev = {
		.kind = EV_START_JOB, .job = xstrdup(found->id), .ok = found->state == JOB_FAILED};
	ask(s, &ev, somebody(s));
}

static void put_away(struct sim *s)
{
	struct event ev = {.kind = rng_chance(&s->fault_rng, 0.7) ? EV_QUARANTINE : EV_UNQUARANTINE,
			   .id = xstrdup(rng_chance(&s->fault_rng, 0.5) ? "s.broken" : "s.flaky"),
			   .type = xstrdup("ann")};

	ev.until = runner_now(s->runner) + rng_between(&s->fault_rng, 1, 60) * USEC_SEC;
	ask(s, &ev, somebody(s));
}

static void something(void *arg)
{
	struct sim *s = arg;
	uint64_t n = rng_below(&s->fault_rng, 100);
	bool begun = scm_fake_tip(s->scm, REPO, MAIN_REF) != NULL;

	if (!s->pushing)
		return;
	if (begun && n < 30)
		push_request(s);
	else if (begun && n < 35)
		push_tag(s);
	else if (begun && n < 40)
		change_times(s);
	else if (s->engine && n < 60)
		approve_one(s);
	else if (s->engine && n < 90)
		start_job(s);
	else if (s->engine)
		put_away(s);
	if (s->engine && n < 40)
		engine_source_changed(s->engine, REPO);
	runner_sim_at(s->runner,
		      sim_now(s) + rng_between(&s->fault_rng, 30 * USEC_MS, s->requests_pause),
		      something, s);
}

void requests_start(struct sim *s)
{
	if (!s->o.ci)
		return;
	s->requests_pause = rng_between(&s->fault_rng, 300, 4000) * USEC_MS;
	something(s);
}

/* The end: what waits for somebody's approval gets an answer. */
void requests_settle(struct sim *s)
{
	const struct model *m = s->o.ci && s->engine ? engine_model(s->engine) : NULL;

	for (struct map_entry *e = NULL; m && (e = map_next(&m->by_kind[AGG_RUN], e));) {
		const struct run *run = e->value;

		if (run->waits && !model_is_ended(m, AGG_RUN, run->id))
			look_at(s, run, actors[1], rng_chance(&s->fault_rng, 0.5));
	}
}

/* ---- penstock.yml ---- */

void requests_on(struct sim *s, struct strbuf *b)
{
	static const char *const forks[] = {"approve", "never", "always"};

	if (!s->o.ci)
		return;
	s->forks = (enum forks)rng_below(&s->rng, 3);
	strbuf_addf(b, ", pull_request: {forks: %s}, schedule: [{cron: \"* * * * *\"}]",
		    forks[s->forks]);
}

/* Jobs of stage ci. */
void requests_jobs(struct sim *s, struct strbuf *b)
{
	if (!s->o.ci)
		return;
	strbuf_addf(
		b,
		"  lint: {each: services, run: make lint, concurrency: {group: lint, mode: %s}}\n",
		rng_chance(&s->rng, 0.8) ? "supersede" : "queue");
	strbuf_adds(
		b,
		"  may: {each: services, allow_failure: true, run: make may, outputs: [out/**]}\n"
		"  then: {each: services, needs: [may, lint], run: make then, outputs: [out/**]}\n"
		"  hand: {each: services, needs: [lint], manual: true, run: make hand, outputs: [out/**]}\n"
		"  after: {each: services, needs: [hand, may], run: make after}\n");
}

/* The same file as a request would like it, and with other times. */
void requests_yml(struct sim *s)
{
	static const char was[] = "* * * * *";
	const char *at = s->o.ci ? strstr(s->yml, was) : NULL;

	if (!at)
		return;
	s->yml_times = xasprintf("%.*s*/2 * * * *%s", (int)(at - s->yml), s->yml, at + strlen(was));
	const char *forks = strstr(s->yml, "forks: "), *end = strchr(forks, '}');
	s->yml_theirs =
		xasprintf("%.*sforks: always%s# mine\n", (int)(forks - s->yml), s->yml, end);
}
