/* Events made by hand, and a small world that answers each effect as one in which all goes well. */
#pragma once
#include "base/digest.h"
#include "core/step_impl.h"
#include "unit.h"

#define S(text) xstrdup(text)

struct bench {
	struct model m;
	uint64_t seq;
	usec_t time;
	struct effects out;         /* of the last step */
	VEC(struct effect) waiting; /* not answered yet */
	struct config config;
	unsigned commits;
	struct err err;
};

static inline enum rc give(struct bench *b, struct event ev)
{
	effects_done(&b->out);
	ev.seq = b->seq + 1;
	ev.time = b->time += USEC_MS;
	if (!ev.actor)
		ev.actor = S("engine");
	enum rc rc = step(&b->m, &ev, &b->out, &b->err);
	b->seq += rc == RC_OK;
	vec_each(f, &b->out.list) {
		vec_add(&b->waiting);
		shape_copy(&shape_effect, vec_last(&b->waiting), f);
	}
	event_done(&ev);
	return rc;
}

static inline void replicas_ready(struct bench *b, const struct effect *f)
{
	for (uint32_t i = 0; i < f->count; i++)
		assert_int_equal(give(b, (struct event){.kind = EV_REPLICA,
							.environment = S(f->deploy.environment),
							.unit = S(f->deploy.unit),
							.image = S(f->deploy.image),
							.index = i,
							.ready = i + 1,
							.replica = REPLICA_READY}),
				 RC_OK);
}

/* The answer of a good world; false: none is due (a far timer). */
static inline bool answer(struct bench *b, const struct effect *f)
{
	struct event ev = {.effect = S(f->id),
			   .rollout = f->rollout ? S(f->rollout) : NULL,
			   .release = f->release ? S(f->release) : NULL,
			   .environment = f->environment ? S(f->environment) : NULL,
			   .unit = f->unit ? S(f->unit) : NULL,
			   .image = f->image ? S(f->image) : NULL,
			   .job = f->job ? S(f->job) : NULL,
			   .type = f->type ? S(f->type) : NULL,
			   .incident = f->incident ? S(f->incident) : NULL,
			   .stage = f->stage,
			   .weight = f->weight,
			   .ok = true};
	AUTO(freep) char *image = xasprintf("sha256:%064u", b->commits);

	switch (f->kind) {
	case EF_PACK_IMAGE:
		ev.kind = EV_JOB_ENDED;
		ev.count = f->spec.attempt;
		xfree(ev.image);
		ev.image = S(image);
		break;
	case EF_ATTEST:
		ev.kind = EV_ATTESTED;
		ev.digest = S("e");
		break;
	case EF_VERIFY_EVIDENCE:
		ev.kind = EV_EVIDENCE_VERIFIED;
		break;
	case EF_PLAN_DEPLOY:
		ev.kind = EV_DEPLOY_PLANNED;
		ev.digest = S("h");
		break;
	case EF_WRITE_DESIRED:
		ev.kind = EV_DESIRED_WRITTEN;
		ev.commit = S("c");
		break;
	case EF_START_REPLICAS:
		ev.kind = EV_REPLICAS_STARTED;
		break;
	case EF_STOP_REPLICAS:
		ev.kind = EV_REPLICAS_STOPPED;
		break;
	case EF_SET_WEIGHT:
		ev.kind = EV_WEIGHT_SET;
		break;
	case EF_WATCH:
		ev.kind = EV_HISTORY;
		break;
	case EF_REVERT_CHANGE:
		ev.kind = EV_CHANGE_REVERTED;
		ev.commit = S("1111111111111111111111111111111111111111");
		break;
	case EF_NOTIFY:
		ev.kind = EV_NOTIFIED;
		break;
	case EF_TIMER:
		if (f->at > b->time + 5 * USEC_SEC) {
			event_done(&ev);
			return false;
		}
		b->time = f->at;
		ev.kind = EV_TIMER;
		ev.text = S(f->text);
		break;
	case EF_READ_CHANGE:
	case EF_START_JOB:
	case EF_CANCEL_JOB:
	case EF_MERGE:
	case EF_LAND:
		event_done(&ev);
		return false;
	}
	assert_int_equal(give(b, ev), RC_OK);
	if (f->kind == EF_START_REPLICAS)
		replicas_ready(b, f);
	return true;
}

/* Until nothing is to be answered; a kind in `not_yet` is left (it and what came after it stay). */
static inline void go_on(struct bench *b, int not_yet)
{
	while (b->waiting.n && (int)b->waiting.v[0].kind != not_yet) {
		struct effect f = b->waiting.v[0];

		vec_remove(&b->waiting, 0);
		(void)answer(b, &f);
		effect_done(&f);
	}
}

static inline void begin(struct bench *b, const char *yml)
{
	*b = (struct bench){.time = 1767600000 * USEC_SEC};
	model_init(&b->m);
	if (config_read(str_of(yml), "penstock.yml", NULL, NULL, &b->config, &b->err) != RC_OK)
		fail_msg("%s", b->err.msg);
	assert_int_equal(give(b, (struct event){.kind = EV_STARTED, .slots = 4, .text = S("t")}),
			 RC_OK);
}

