/*
 * Branches of local repositories, by inotify. What an event says is not believed: it only makes its
 * repository dirty, and a moment later, when a push has done its renames, all its branches are read
 * and compared. So a lost event costs a second look.
 */
#include "base/vec.h"
#include "clients/git.h"
#include "flow/1-source/adapters.h"
#include "io/clock.h"
#include "io/files.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define DEBOUNCE (8 * USEC_MS)
#define RETRY    USEC_SEC
#define EVENTS                                                                                   \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_DELETE_SELF | \
	 IN_MOVE_SELF)

struct branch {
	char *ref;
	char commit[GIT_HEX + 1];
};
struct branches {
	VEC(struct branch) list; /* in order of ref */
};
struct watched {
	char *name, *path;
	struct branches known;
	bool dirty;
	bool unwatched; /* folders came, went or were never watched */
	bool by_time;   /* cannot be read or watched: looked at each second */
	bool told;      /* that it cannot be read */
};
struct folder {
	int wd;
	size_t repo; /* index */
	bool top;    /* the repository's own folder: only few of its names matter */
};
struct move {
	char *repo, *ref, *old_commit, *new_commit;
};
struct moves {
	VEC(struct move) list;
};
struct watch_local {
	struct watch base;
	int epoll, inotify, timer;
	usec_t due;  /* dirty repositories are read then */
	usec_t look; /* the next look at those by_time */
	VEC(struct watched) repos;
	VEC(struct folder) folders;
};

static struct watch_local *local_of(struct watch *w)
{
	return container_of(w, struct watch_local, base);
}

static void branches_done(struct branches *b)
{
	vec_each(one, &b->list)
		xfree(one->ref);
	vec_done(&b->list);
}

static void moves_done(struct moves *m)
{
	vec_each(one, &m->list) {
		xfree(one->repo);
		xfree(one->ref);
		xfree(one->old_commit);
		xfree(one->new_commit);
	}
	vec_done(&m->list);
}

static struct watched *repo_find(struct watch_local *l, const char *name)
{
	vec_each(one, &l->repos)
		if (streq(one->name, name))
			return one;
	return NULL;
}

static void arm(struct watch_local *l)
{
	usec_t at = USEC_NEVER, now = clock_mono();

	vec_each(one, &l->repos) {
		if (one->dirty)
			at = MIN_OF(at, l->due);
		if (one->by_time)
			at = MIN_OF(at, l->look);
	}
	usec_t in = at == USEC_NEVER ? 0 : at > now ? at - now : 1;
	struct itimerspec t = {.it_value = {(time_t)(in / USEC_SEC), (long)(in % USEC_SEC) * 1000}};
	timerfd_settime(l->timer, 0, &t, NULL);
}

static void dirty(struct watch_local *l, struct watched *r, usec_t due)
{
	bool any = false;

	vec_each(one, &l->repos)
		any |= one->dirty;
	l->due = any ? MIN_OF(l->due, due) : due;
	r->dirty = true;
}

/* ---- what is watched ---- */
struct adding {
	struct watch_local *l;
	size_t repo;
	const char *root;
};

static enum rc watch_folder(struct watch_local *l, size_t repo, const char *path, bool top,
			    struct err *err)
{
	int wd = inotify_add_watch(l->inotify, path, EVENTS | IN_ONLYDIR);

	if (wd < 0)
		return err_errno(err, errno, "watch %s", path);
	vec_each(one, &l->folders)
		if (one->wd == wd && one->repo == repo)
			return RC_OK;
	vec_push(&l->folders, ((struct folder){wd, repo, top}));
	return RC_OK;
}

static enum rc watch_below(void *ctx, const struct file_seen *seen, struct err *err)
{
	const struct adding *a = ctx;

	if (seen->kind != FILE_DIR)
		return RC_OK;
	AUTO(freep) char *path = xasprintf("%s/%s", a->root, seen->path);
	return watch_folder(a->l, a->repo, path, false, err);
}

static enum rc watch_repo(struct watch_local *l, size_t repo, const char *dir, struct err *err)
{
	static const char *const below[] = {"heads", "tags", "pull", "merge-requests"};
	AUTO(freep) char *refs = xasprintf("%srefs", dir);
	enum rc rc = watch_folder(l, repo, dir, true, err);

