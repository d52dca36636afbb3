#include "main/id_tokens.h"

#include "io/clock.h"

enum rc id_token_of(void *ctx, const struct job_spec *spec, const texts *audience,
		    struct strbuf *ret, struct err *err)
{
	const struct change *c = &spec->change;
	const struct workload_job job = {.project = spec->facts.project,
					 .repository = c->repo,
					 .ref = c->ref,
					 .commit = c->commit,
					 .event = change_kind_names[c->kind],
					 .run = spec->facts.run,
					 .job = spec->job,
					 .unit = spec->unit,
					 .stage = stage_names[spec->def.stage],
					 .environment = spec->facts.environment,
					 .actor = spec->facts.actor,
					 .timeout = spec->def.timeout};

	return workload_issue(ctx, &job, (const char *const *)audience->v, audience->n,
			      clock_wall(), ret, err);
}
