/*
 * `strict: true`: a job sees nothing that its task key does not name, so that a result from the cache cannot lie. Of the repository
 * only the files that `inputs` match are laid out (the unit and its deps without `inputs`), of other jobs only the outputs of `needs`,
 * both read-only but its own folder; the network is that of any job: none, unless declared. What names this very run is taken away
 * as well. A job that looks for more does not find it; the line below says so in its log.
 */
#include "flow/2-build/exec_sandbox.h"

#define LIST_MAX 2000

static void drop(shim_pairs *env, const char *key)
{
	for (size_t i = env->n; i-- > 0;)
		if (streq(env->v[i].key, key)) {
			xfree(env->v[i].key);
			xfree(env->v[i].value);
			vec_remove(env, i);
		}
}

static char *hint(const struct job_spec *spec)
{
	AUTO(strbuf_done) struct strbuf list = STRBUF(LIST_MAX);

	for (size_t i = 0; i < spec->def.inputs.n; i++)
		strbuf_addf(&list, "%s%s", i ? ", " : "inputs: ", spec->def.inputs.v[i]);
	if (!spec->def.inputs.n)
		strbuf_adds(&list, "the folders of its unit and of that one's deps");
	for (size_t i = 0; i < spec->needs.n; i++)
		strbuf_addf(&list, "%s%s", i ? ", " : "; outputs of: ", spec->needs.v[i].unit);
	return xasprintf(
		"strict: true: this job sees only what it declares (%s); a file that it did not "
		"find must be named in `inputs`, or come from one of its `needs`",
		strbuf_failed(&list) ? "a long list" : strbuf_cstr(&list));
}

void strict_rules(const struct job_spec *spec, struct shim_spec *s)
{
	if (!spec->def.strict)
		return;
	drop(&s->env, "PENSTOCK_RUN");
	drop(&s->env, "PENSTOCK_JOB");
	s->hint = hint(spec);
}