	if (rc == RC_OK)
		rc = watch_folder(l, repo, refs, false, err);
	for (size_t i = 0; i < ARRAY_LEN(below) && rc == RC_OK; i++) {
		AUTO(freep) char *path = xasprintf("%s/%s", refs, below[i]);
		struct adding a = {l, repo, path};

		if (!file_exists(path))
			continue;
		rc = watch_folder(l, repo, path, false, err);
		if (rc == RC_OK)
			rc = tree_walk(path, watch_below, &a, err);
	}
	return rc;
}

static void tell_folder(struct watch_local *l, size_t i, const struct inotify_event *e, usec_t due)
{
	struct watched *r = &l->repos.v[l->folders.v[i].repo];
	struct str name = str_of(e->len ? e->name : "");
	bool self = e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED);

	if (!self && str_ends(name, ".lock")) /* a push is only about to move something */
		return;
	if (!self && l->folders.v[i].top && !str_is(name, "packed-refs") && !str_is(name, "HEAD") &&
	    !str_is(name, "refs"))
		return;
	if (self || e->mask & IN_ISDIR)
		r->unwatched = true;
	if (e->mask & IN_IGNORED)
		vec_remove(&l->folders, i);
	dirty(l, r, due);
}

static void take_event(struct watch_local *l, const struct inotify_event *e)
{
	usec_t due = clock_mono() + DEBOUNCE;

	if (e->mask & IN_Q_OVERFLOW) {
		vec_each(one, &l->repos) {
			one->unwatched = true;
			dirty(l, one, due);
		}
		return;
	}
	for (size_t i = l->folders.n; i-- > 0;) /* from the end, as it may go */
		if (l->folders.v[i].wd == e->wd)
			tell_folder(l, i, e, due);
}

