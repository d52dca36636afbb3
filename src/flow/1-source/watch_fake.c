/* Branches that move when they are told to. */
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "flow/1-source/adapters.h"
#include "io/files.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct fake_branch {
	char *repo, *ref, *told, *now; /* told, now: commits or NULL */
	bool seen;
};
struct watch_fake {
	struct watch base;
	int fd;
	unsigned lose;
	VEC(char *) repos;
	VEC(struct fake_branch) branches; /* in order of repo as added, then ref */
};

static struct watch_fake *fake_of(struct watch *w)
{
	return container_of(w, struct watch_fake, base);
}

static void ring(struct watch_fake *f)
{
	const uint64_t one = 1;
	ssize_t n = write(f->fd, &one, sizeof(one));

	(void)n;
}

static size_t repo_index(const struct watch_fake *f, const char *repo)
{
	size_t i = 0;

	while (i < f->repos.n && !streq(f->repos.v[i], repo))
		i++;
	return i;
}

/* NULL when the repository was not added. */
static struct fake_branch *branch_at(struct watch_fake *f, const char *repo, const char *ref)
{
	size_t at = repo_index(f, repo), i = 0;

	if (at == f->repos.n)
		return NULL;
	for (; i < f->branches.n; i++) {
		size_t here = repo_index(f, f->branches.v[i].repo);
		int c = here == at ? strcmp(f->branches.v[i].ref, ref) : here < at ? -1 : 1;
		if (!c)
			return &f->branches.v[i];
		if (c > 0)
			break;
	}
	vec_add(&f->branches);
	memmove(&f->branches.v[i + 1], &f->branches.v[i],
		(f->branches.n - 1 - i) * sizeof(f->branches.v[0]));
	f->branches.v[i] = (struct fake_branch){.repo = xstrdup(repo), .ref = xstrdup(ref)};
	return &f->branches.v[i];
}

static void set(char **to, const char *value)
{
	char *copy = value ? xstrdup(value) : NULL;

	xfree(*to);
	*to = copy;
}

static enum rc fake_add(struct watch *w, const char *repo, const char *path, struct err *err)
{
	struct watch_fake *f = fake_of(w);

	(void)path;
	(void)err;
	if (repo_index(f, repo) == f->repos.n)
		vec_push(&f->repos, xstrdup(repo));
	ring(f);
	return RC_OK;
}

static void fake_know(struct watch *w, const char *repo, const char *ref, const char *commit)
{
	struct fake_branch *b = branch_at(fake_of(w), repo, ref);

	if (b)
		set(&b->told, commit);
}

static void fake_poke(struct watch *w, const char *repo)
{
	vec_each(b, &fake_of(w)->branches)
		b->seen |= !repo || streq(b->repo, repo);
	ring(fake_of(w));
}

static int fake_fd(struct watch *w)
{
	return fake_of(w)->fd;
}

static enum rc fake_poll(struct watch *w, void (*each)(void *, const struct watch_move *),
			 void *ctx, struct err *err)
{
	struct watch_fake *f = fake_of(w);
	uint64_t rings;
	ssize_t n = read(f->fd, &rings, sizeof(rings));

	(void)n;
	(void)err;
	for (size_t i = 0; i < f->branches.n; i++) {
		struct fake_branch *b = &f->branches.v[i];
		if (!b->seen)
			continue;
		b->seen = false;
		if (streq(b->told, b->now))
			continue;
		AUTO(freep) char *repo = xstrdup(b->repo);
		AUTO(freep) char *ref = xstrdup(b->ref);
		AUTO(freep) char *old = b->told;
		b->told = b->now ? xstrdup(b->now) : NULL;
		AUTO(freep) char *new = b->told ? xstrdup(b->told) : NULL;
		each(ctx, &(struct watch_move){repo, ref, old, new});
	}
	return RC_OK;
}

static void fake_free(struct watch *w)
{
	struct watch_fake *f = fake_of(w);

	vec_each(repo, &f->repos)
		xfree(*repo);
	vec_each(b, &f->branches) {
		xfree(b->repo);
		xfree(b->ref);
		xfree(b->told);
		xfree(b->now);
	}
	vec_done(&f->repos);
	vec_done(&f->branches);
	fd_close(&f->fd);
	xfree(f);
}

static const struct watch_ops watch_fake = {
	.name = "fake",
	.add = fake_add,
	.know = fake_know,
	.poke = fake_poke,
	.fd = fake_fd,
	.poll = fake_poll,
	.free = fake_free,
};

enum rc watch_fake_new(struct watch **ret, struct err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return err_errno(err, errno, "watch");
	struct watch_fake *f = xcalloc(1, sizeof(*f));
	f->base.ops = &watch_fake;
	f->fd = fd;
	*ret = &f->base;
	return RC_OK;
}

void watch_fake_push(struct watch *w, const char *repo, const char *ref, const char *new_commit)
{
	struct watch_fake *f = fake_of(w);
	struct fake_branch *b = branch_at(f, repo, ref);

	if (!b)
		return;
	set(&b->now, new_commit);
	if (f->lose) {
		f->lose--;
		return;
	}
	b->seen = true;
	ring(f);
}

void watch_fake_lose(struct watch *w, unsigned pushes)
{
	fake_of(w)->lose = pushes;
}
