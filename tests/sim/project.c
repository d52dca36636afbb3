/* The project of a history and what is pushed to it. */
#include "flow/1-source/adapters.h"
#include "sim.h"

const char *const content_names[CONTENTS] = {"good",  "errors",      "slow",       "crash",
					     "never", "build-fails", "test-fails", "flaky"};

static void add_services(struct sim *s, struct strbuf *b)
{
	strbuf_adds(b, "services:\n");
	for (unsigned i = 0; i < s->services; i++) {
		strbuf_addf(
			b,
			"  s%u: {path: services/s%u, deps: [shared], port: 8080, health: /healthz, replicas: %u, provides: api%u",
			i, i, (unsigned)rng_between(&s->rng, 1, 3), i);
		if (i && rng_chance(&s->rng, 0.5))
			strbuf_addf(b, ", consumes: [api%u]", (unsigned)rng_below(&s->rng, i));
		if (i == 0)
			strbuf_adds(b, ", secrets: {TOKEN: \"" SECRET_REF "\"}");
		strbuf_adds(b, "}\n");
	}
}

/* What a job asks for: more than one place, memory, a group of which one runs at a time, a kind of agent. */
static void add_needs(struct sim *s, struct strbuf *b)
{
	if (s->o.script)
		return;
	if (rng_chance(&s->rng, 0.4))
		strbuf_addf(b, ", cpu: %um",
			    s->slots > 1 ? (unsigned)rng_between(&s->rng, 500, 2000) : 700);
	if (rng_chance(&s->rng, 0.3))
		strbuf_adds(b, ", memory: 1Gi");
	if (rng_chance(&s->rng, 0.15))
		strbuf_adds(b, ", concurrency: {group: db}");
	if (s->with_agents && rng_chance(&s->rng, 0.1))
		strbuf_adds(b, ", agent: [linux]");
}

void project_make(struct sim *s)
{
	struct strbuf b = STRBUF(65536);

	s->services = s->o.script ? 2
				  : (unsigned)rng_between(&s->rng, 1,
							  rng_chance(&s->rng, 0.8) ? 2 : SERVICES);
	strbuf_adds(&b, "version: 1\nproject: sim\n");
	s->with_agents = !s->o.script && rng_chance(&s->rng, 0.4);
	s->with_queue = !s->o.script && rng_chance(&s->rng, 0.3);
	if (!s->o.ci)
		strbuf_adds(&b, "on: {push: {branches: [main, \"side*\"]}");
	else
		strbuf_addf(&b, "on: {push: {branches: [main, \"side*\"], tags: [\"v*\"]%s}",
			    rng_chance(&s->rng, 0.2) ? ", release: tags" : "");
	requests_on(s, &b);
	if (s->with_queue)
		strbuf_addf(&b, ", merge_queue: {branches: [main], batch: %u}",
			    (unsigned)rng_between(&s->rng, 1, 5));
	strbuf_adds(
		&b,
		"}\n"
		"defaults: {timeout: 1m, retry: {on: [infra], max: 2}}\nlibraries: {shared: {path: libs/shared}}\n");
	add_services(s, &b);
	strbuf_adds(
		&b,
		"ci:\n  build: {each: \"*\", needs: [^build], run: make build, outputs: [out/**]");
	if (!s->o.ci || rng_chance(&s->rng, 0.4)) /* a fork's would be left out */
		strbuf_adds(&b, ", secrets: {TOKEN: \"" SECRET_REF "\"}");
	add_needs(s, &b);
	strbuf_adds(&b, "}\n");
	if (s->o.script || rng_chance(&s->rng, 0.6))
		strbuf_adds(&b, "  test: {each: \"*\", needs: [build], run: make test");
	else
		strbuf_adds(&b, "  test: {each: services, needs: [build], run: make test");
	if (s->o.ci)
		strbuf_adds(&b, ", flaky: {retry: 1, quarantine: true}");
	add_needs(s, &b);
	strbuf_adds(&b, "}\n");
	requests_jobs(s, &b);
	strbuf_adds(
		&b,
		"  image: {each: services, needs: [test], image: {from: scratch, copy: {out/app: /app}, user: 65532, entrypoint: [/app]}}\n");
	if (rng_chance(&s->rng, 0.7))
		strbuf_adds(&b, "staging:\n  environment: staging\n  e2e: {run: make e2e}\n");
	strbuf_adds(&b, "gate:\n  require: [{evidence: {stages: [ci, staging], signed: true}}]\n");
	s->approvals = s->o.people && rng_chance(&s->rng, 0.35);
	if (s->approvals)
		strbuf_addf(
			&b,
			"  approve: {count: %u, by: [ann, bob, cid], not: author, expires: 24h}\n",
			(unsigned)rng_between(&s->rng, 1, 2));
	strbuf_adds(&b, "production:\n  environment: production\n");
	if (s->o.script || rng_chance(&s->rng, 0.85))
		strbuf_addf(
			&b,
			"  strategy: {canary: {steps: [%s], compare: {error_rate: {margin: 30%%}%s}, guard: {error_rate: 15%%}, max: %us}}\n",
			rng_chance(&s->rng, 0.5) ? "25%, 50%, 100%" : "50%, 100%",
			rng_chance(&s->rng, 0.2) ? ", p99: {margin: 100%}" : "",
			(unsigned)rng_between(&s->rng, 40, 90));
	else
		strbuf_adds(&b, "  strategy: rolling\n");
	if (rng_chance(&s->rng, 0.4))
		strbuf_adds(&b, "  smoke: {run: make smoke}\n");
	strbuf_addf(&b,
		    "  on_failure: {rollback: %s, page: oncall, runbook: \"docs/{service}.md\"}\n",
		    s->o.script || rng_chance(&s->rng, 0.85) ? "true" : "false");
	strbuf_adds(
		&b,
		"notify:\n  - {kind: webhook, url: \"https://hooks.example/x\", name: oncall}\n");
	s->yml = strbuf_take(&b);
	requests_yml(s);
	scm_fake_add(s->scm, REPO);
}

