/* Desired state as commits in bare repositories of the data folder. */
#include "clients/git.h"
#include "flow/5-deploy/desired_adapters.h"
#include "flow/5-deploy/desired_text.h"
#include "io/clock.h"
#include "io/files.h"

#define BRANCH     "refs/heads/main"
#define WRITE_TIME (10 * USEC_SEC) /* while others commit */
#define LOOK_BACK  10000           /* commits */

struct desired_git {
	struct desired base;
	char *dir;
};

/* A service's file as the branch has it. */
struct standing {
	char tip[GIT_HEX + 1]; /* "": no commit yet */
	struct strbuf text;    /* empty: no file */
};
#define STANDING ((struct standing){.text = STRBUF(DESIRED_MAX)})

static void standing_done(struct standing *s)
{
	strbuf_done(&s->text);
}

static struct desired_git *git_of(struct desired *d)
{
	return container_of(d, struct desired_git, base);
}

/* *ret stays NULL when the repository does not exist and make is false. */
static enum rc env_open(struct desired *d, const char *environment, bool make, struct repo **ret,
			struct err *err)
{
	AUTO(freep) char *path = xasprintf("%s/%s.git", git_of(d)->dir, environment);

	if (make)
		return repo_init(path, true, ret, err);
	enum rc rc = repo_open(path, ret, err);
	return rc == RC_NOT_FOUND ? err_clear(err) : rc;
}

static enum rc standing_read(struct repo *r, const char *path, struct standing *s, struct err *err)
{
	strbuf_clear(&s->text);
	s->tip[0] = '\0';
	enum rc rc = repo_resolve(r, BRANCH, s->tip, err);
	if (rc == RC_OK)
		rc = repo_file(r, s->tip, path, DESIRED_MAX, &s->text, err);
	return rc == RC_NOT_FOUND ? err_clear(err) : rc;
}

static enum rc keep_oid(void *ctx, const struct repo_entry *e, struct err *err)
{
	char *to = ctx;

	(void)err;
	memcpy(to, e->oid, GIT_HEX + 1);
	return RC_OK;
}

/* The commit that made the file what it is at `tip`. */
static enum rc last_change(struct repo *r, const char *tip, const char *path,
			   struct repo_commit *ret, struct err *err)
{
	const struct repo_ask ask = {.dirs = &path, .n_dirs = 1};
	char here[GIT_HEX + 1] = "", before[GIT_HEX + 1];
	enum rc rc = repo_tree(r, tip, &ask, keep_oid, here, NULL, err);

	if (rc == RC_OK)
		rc = repo_commit(r, tip, ret, err);
	for (unsigned i = 0; rc == RC_OK && ret->parent[0] && i < LOOK_BACK; i++) {
		struct repo_commit parent = {0};
		before[0] = '\0';
		rc = repo_tree(r, ret->parent, &ask, keep_oid, before, NULL, err);
		if (rc != RC_OK || strcmp(here, before))
			break;
		rc = repo_commit(r, ret->parent, &parent, err);
		if (rc == RC_OK) {
			repo_commit_done(ret);
			*ret = parent;
		}
	}
	if (rc != RC_OK)
		repo_commit_done(ret);
	return rc;
}

static enum rc git_plan(struct desired *d, const struct deploy *want, struct strbuf *ret_diff,
			char ret_hash[65], struct err *err)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(standing_done) struct standing now = STANDING;
	AUTO(strbuf_done) struct strbuf text = STRBUF(DESIRED_MAX);
	enum rc rc = desired_check(want, err);

	if (rc == RC_OK)
		rc = env_open(d, want->environment, false, &r, err);
	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *path = desired_path(want->unit);
	if (r)
		rc = standing_read(r, path, &now, err);
	if (rc == RC_OK)
		rc = desired_render(want, &text, err);
	if (rc != RC_OK)
		return err_wrap(err, "plan %s in %s", want->unit, want->environment);
	repo_diff(ret_diff, path, strbuf_str(&now.text), strbuf_str(&text));
	desired_hash(want, strbuf_str(&now.text), strbuf_str(&text), ret_hash);
	return RC_OK;
}

/* One write, while it is being tried. */
struct writing {
	struct repo *r;
	const struct deploy *want;
	const char *path, *message;
	struct strbuf text;
	bool again;   /* somebody committed between reading and writing */
	char *before; /* the image that stood there at the first try */
};

static void writing_done(struct writing *w)
{
	strbuf_done(&w->text);
	xfree(w->before);
}

static enum rc check_standing(struct writing *w, const struct standing *now, struct err *err)
{
	AUTO(repo_commit_done) struct repo_commit by = {0};
	AUTO(freep) char *image = NULL;
	enum rc rc = desired_read(strbuf_str(&now->text), w->path, &image, err);

