/*
 * Which paths of a work tree may differ from its index: by what `stat` says, folders shared out over all processors. More than really differ may be
 * named, fewer never: what Git cannot tell from the time, size and inode (a file written in the same moment as the index) is named too.
 */
#include "clients/git_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_FOLDER ".penstock" /* of a daemon that is started in the work tree */
#define THREADS_MAX 8

struct child {
	struct str name;
	const git_index_entry *file; /* NULL: a folder */
	bool seen;
};
struct folder {
	char *path; /* "" the top, else without the '/' at the end */
	VEC(struct child) children;
};
struct scan {
	int top;
	struct timespec written; /* the index */
	struct map by_path;
	VEC(struct folder *) folders;
	atomic_size_t next;
};
struct scanner {
	struct scan *scan;
	pthread_t thread;
	git_paths found;
};

/* ---- folders of the index ---- */

static struct folder *folder_of(struct scan *s, struct str path)
{
	struct folder *f = map_get(&s->by_path, path);

	if (f)
		return f;
	f = xcalloc(1, sizeof(*f));
	f->path = xstrndup(path.p, path.n);
	map_put(&s->by_path, path, f);
	vec_push(&s->folders, f);
	if (!path.n)
		return f;
	size_t above = path.n;
	while (above && path.p[above - 1] != '/')
		above--;
	struct folder *in = folder_of(s, (struct str){path.p, above ? above - 1 : 0});
	/* Its own copy of the path: that of the entry it was found by. */
	vec_push(&in->children, ((struct child){{f->path + above, path.n - above}, NULL, false}));
	return f;
}

static void add_entries(struct scan *s, git_index *index)
{
	struct folder *last = folder_of(s, STR(""));
	size_t n = git_index_entrycount(index);

	for (size_t i = 0; i < n; i++) {
		const git_index_entry *e = git_index_get_byindex(index, i);
		const char *slash = strrchr(e->path, '/');
		struct str dir = {e->path, slash ? (size_t)(slash - e->path) : 0};
		const char *name = slash ? slash + 1 : e->path;

		if (!str_is(dir, last->path))
			last = folder_of(s, dir);
		vec_push(&last->children, ((struct child){str_of(name), e, false}));
	}
}

static void scan_done(struct scan *s)
{
	vec_each(f, &s->folders) {
		vec_done(&(*f)->children);
		xfree((*f)->path);
		xfree(*f);
	}
	vec_done(&s->folders);
	map_done(&s->by_path);
	if (s->top >= 0)
		close(s->top);
}

/* ---- a folder of the work tree ---- */

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct child *)a)->name, ((const struct child *)b)->name);
}

static void found(struct scanner *to, const struct folder *f, struct str name)
{
	vec_push(&to->found,
		 xasprintf("%s%s%.*s", f->path, *f->path ? "/" : "", (int)name.n, name.p));
}

static bool later(const struct timespec *a, const git_index_time *b)
{
	return a->tv_sec != b->seconds ? a->tv_sec > b->seconds : a->tv_nsec > (long)b->nanoseconds;
}

static bool same_time(const struct timespec *a, const git_index_time *b)
{
	return (int32_t)a->tv_sec == b->seconds && (uint32_t)a->tv_nsec == b->nanoseconds;
}

static bool is_same(const struct scan *s, int dir, const char *name, const git_index_entry *e)
{
	struct stat st;

	if (e->mode == GIT_MODE_OTHER || GIT_INDEX_ENTRY_STAGE(e) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !later(&s->written, &e->mtime))
		return false;
	bool link = e->mode == GIT_MODE_LINK;
	return (link ? S_ISLNK(st.st_mode) : S_ISREG(st.st_mode)) &&
	       (link || ((st.st_mode & 0100) != 0) == ((e->mode & 0100) != 0)) &&
	       same_time(&st.st_mtim, &e->mtime) && same_time(&st.st_ctim, &e->ctime) &&
	       (uint32_t)st.st_ino == e->ino && (uint32_t)st.st_size == e->file_size &&
	       st.st_uid == e->uid && st.st_gid == e->gid;
}

static bool is_folder(int dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void look_at(struct scanner *to, const struct folder *f, int dir, const struct dirent *e)
{
	struct child want = {.name = str_of(e->d_name)};
	struct child *c =
		f->children.n ? bsearch(&want, f->children.v, f->children.n, sizeof(want), by_name)
			      : NULL;

	if (!c && !*f->path && streq(e->d_name, DATA_FOLDER))
		return; /* journals and secrets are no work, wherever nobody ignores them */
	if (c)
		c->seen = true;
	if (!c || (c->file ? !is_same(to->scan, dir, e->d_name, c->file) : !is_folder(dir, e)))
		found(to, f, want.name);
}

static void scan_folder(struct scanner *to, struct folder *f)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(to->scan->top, *f->path ? f->path : ".", flags);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	if (f->children.n)
		qsort(f->children.v, f->children.n, sizeof(*f->children.v), by_name);
	for (struct dirent *e; d && (e = readdir(d));)
		if (!streq(e->d_name, ".") && !streq(e->d_name, "..") && !streq(e->d_name, ".git"))
			look_at(to, f, dirfd(d), e);
	if (d)
		closedir(d);
	vec_each(c, &f->children)
		if (!c->seen)
			found(to, f, c->name);
}

static void *scan_some(void *arg)
{
	struct scanner *to = arg;

	for (size_t i; (i = atomic_fetch_add(&to->scan->next, 1)) < to->scan->folders.n;)
		scan_folder(to, to->scan->folders.v[i]);
	return NULL;
}

static void scan_all(struct scan *s, git_paths *ret)
{
	struct scanner all[THREADS_MAX] = {0};
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned running = 0, threads = n > THREADS_MAX ? THREADS_MAX : n > 1 ? (unsigned)n : 1;

	for (unsigned i = 0; i < threads; i++)
		all[i].scan = s;
	while (running + 1 < threads &&
	       pthread_create(&all[running].thread, NULL, scan_some, &all[running]) == 0)
		running++;
	scan_some(&all[threads - 1]);
	for (unsigned i = 0; i < running; i++)
		pthread_join(all[i].thread, NULL);
	for (unsigned i = 0; i < threads; i++) {
		vec_each(path, &all[i].found)
			vec_push(ret, *path);
		vec_done(&all[i].found);
	}
}

enum rc git_scan(git_index *index, const char *top, struct timespec written, git_paths *ret,
		 struct err *err)
{
	AUTO(scan_done) struct scan s = {.written = written};

	s.top = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.top < 0)
		return err_errno(err, errno, "open folder %s", top);
	add_entries(&s, index);
	scan_all(&s, ret);
	return RC_OK;
}