static enum content draw_content(struct sim *s)
{
	uint64_t n = rng_below(&s->rng, 100);

	return n < 46   ? GOOD
	       : n < 66 ? ERRORS
	       : n < 72 ? SLOW
	       : n < 80 ? CRASH
	       : n < 86 ? NEVER
	       : n < 90 ? BUILD_FAILS
	       : n < 95 ? TEST_FAILS
			: FLAKY;
}

static enum content scripted(char letter)
{
	switch (letter) {
	case 'e':
		return ERRORS;
	case 's':
		return SLOW;
	case 'c':
		return CRASH;
	case 'n':
		return NEVER;
	case 'b':
		return BUILD_FAILS;
	case 't':
		return TEST_FAILS;
	}
	return GOOD;
}

static char *new_content(struct sim *s, enum content kind)
{
	char *text = xasprintf("%s %u\n", content_names[kind], ++s->contents);

	vec_push(&s->said, xstrdup(text));
	return text;
}

static void commit(struct sim *s, const char *ref, const char *path, const char *content,
		   const char *who)
{
	AUTO(freep) char *mail = xasprintf("%s@example.com", who);
	struct fake_file file = {.path = path, .bytes = str_of(content)};
	struct fake_commit c = {
		.author = who, .email = mail, .message = content, .files = &file, .n = 1};
	const char *id = scm_fake_commit(s->scm, REPO, ref, &c);

	sim_say(s, "push: %s to %s: %s of %s by %s", id, ref, content, path, who);
}

static void first_push(struct sim *s)
{
	struct fake_file files[2 + SERVICES];
	char *paths[SERVICES], *texts_of[SERVICES + 1];
	struct fake_commit c = {
		.author = "dora", .email = "dora@example.com", .message = "begin", .files = files};

	texts_of[SERVICES] = new_content(s, GOOD);
	files[0] = (struct fake_file){.path = "penstock.yml", .bytes = str_of(s->yml)};
	files[1] =
		(struct fake_file){.path = "libs/shared/src", .bytes = str_of(texts_of[SERVICES])};
	c.n = 2;
	for (unsigned i = 0; i < s->services; i++) {
		paths[i] = xasprintf("services/s%u/src", i);
		texts_of[i] = new_content(
			s, s->o.script || rng_chance(&s->rng, 0.9) ? GOOD : draw_content(s));
		files[c.n++] = (struct fake_file){.path = paths[i], .bytes = str_of(texts_of[i])};
	}
	sim_say(s, "push: %s", scm_fake_commit(s->scm, REPO, MAIN_REF, &c));
	for (unsigned i = 0; i < s->services; i++) {
		xfree(paths[i]);
		xfree(texts_of[i]);
	}
	xfree(texts_of[SERVICES]);
}

static const char *draw_author(struct sim *s)
{
	static const char *const authors[] = {"dora", "ann", "eve"};

	return authors[rng_below(&s->rng, ARRAY_LEN(authors))];
}

