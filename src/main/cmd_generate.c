/* `penstock generate`: the jobs of stage ci in another system's words. */
#include "clients/git_worktree.h"
#include "main/local.h"
#include "main/local_dialect.h"
#include "main/local_plan.h"

#define OUT_MAX ((size_t)64 << 20)

static enum rc read_change(const struct generate_options *o, struct local_change *ret,
			   struct err *err)
{
	AUTO(repo_freep) struct repo *repo = NULL;
	char head[GIT_HEX + 1], base[GIT_HEX + 1] = "";
	enum rc rc = local_repo(o->repo, &repo, err);

	if (rc == RC_OK)
		rc = local_head(repo, o->head, head, err);
	if (rc == RC_OK && o->base)
		rc = repo_resolve(repo, o->base, base, err);
	else if (rc == RC_OK && o->affected)
		rc = repo_usual_base(repo, head, false, base, err);
	return rc == RC_OK ? local_change(repo, head, base, ret, err) : rc;
}

int local_generate(const struct generate_options *o)
{
	AUTO(local_change_done) struct local_change change = {0};
	AUTO(strbuf_done) struct strbuf text = STRBUF(OUT_MAX);
	struct err err = {0};

	if (read_change(o, &change, &err) != RC_OK)
		return local_fail(&err);
	struct generate g = {.config = &change.read.head.config,
			     .plan = &change.read.plan,
			     .affected = o->affected};
	enum rc rc = generate_dialect(&g, o->dialect, &text, &err);
	if (rc == RC_OK)
		local_print(&text);
	local_remarks(g.remarks.v, g.remarks.n);
	remarks_done(&g.remarks);
	return rc == RC_OK ? EXIT_GOOD : local_fail(&err);
}
