/* Which job of GitLab CI comes after which: needs, and stages where there are none. */
#include "dialect/gitlab_impl.h"

void gitlab_needs(struct gitlab *g, const struct yaml_node *needs)
{
	for (size_t i = 0; needs && needs->kind == YAML_LIST && i < needs->n; i++) {
		const struct yaml_node *n = &needs->items[i],
				       *job = node_is_text(n) ? n : yaml_get(n, "job");
		if (yaml_get(n, "project") || yaml_get(n, "pipeline") || !node_is_text(job)) {
			lost(&g->im, n,
			     "a run is of one project: keep what is shared in its repository, or in the registry",
			     "a need of another pipeline");
			continue;
		}
		AUTO(freep) char *slug = draft_slug(job->text, "job");
		AUTO(freep)
		char *name =
			xasprintf("%s%s", slug, node_is_true(yaml_get(n, "optional")) ? "?" : "");
		draft_text(&importer_job(&g->im)->needs, name);
	}
}

static size_t stage_of(const struct gitlab *g, size_t job)
{
	for (size_t i = 0; i < g->stages.n; i++)
		if (streq(g->stages.v[i], g->job_stages.v[job]))
			return i;
	return 0;
}

/* A job without needs comes after all jobs of the stages before it: the nearest is enough, unless jobs there do not wait themselves. */
void gitlab_order(struct gitlab *g)
{
	struct config *c = &g->im.d->c;

	for (size_t i = 0; i < c->jobs.n; i++) {
		size_t stage = stage_of(g, i), nearest = 0;
		bool loose = false;

		if (g->has_needs.v[i])
			continue;
		for (size_t k = 0; k < c->jobs.n; k++)
			if (stage_of(g, k) < stage)
				nearest = MAX_OF(nearest, stage_of(g, k));
		for (size_t k = 0; k < c->jobs.n; k++)
			loose |= stage_of(g, k) == nearest && g->has_needs.v[k];
		for (size_t k = 0; k < c->jobs.n; k++) {
			const struct job_def *other = &c->jobs.v[k];
			size_t at = stage_of(g, k);
			if (at >= stage || (at != nearest && !loose) || other->manual)
				continue;
			AUTO(freep)
			char *name = xasprintf("%s%s", other->name, other->condition ? "?" : "");
			draft_text(&c->jobs.v[i].needs, name);
		}
	}
}