	if (rc == RC_INVALID) {
		if (err)
			err->rc = RC_CONFLICT;
		return err ? err_wrap(err, "somebody else broke the file, mend or remove it")
			   : RC_CONFLICT;
	}
	if (rc != RC_OK || !image)
		return rc;
	bool meanwhile = w->again && !streq(image, w->before);
	if (!w->again)
		w->before = xstrdup(image);
	if (streq(image, w->want->image) || (streq(image, w->want->previous) && !meanwhile))
		return RC_OK;
	rc = last_change(w->r, now->tip, w->path, &by, err);
	if (rc != RC_OK)
		return rc;
	bool ours = !meanwhile && streq(by.committer_email, DESIRED_MAIL);
	return desired_may_write(w->want, image, ours ? NULL : by.committer, by.id, err);
}

/* RC_UNAVAILABLE: the branch moved meanwhile, try again. */
static enum rc write_once(struct writing *w, char ret[GIT_HEX + 1], struct err *err)
{
	AUTO(standing_done) struct standing now = STANDING;
	AUTO(repo_commit_done) struct repo_commit by = {0};
	enum rc rc = standing_read(w->r, w->path, &now, err);

	if (rc != RC_OK)
		return rc;
	if (str_eq(strbuf_str(&now.text), strbuf_str(&w->text))) {
		rc = last_change(w->r, now.tip, w->path, &by, err);
		if (rc == RC_OK)
			memcpy(ret, by.id, GIT_HEX + 1);
		return rc;
	}
	rc = check_standing(w, &now, err);
	if (rc != RC_OK)
		return rc;
	const struct repo_edit edit = {.path = w->path, .bytes = strbuf_str(&w->text)};
	const struct repo_author who = {DESIRED_NAME, DESIRED_MAIL,
					(int64_t)(clock_wall() / USEC_SEC)};
	rc = repo_write(w->r, BRANCH, now.tip[0] ? now.tip : NULL, &edit, 1, w->message, &who, ret,
			err);
	if (rc == RC_CONFLICT)
		err_set(err, rc = RC_UNAVAILABLE, "the branch moves too often");
	w->again = true;
	return rc;
}

static enum rc git_write(struct desired *d, const struct deploy *want, const char *subject,
			 const pairs *trailers, char **ret_commit, struct err *err)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(strbuf_done) struct strbuf message = STRBUF(DESIRED_MAX);
	AUTO(writing_done) struct writing w = {.want = want, .text = STRBUF(DESIRED_MAX)};
	char id[GIT_HEX + 1];
	enum rc rc = desired_check(want, err);

	if (rc == RC_OK)
		rc = env_open(d, want->environment, true, &r, err);
	if (rc == RC_OK)
		rc = desired_render(want, &w.text, err);
	if (rc != RC_OK)
		return err_wrap(err, "desired state");
	AUTO(freep) char *path = desired_path(want->unit);
	desired_message(subject, trailers, &message);
	w.r = r;
	w.path = path;
	w.message = strbuf_cstr(&message);
	usec_t until = clock_mono() + WRITE_TIME;
	while ((rc = write_once(&w, id, err)) == RC_UNAVAILABLE && clock_mono() < until)
		clock_sleep(USEC_MS +
			    clock_mono() % (4 * USEC_MS)); /* not in step with the others */
	if (rc != RC_OK)
		return err_wrap(err, "desired state of %s", want->environment);
	err_clear(err);
	*ret_commit = xstrdup(id);
	return RC_OK;
}

static enum rc git_image(struct desired *d, const char *environment, const char *unit,
			 char **ret_image, struct err *err)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(standing_done) struct standing now = STANDING;
	enum rc rc = desired_check_names(environment, unit, err);

	if (rc == RC_OK)
		rc = env_open(d, environment, false, &r, err);
	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *path = desired_path(unit);
	if (r)
		rc = standing_read(r, path, &now, err);
	return rc == RC_OK ? desired_read(strbuf_str(&now.text), path, ret_image, err) : rc;
}

static void git_free(struct desired *d)
{
	xfree(git_of(d)->dir);
	xfree(git_of(d));
}

static const struct desired_ops desired_git = {
	.name = "git",
	.plan = git_plan,
	.write = git_write,
	.image = git_image,
	.free = git_free,
};

enum rc desired_git_new(const char *env_dir, struct desired **ret, struct err *err)
{
	enum rc rc = dir_make(env_dir, 0700, err);

	if (rc != RC_OK)
		return err_wrap(err, "environment repositories");
	struct desired_git *g = xcalloc(1, sizeof(*g));
	g->base.ops = &desired_git;
	g->dir = xstrdup(env_dir);
	*ret = &g->base;
	return RC_OK;
}