static inline void end(struct bench *b)
{
	effects_done(&b->out);
	vec_each(f, &b->waiting)
		effect_done(f);
	vec_done(&b->waiting);
	config_done(&b->config);
	model_done(&b->m);
}

/* ---- a change, read and planned: every folder it asks for is a tree, every list holds 1.sh to 5.sh ---- */

struct said {
	const char *repo, *ref, *yml; /* repo NULL: "r"; ref NULL: refs/heads/main */
	bool fork;
	const char *same; /* not NULL: the trees have this content; else that of the commit */
};

static inline void add_entry(struct tree_facts *t, const char *path, const char *salt,
			     uint32_t mode)
{
	AUTO(freep) char *text = xasprintf("%s %s", path, salt);
	char *oid = digest_hex_dup(str_of(text));

	oid[40] = '\0';
	vec_push(&t->entries, ((struct tree_entry){xstrdup(path), oid, mode}));
}

static inline void made_up_tree(const struct config *c, const char *salt, struct tree_facts *ret)
{
	texts dirs = {NULL, 0, 0}, list = {NULL, 0, 0};

	plan_paths(c, &dirs, &list);
	vec_each(d, &dirs) {
		add_entry(ret, *d, salt, 040000);
		xfree(*d);
	}
	vec_each(l, &list) {
		for (unsigned i = 1; i <= 5; i++) {
			AUTO(freep) char *path = xasprintf("%s/%u.sh", *l, i);

			add_entry(ret, path, salt, 0100644);
		}
		xfree(*l);
	}
	vec_done(&dirs);
	vec_done(&list);
}

static inline void plan_of(const struct event *ev, const char *salt, struct plan *ret)
{
	AUTO(tree_facts_done) struct tree_facts head = {.commit = NULL};
	struct err err = {RC_OK, ""};
	const struct plan_ask ask = {.config = &ev->config,
				     .head = &head,
				     .stage = STAGE_CI,
				     .toolchain = "t",
				     .change = &ev->change};

	made_up_tree(&ev->config, salt, &head);
	head.tree = digest_hex_dup(str_of(salt));
	head.tree[40] = '\0';
	if (plan_for(&ask, ret, &err) != RC_OK)
		fail_msg("%s", err.msg);
}

/* The run that came of it, or NULL. */
static inline struct run *change(struct bench *b, struct said c)
{
	AUTO(freep) char *commit = xasprintf("%040u", ++b->commits);
	const char *ref = c.ref ? c.ref : "refs/heads/main", *repo = c.repo ? c.repo : "r";
	struct event ev = {.kind = EV_CHANGE_PLANNED,
			   .config_digest = digest_hex_dup(str_of(c.yml)),
			   .change = {.repo = S(repo),
				      .ref = S(ref),
				      .commit = S(commit),
				      .author = S("dora"),
				      .email = S("dora@example.com"),
				      .fork = c.fork}};
	uint32_t runs = model_project(&b->m)->runs;

	b->err = (struct err){RC_OK, ""};
	if (str_starts(str_of(ref), "refs/tags/"))
		ev.change.kind = CHANGE_TAG;
	if (str_starts(str_of(ref), "refs/pull/")) {
		ev.change.kind = CHANGE_PULL;
		ev.change.number = S("7");
		ev.change.target = S("refs/heads/main");
	}
	if (config_read(str_of(c.yml), "penstock.yml", NULL, NULL, &ev.config, &b->err) != RC_OK)
		fail_msg("%s in %s", b->err.msg, c.yml);
	plan_of(&ev, c.same ? c.same : commit, &ev.plan);
	assert_int_equal(give(b, (struct event){.kind = EV_REF_MOVED,
						.repo = S(repo),
						.ref = S(ref),
						.commit = S(commit)}),
			 RC_OK);
	assert_int_equal(give(b, ev), RC_OK);
	AUTO(freep) char *id = xasprintf("run-%u", model_project(&b->m)->runs);
	return model_project(&b->m)->runs > runs ? model_run(&b->m, id) : NULL;
}

static inline struct job *job_of(struct bench *b, const struct run *run, const char *name)
{
	AUTO(freep) char *id = xasprintf("%s/%s", run->id, name);
	struct job *job = model_job(&b->m, id);

	if (!job)
		fail_msg("there is no job %s", id);
	return job;
}

static inline const char *job_is(struct bench *b, const struct run *run, const char *name)
{
	return job_state_names[job_of(b, run, name)->state];
}

/* It ran and ended so: tests are the names of those that failed, apart by blanks. */
static inline void ends(struct bench *b, struct job *job, enum failure failure, int64_t exit,
			const char *tests)
{
	struct event ev = {.kind = EV_JOB_ENDED,
			   .job = S(job->id),
			   .count = job->attempt,
			   .failure = failure,
			   .exit = exit};
	struct str rest = str_of(tests ? tests : "");

	CHECK(job->state == JOB_RUNNING, job->id);
	while (rest.n) {
		struct str one = str_cut(&rest, ' ');

		vec_push(&ev.junit.failures, xstrndup(one.p, one.n));
		ev.junit.failed++;
	}
	ev.junit.tests = ev.junit.failed + 1;
	assert_int_equal(give(b, ev), RC_OK);
}