static void push_branch(struct sim *s)
{
	static const char *const refs[] = {"refs/heads/side1", "refs/heads/topic"};
	const char *ref = refs[rng_below(&s->rng, 2)];
	AUTO(freep)
	char *content = new_content(s, rng_chance(&s->rng, 0.7) ? GOOD : draw_content(s));

	if (scm_fake_tip(s->scm, REPO, ref) && rng_chance(&s->rng, 0.5)) {
		sim_say(s, "push: %s is deleted", ref);
		scm_fake_set(s->scm, REPO, ref, NULL);
		return;
	}
	scm_fake_set(s->scm, REPO, ref, scm_fake_tip(s->scm, REPO, MAIN_REF));
	commit(s, ref, "services/s0/src", content, draw_author(s));
}

void project_push(struct sim *s)
{
	uint64_t n = rng_below(&s->rng, 100);

	s->pushes++;
	if (s->pushes == 1) {
		first_push(s);
		return;
	}
	if (s->o.script) {
		AUTO(freep) char *content = new_content(s, scripted(s->o.script[s->pushes - 2]));
		commit(s, MAIN_REF, "services/s0/src", content, "dora");
		return;
	}
	if (rng_chance(&s->rng, 0.5))
		s->earlier = scm_fake_tip(s->scm, REPO, MAIN_REF);
	AUTO(freep)
	char *path =
		n < 12 ? xstrdup("libs/shared/src")
		       : xasprintf("services/s%u/src", (unsigned)rng_below(&s->rng, s->services));
	if (n >= 92) {
		push_branch(s);
	} else if (n >= 86 && s->said.n) { /* something that was there before, good or bad */
		AUTO(freep) char *again = xstrdup(s->said.v[rng_below(&s->rng, s->said.n)]);
		commit(s, MAIN_REF, path, again, draw_author(s));
	} else {
		AUTO(freep) char *content = new_content(s, n < 12 ? GOOD : draw_content(s));
		if (n >= 82 &&
		    s->earlier) { /* a force push: another child of what stood there earlier */
			sim_say(s, "push: forced");
			scm_fake_set(s->scm, REPO, MAIN_REF, s->earlier);
		}
		commit(s, MAIN_REF, path, content, draw_author(s));
	}
}

/* The watcher: a hook tells at once, or half a second later somebody looks. Each move is told once. */
static void watch(void *arg)
{
	struct sim *s = arg;
	const char *tip = scm_fake_tip(s->scm, REPO, MAIN_REF),
		   *side = scm_fake_tip(s->scm, REPO, "refs/heads/side1");
	const char *topic = scm_fake_tip(s->scm, REPO, "refs/heads/topic");
	AUTO(freep)
	char *all = xasprintf("%s %s %s", tip ? tip : "-", side ? side : "-", topic ? topic : "-");

	if (s->engine && !streq(s->told, all)) {
		xfree(s->told);
		s->told = xstrdup(all);
		engine_source_changed(s->engine, REPO);
	}
	runner_sim_at(s->runner, runner_sim_true(s->runner) + 400 * USEC_MS, watch, s);
}

static unsigned pushes_wanted(const struct sim *s)
{
	return s->o.script ? 1 + (unsigned)strlen(s->o.script) : s->o.pushes;
}

static void push_next(void *arg)
{
	struct sim *s = arg;

	if (s->o.script && !is_quiet(s)) { /* one after the other */
		runner_sim_at(s->runner, runner_sim_true(s->runner) + USEC_SEC, push_next, s);
		return;
	}
	if (s->pushes >= pushes_wanted(s)) {
		s->pushing = false;
		return;
	}
	project_push(s);
	usec_t pause = s->o.script || rng_chance(&s->rng, 0.4)
			       ? 12 * USEC_SEC
			       : rng_between(&s->rng, 10 * USEC_MS, 6 * USEC_SEC);
	runner_sim_at(s->runner, runner_sim_true(s->runner) + pause, push_next, s);
}

void project_start(struct sim *s)
{
	if (!s->o.pushes)
		s->o.pushes = (unsigned)rng_between(&s->rng, 2, 6);
	s->pushing = true;
	push_next(s);
	watch(s);
}

void project_done(struct sim *s)
{
	xfree(s->yml);
	xfree(s->yml_times);
	xfree(s->yml_theirs);
	for (struct map_entry *e = NULL; (e = map_next(&s->made, e));)
		xfree(e->value);
	map_done(&s->made);
	xfree(s->told);
	vec_each(t, &s->said)
		xfree(*t);
	vec_done(&s->said);
}
