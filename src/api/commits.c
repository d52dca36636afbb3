#include "api/commits.h"

#define COUNT_MAX 1000

struct counting {
	struct json_out *o; /* NULL: only counted */
	uint32_t n;
};

static bool see_commit(void *ctx, const struct scm_commit *c)
{
	struct counting *x = ctx;

	if (x->o && x->n < COMMITS_MAX) {
		json_open(x->o, NULL);
		json_cstr(x->o, "commit", c->id);
		json_word(x->o, "author", c->author);
		json_word(x->o, "subject", c->subject);
		json_some(x->o, "at", c->at);
		json_close(x->o);
	}
	return ++x->n < COUNT_MAX;
}

void commits_write(struct json_out *o, const char *key, struct scm *scm, const char *repo,
		   const char *from, const char *to)
{
	struct counting ahead = {.o = o}, behind = {0};
	struct err err = {0};

	json_open(o, key);
	json_word(o, "from", from);
	json_word(o, "to", to);
	json_list(o, "list");
	enum rc rc = !scm || !repo || !to ? err_set(&err, RC_NOT_FOUND, "the commit is not known")
					  : scm_log(scm, repo, to, from, see_commit, &ahead, &err);
	json_unlist(o);
	if (rc == RC_OK && from)
		rc = scm_log(scm, repo, from, to, see_commit, &behind, &err);
	if (rc != RC_OK)
		json_cstr(o, "problem", err.msg);
	json_u64(o, "ahead", ahead.n);
	json_u64(o, "behind", behind.n);
	json_bool(o, "more", ahead.n > COMMITS_MAX);
	json_close(o);
}
