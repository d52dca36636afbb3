/* Facts about an artifact, attested: what was built from what, what was tested, what was decided. */
#include "core/step_impl.h"
#include "base/json.h"

#define BODY_MAX ((size_t)1 << 20)

const struct evidence *evidence_find(const struct release *r, const char *image, const char *type,
				     enum stage stage)
{
	vec_each(e, &r->evidence)
		if (streq(e->image, image) && streq(e->type, type) &&
		    streq(e->stage, stage_names[stage]))
			return e;
	return NULL;
}

bool evidence_complete(const struct release *r, enum stage stage)
{
	vec_each(item, &r->items) {
		if (stage == STAGE_CI && !evidence_find(r, item->image, "build", stage))
			return false;
		if (!evidence_find(r, item->image, stage == STAGE_GATE ? "decision" : "tests",
				   stage))
			return false;
	}
	return true;
}

static void attest(struct step *s, struct release *r, const char *image, const char *type,
		   enum stage stage, struct strbuf *body)
{
	struct effect *e = order(s, EF_ATTEST, "evidence/%s", r->id);

	set_text(&e->release, r->id);
	set_text(&e->image, image);
	set_text(&e->type, type);
	e->stage = stage;
	e->body = strbuf_take(body);
}

/* SLSA provenance v1.0 (slsa.dev/spec/v1.0/provenance): where the image came from. */
static void build_body(struct step *s, const struct release *r, const struct release_item *item,
		       struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);
	const struct job *job = model_job(s->m, item->evidence_job);

	json_open(&o, NULL);
	json_open(&o, "buildDefinition");
	json_cstr(&o, "buildType", "https://penstock.dev/build/v1");
	json_open(&o, "externalParameters");
	json_cstr(&o, "repository", r->change.repo);
	json_cstr(&o, "ref", r->change.ref);
	json_cstr(&o, "unit", item->unit);
	json_close(&o);
	json_open(&o, "internalParameters");
	json_cstr(&o, "key", item->key);
	json_cstr(&o, "job", item->evidence_job);
	json_close(&o);
	json_list(&o, "resolvedDependencies");
	json_open(&o, NULL);
	json_cstr(&o, "uri", r->change.repo);
	json_open(&o, "digest");
	json_cstr(&o, "gitCommit", r->change.commit);
	json_close(&o);
	json_close(&o);
	json_unlist(&o);
	json_close(&o);
	json_open(&o, "runDetails");
	json_open(&o, "builder");
	json_cstr(&o, "id", "https://penstock.dev/local/v1");
	json_close(&o);
	json_open(&o, "metadata");
	json_cstr(&o, "invocationId", r->run);
	if (job && job->ended_at) {
		char text[TIME_TEXT];

		time_text(job->ended_at, text);
		json_cstr(&o, "finishedOn", text);
	}
	json_close(&o);
	json_close(&o);
	json_close(&o);
}

static void tests_body(struct step *s, const struct release *r, const struct release_item *item,
		       enum stage stage, struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);

	json_open(&o, NULL);
	json_cstr(&o, "result", "PASSED");
	json_cstr(&o, "stage", stage_names[stage]);
	json_cstr(&o, "run", r->run);
	json_cstr(&o, "release", r->id);
	json_list(&o, "jobs");
	for (struct map_entry *e = NULL; (e = map_next(&s->m->by_kind[AGG_JOB], e));) {
		const struct job *job = e->value;

		if (!streq(job->run, r->run) || job->stage != stage ||
		    (*job->unit && !streq(job->unit, item->unit)))
			continue;
		json_open(&o, NULL);
		json_cstr(&o, "job", job->id);
		json_cstr(&o, "state", job_state_names[job->state]);
		json_cstr(&o, "key", job->key);
		json_cstr(&o, "log", job->log);
		json_u64(&o, "tests", job->junit.tests);
		json_u64(&o, "failed", job->junit.failed);
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
}

void attest_stage(struct step *s, struct release *r, enum stage stage)
{
	for (size_t i = 0; i < r->items.n; i++) {
		const struct release_item *item = &r->items.v[i];
		AUTO(strbuf_done) struct strbuf body = STRBUF(BODY_MAX);

		if (stage == STAGE_CI) {
			build_body(s, r, item, &body);
			attest(s, r, item->image, "build", stage, &body);
			strbuf_clear(&body);
		}
		tests_body(s, r, item, stage, &body);
		attest(s, r, item->image, "tests", stage, &body);
	}
}

void attest_decision(struct step *s, struct release *r)
{
	vec_each(item, &r->items) {
		AUTO(strbuf_done) struct strbuf body = STRBUF(BODY_MAX);
		struct json_out o = JSON_OUT(&body);

		json_open(&o, NULL);
		json_cstr(&o, "release", r->id);
		json_cstr(&o, "run", r->run);
		json_cstr(&o, "commit", r->change.commit);
		json_cstr(&o, "author", r->change.author);
		shape_write(&o, "gate", &shape_gate, &r->gate);
		json_list(&o, "evidence");
		vec_each(e, &r->evidence)
			if (streq(e->image, item->image))
				json_cstr(&o, NULL, e->envelope);
		json_unlist(&o);
		json_close(&o);
		attest(s, r, item->image, "decision", STAGE_GATE, &body);
	}
}

static void evidence_failed(struct step *s, struct release *r, const char *error)
{
	AUTO(freep)
	char *why = xasprintf("evidence could not be signed: %s", error ? error : "unknown");
	struct environment *env = model_environment(s->m, r->environment);

	if (env && streq(env->active, r->id)) {
		release_break(s, r, why);
		return;
	}
	release_end(s, r, r->state == RELEASE_GATED ? RELEASE_REJECTED : RELEASE_FAILED, why);
}

enum rc on_attested(struct step *s)
{
	const struct event *ev = s->ev;
	struct release *r = model_release(s->m, ev->release);

	if (!r || release_is_final(r->state) || evidence_find(r, ev->image, ev->type, ev->stage))
		return RC_OK;
	if (ev->error || !ev->digest) {
		evidence_failed(s, r, ev->error);
		return RC_OK;
	}
	vec_push(&r->evidence, ((struct evidence){.image = xstrdup(ev->image),
						  .type = xstrdup(ev->type),
						  .stage = xstrdup(stage_names[ev->stage]),
						  .envelope = xstrdup(ev->digest)}));
	model_touch(s->m, AGG_RELEASE, r->id);
	if (!evidence_complete(r, ev->stage))
		return RC_OK;
	struct environment *staging = environment_for(s->m, r, STAGE_STAGING),
			   *production = environment_for(s->m, r, STAGE_PRODUCTION);
	if (ev->stage == STAGE_CI && r->state == RELEASE_BUILT &&
	    !texts_has(&staging->queue, r->id)) {
		texts_add(&staging->queue, r->id);
		environment_next(s, staging);
		model_touch(s->m, AGG_ENVIRONMENT, staging->id);
	} else if (ev->stage == STAGE_STAGING && r->state == RELEASE_STAGING && !r->rolling_back) {
		release_set(s->m, r, RELEASE_STAGED, NULL);
		environment_free(s, staging, r);
		gate_evaluate(s, r);
	} else if (ev->stage == STAGE_GATE && r->state == RELEASE_STAGED) {
		set_text(&r->gate.record, ev->digest);
		release_set(s->m, r, RELEASE_GATED, NULL);
		texts_add(&production->queue, r->id);
		environment_next(s, production);
		model_touch(s->m, AGG_ENVIRONMENT, production->id);
	}
	return RC_OK;
}