static void take_events(struct watch_local *l)
{
	_Alignas(struct inotify_event) char buf[16384];
	ssize_t n;

	while ((n = read(l->inotify, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *e = (const void *)p;
			take_event(l, e);
			p += sizeof(*e) + e->len;
		}
	uint64_t ticks;
	n = read(l->timer, &ticks, sizeof(ticks));
	(void)n;
}

/* ---- what moved ---- */
static bool keep_branch(void *ctx, const char *ref, const char *commit)
{
	struct branches *to = ctx;
	struct branch one = {.ref = xstrdup(ref)};

	memcpy(one.commit, commit, sizeof(one.commit));
	vec_push(&to->list, one);
	return true;
}

static void add_move(struct moves *m, const struct watched *r, const char *ref, const char *old,
		     const char *new)
{
	vec_push(&m->list, ((struct move){xstrdup(r->name), xstrdup(ref), old ? xstrdup(old) : NULL,
					  new ? xstrdup(new) : NULL}));
}

static void compare(const struct watched *r, const struct branches *now, struct moves *to)
{
	size_t i = 0, j = 0;
	const struct branch *a = r->known.list.v, *b = now->list.v;

	while (i < r->known.list.n || j < now->list.n) {
		int c = i == r->known.list.n ? 1
			: j == now->list.n   ? -1
					     : strcmp(a[i].ref, b[j].ref);
		if (c < 0)
			add_move(to, r, a[i].ref, a[i].commit, NULL);
		else if (c > 0)
			add_move(to, r, b[j].ref, NULL, b[j].commit);
		else if (strcmp(a[i].commit, b[j].commit) != 0)
			add_move(to, r, a[i].ref, a[i].commit, b[j].commit);
		i += c <= 0;
		j += c >= 0;
	}
}

/* Watches come first: what moves while branches are read makes an event. */
static enum rc look_at(struct watch_local *l, size_t i, struct moves *to, struct err *err)
{
	AUTO(repo_freep) struct repo *git = NULL;
	struct watched *r = &l->repos.v[i];
	struct branches now = {0};

	r->dirty = false;
	r->by_time = true;
	enum rc rc = repo_open(r->path, &git, err);
	if (rc == RC_OK && r->unwatched)
		r->unwatched = watch_repo(l, i, repo_dir(git), NULL) != RC_OK;
	if (rc == RC_OK)
		rc = repo_change_refs(git, keep_branch, &now, err);
	if (rc != RC_OK) {
		branches_done(&now);
		r->unwatched = true;
		return err_wrap(err, "watch repository %s", r->name);
	}
	compare(r, &now, to);
	branches_done(&r->known);
	r->known = now;
	r->by_time = r->unwatched;
	r->told = false;
	return RC_OK;
}

static enum rc local_poll(struct watch *w, void (*each)(void *, const struct watch_move *),
			  void *ctx, struct err *err)
{
	struct watch_local *l = local_of(w);
	AUTO(moves_done) struct moves moves = {0};
	enum rc result = RC_OK;

	take_events(l);
	usec_t now = clock_mono();
	bool look = now >= l->look;
	for (size_t i = 0; i < l->repos.n; i++) {
		struct watched *r = &l->repos.v[i];
		struct err why = {0};
		if (!(r->dirty && now >= l->due) && !(r->by_time && look))
			continue;
		enum rc rc = look_at(l, i, &moves, &why);
		if (rc != RC_OK && !r->told && result == RC_OK) {
			r->told = true;
			result = err_set(err, rc, "%s", why.msg);
		}
	}
	if (look)
		l->look = now + RETRY;
	arm(l);
	/* The callback may add repositories. */
	for (size_t i = 0; i < moves.list.n; i++) {
		const struct move *m = &moves.list.v[i];
		each(ctx, &(struct watch_move){m->repo, m->ref, m->old_commit, m->new_commit});
	}
	return result;
}

static enum rc local_add(struct watch *w, const char *repo, const char *path, struct err *err)
{
	struct watch_local *l = local_of(w);
	struct watched *r = repo_find(l, repo);

	(void)err;
	if (!r) {
		vec_push(&l->repos, ((struct watched){.name = xstrdup(repo)}));
		r = vec_last(&l->repos);
	}
	xfree(r->path);
	r->path = xstrdup(path);
	r->unwatched = true;
	r->told = false;
	dirty(l, r, clock_mono());
	arm(l);
	return RC_OK;
}

static void local_know(struct watch *w, const char *repo, const char *ref, const char *commit)
{
	struct watched *r = repo_find(local_of(w), repo);
	struct branch *at = NULL;
	size_t i = 0;

	if (!r || !ref || (commit && strlen(commit) != GIT_HEX))
		return;
	for (; i < r->known.list.n && !at && strcmp(r->known.list.v[i].ref, ref) <= 0; i++)
		if (streq(r->known.list.v[i].ref, ref))
			at = &r->known.list.v[i];
	if (!commit && !at)
		return;
	if (!commit) {
		xfree(at->ref);
		i = (size_t)(at - r->known.list.v);
		vec_remove(&r->known.list, i);
		return;
	}
	if (!at) {
		vec_add(&r->known.list);
		memmove(&r->known.list.v[i + 1], &r->known.list.v[i],
			(r->known.list.n - 1 - i) * sizeof(*at));
		at = &r->known.list.v[i];
		at->ref = xstrdup(ref);
	}
	memcpy(at->commit, commit, GIT_HEX + 1);
}

static void local_poke(struct watch *w, const char *repo)
{
	struct watch_local *l = local_of(w);

	vec_each(one, &l->repos)
		if (!repo || streq(one->name, repo))
			dirty(l, one, clock_mono());
	arm(l);
}

static int local_fd(struct watch *w)
{
	return local_of(w)->epoll;
}

static void local_free(struct watch *w)
{
	struct watch_local *l = local_of(w);

	vec_each(one, &l->repos) {
		branches_done(&one->known);
		xfree(one->name);
		xfree(one->path);
	}
	vec_done(&l->repos);
	vec_done(&l->folders);
	fd_close(&l->epoll);
	fd_close(&l->inotify);
	fd_close(&l->timer);
	xfree(l);
}

static const struct watch_ops watch_local = {
	.name = "local",
	.add = local_add,
	.know = local_know,
	.poke = local_poke,
	.fd = local_fd,
	.poll = local_poll,
	.free = local_free,
};

enum rc watch_local_new(struct watch **ret, struct err *err)
{
	struct watch_local *l = xcalloc(1, sizeof(*l));
	struct epoll_event in = {.events = EPOLLIN};

	*l = (struct watch_local){
		.base.ops = &watch_local,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
		.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
	};
	if (l->epoll < 0 || l->inotify < 0 || l->timer < 0 ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->inotify, &in) < 0 ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->timer, &in) < 0) {
		enum rc rc = err_errno(err, errno, "watch repositories");
		local_free(&l->base);
		return rc;
	}
	*ret = &l->base;
	return RC_OK;
}
