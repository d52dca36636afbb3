/*
 * Dependency caches: <data>/caches/<hex of repository and name>/<hex of the key files>/{0,1,...}, a tree for each path. Only jobs of trusted changes
 * write; all read. An exact key is restored as it is, else the newest of the name is where the job starts from. A cache is a help, never a reason to
 * fail: what goes wrong here leaves the job without it.
 */
#include "flow/2-build/exec_container.h"

#include "base/digest.h"
#include "base/glob.h"
#include "io/child.h"
#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_MAX   ((size_t)1 << 20)
#define CACHE_MAX  ((uint64_t)10 << 30)
#define KEY_FILES  1000
#define COPY_LIMIT (10 * USEC_MIN)

/* <job's folder>/caches.json: what is to be kept when the job passes. */
struct cache_note {
	char *folder; /* of the name */
	char *key;
	texts from; /* places below the job's folder */
};
struct cache_notes {
	VEC(struct cache_note) list;
};
static const struct shape_field note_fields[] = {
	SHAPE_STR(struct cache_note, folder),
	SHAPE_STR(struct cache_note, key),
	SHAPE_STRS(struct cache_note, from),
};
static const struct shape shape_note = SHAPE(struct cache_note, note_fields);
static const struct shape_field notes_fields[] = {
	SHAPE_LIST(struct cache_notes, list, shape_note),
};
static const struct shape shape_notes = SHAPE(struct cache_notes, notes_fields);

struct key {
	const texts *globs;
	struct digest_state *sum;
	size_t files;
};

static enum rc key_file(void *ctx, const struct file_seen *seen, struct err *err)
{
	struct key *k = ctx;
	char *buf AUTO(freep) = NULL;
	bool mine = false;
	ssize_t n;

	for (size_t i = 0; i < k->globs->n && seen->kind == FILE_REGULAR; i++)
		mine |= glob_match(str_of(k->globs->v[i]), str_of(seen->path));
	if (!mine)
		return RC_OK;
	if (k->files++ >= KEY_FILES)
		return err_set(err, RC_TOO_BIG, "more than %d key files", KEY_FILES);
	AUTO(fd_close)
	int fd = openat(seen->dir, seen->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return err_errno(err, errno, "open %s", seen->path);
	digest_add(k->sum, seen->path, strlen(seen->path) + 1);
	digest_add(k->sum, &seen->size, sizeof(seen->size));
	buf = xmalloc(1 << 16);
	while ((n = read(fd, buf, 1 << 16)) > 0)
		digest_add(k->sum, buf, (size_t)n);
	return n < 0 ? err_errno(err, errno, "read %s", seen->path) : RC_OK;
}

static enum rc key_of(const struct cache_def *c, const char *unit, char hex[DIGEST_HEX + 1],
		      struct err *err)
{
	struct key k = {.globs = &c->key, .sum = digest_new()};

	for (size_t i = 0; i < c->paths.n; i++)
		digest_add(k.sum, c->paths.v[i], strlen(c->paths.v[i]) + 1);
	enum rc rc = tree_walk(unit, key_file, &k, err);
	digest_hex(digest_finish(k.sum), hex);
	return rc;
}

/* The place of a path below the job's folder: in the unit's, or (absolute) in the container's. NULL: not allowed. */
static char *place_of(const struct job_spec *spec, const char *path)
{
	bool boxed = spec->def.container && *spec->def.container;
	bool top = !spec->path || !*spec->path || streq(spec->path, ".");

	if (*path == '/')
		return boxed && path_check(str_of(path + 1), NULL) == RC_OK && geteuid() == 0
			       ? xasprintf("box/upper%s", path)
			       : NULL;
	if (path_check(str_of(path), NULL) != RC_OK)
		return NULL;
	return top ? xasprintf("work/%s", path) : xasprintf("work/%s/%s", spec->path, path);
}

/* Folders above the last name, opened one from another: no link is followed. make: those that are missing. */
static int open_above(const char *dir, const char *place, bool make, const char **ret_name)
{
	AUTO(fd_close) int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct str rest = str_of(place);

	while (at >= 0) {
		const char *name = rest.p;
		struct str part = str_cut(&rest, '/');
		if (!rest.p) {
			*ret_name = name;
			break;
		}
		AUTO(freep) char *text = xstrndup(part.p, part.n);
		if (make)
			mkdirat(at, text, 0755);
		int next = openat(at, text, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		fd_close(&at);
		at = next;
	}
	int ret = at;
	at = -1;
	return ret;
}

static bool copy(const char *from, int above, const char *name)
{
	AUTO(freep) char *to = xasprintf("/proc/self/fd/0/%s", name);
	AUTO(strbuf_done) struct strbuf said = STRBUF(4096);
	const char *argv[] = {"cp", "-a", "--reflink=auto", "-T", from, to, NULL};
	struct child_run run = {.spec = {.argv = argv, .fds = {above, -1, -1, -1}},
				.timeout = COPY_LIMIT};
	struct err err = {0};
	struct child c = {0, -1};
	int code = 1;

	/* The target is reached through an open folder: its path cannot lead elsewhere. */
	if (child_start(&run.spec, &c, &err) != RC_OK)
		return false;
	while (!child_ended(&c, &code))
		usleep(1000);
	child_done(&c);
	return code == 0;
}

static char *folder_of(const struct sandbox_exec *x, const struct job_spec *spec,
		       const struct cache_def *c)
{
	AUTO(freep)
	char *name = xasprintf("%s\n%s", spec->change.repo ? spec->change.repo : "",
			       c->name && *c->name ? c->name : spec->def.name);
	AUTO(freep) char *hex = digest_hex_dup(str_of(name));

	return xasprintf("%s/caches/%.32s", x->caches, hex);
}

/* The entry with this key, else the newest of the folder; NULL: none. */
static char *entry_of(const char *folder, const char *key)
{
	char *exact = dir_path(folder, key), *best = NULL;
	DIR *d = file_exists(exact) ? NULL : opendir(folder);
	struct timespec newest = {0};
	struct stat st;

	if (file_exists(exact))
		return exact;
	xfree(exact);
	for (struct dirent *e; d && (e = readdir(d));)
		if (strlen(e->d_name) == DIGEST_HEX &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (st.st_mtim.tv_sec > newest.tv_sec ||
		     (st.st_mtim.tv_sec == newest.tv_sec && st.st_mtim.tv_nsec > newest.tv_nsec))) {
			newest = st.st_mtim;
			xfree(best);
			best = dir_path(folder, e->d_name);
		}
	if (d)
		closedir(d);
	return best;
}

static void restore(const struct sandbox_exec *x, const struct job_spec *spec,
		    const struct cache_def *c, const char *from, struct cache_notes *notes)
{
	AUTO(freep) char *work = dir_path(from, "work");
	AUTO(freep)
	char *unit = spec->path && *spec->path && !streq(spec->path, ".")
			     ? dir_path(work, spec->path)
			     : xstrdup(work);
	AUTO(freep) char *folder = folder_of(x, spec, c);
	struct cache_note note = {0};
	struct err err = {0};
	char key[DIGEST_HEX + 1];

	if (key_of(c, unit, key, &err) != RC_OK)
		return;
	AUTO(freep) char *entry = entry_of(folder, key);
	bool exact = entry && str_ends(str_of(entry), key);
	for (size_t i = 0; i < c->paths.n; i++) {
		char *place = place_of(spec, c->paths.v[i]);
		const char *name = NULL;
		if (!place)
			continue;
		AUTO(fd_close) int above = entry ? open_above(from, place, true, &name) : -1;
		AUTO(freep) char *tree = xasprintf("%s/%zu", entry ? entry : "", i);
		if (above >= 0 && faccessat(above, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		    file_exists(tree))
			exact &= copy(tree, above, name);
		vec_push(&note.from, place);
	}
	if (entry)
		utimensat(AT_FDCWD, entry, NULL, 0);
	if (exact || !spec->trusted) {
		shape_done(&shape_note, &note);
		return;
	}
	note.folder = folder;
	folder = NULL;
	note.key = xstrdup(key);
	vec_push(&notes->list, note);
}

void caches_restore(const struct sandbox_exec *x, const struct job_spec *spec, const char *from)
{
	AUTO(freep) char *path = dir_path(from, "caches.json");
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	struct json_out o = JSON_OUT(&text);
	struct cache_notes notes = {0};
	struct err err = {0};

	for (size_t i = 0; i < spec->def.caches.n; i++)
		restore(x, spec, &spec->def.caches.v[i], from, &notes);
	if (notes.list.n) {
		shape_write(&o, NULL, &shape_notes, &notes);
		if (!strbuf_failed(&text))
			(void)!file_write_fast(path, strbuf_str(&text), 0600, &err);
	}
	shape_done(&shape_notes, &notes);
}

/* ---- after the job ---- */

static enum rc add_size(void *ctx, const struct file_seen *seen, struct err *err)
{
	(void)err;
	*(uint64_t *)ctx += seen->kind == FILE_REGULAR ? seen->size + 512 : 512;
	return RC_OK;
}

struct used {
	char *path;
	uint64_t bytes;
	struct timespec at;
};

static int by_use(const void *a, const void *b)
{
	const struct used *x = a, *y = b;

	if (x->at.tv_sec != y->at.tv_sec)
		return x->at.tv_sec < y->at.tv_sec ? -1 : 1;
	return x->at.tv_nsec < y->at.tv_nsec ? -1 : x->at.tv_nsec > y->at.tv_nsec;
}

static void note_used(const char *folder, const char *name, void *to)
{
	VEC(struct used) *all = to;
	struct used u = {.path = xasprintf("%s/%s", folder, name)};
	AUTO(freep) char *size = dir_path(u.path, "size");
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);
	struct err err = {0};
	struct stat st;

	if (strlen(name) != DIGEST_HEX || stat(u.path, &st) < 0 ||
	    file_read(size, 32, &text, &err) != RC_OK || !parse_u64(strbuf_str(&text), &u.bytes)) {
		xfree(u.path);
		return;
	}
	u.at = st.st_mtim;
	vec_push(all, u);
}

static void each_name(const char *folder,
		      void (*fn)(const char *folder, const char *name, void *to), void *to)
{
	DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			fn(folder, e->d_name, to);
	if (d)
		closedir(d);
}

static void each_folder(const char *folder, const char *name, void *to)
{
	AUTO(freep) char *path = dir_path(folder, name);

	each_name(path, note_used, to);
}

/* The longest unused go until all fit. */
static void make_room(const struct sandbox_exec *x)
{
	AUTO(freep) char *top = dir_path(x->caches, "caches");
	uint64_t max = x->cache_max ? x->cache_max : CACHE_MAX, total = 0;
	VEC(struct used) all = {0};

	each_name(top, each_folder, &all);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_use);
	vec_each(u, &all)
		total += u->bytes;
	vec_each(u, &all) {
		if (total > max && tree_remove(u->path, NULL) == RC_OK)
			total -= u->bytes;
		xfree(u->path);
	}
	vec_done(&all);
}

/* Moved, not copied: the job's folder is about to go. */
static void save(const char *dir, const struct cache_note *n)
{
	AUTO(freep) char *entry = dir_path(n->folder, n->key);
	AUTO(freep) char *temp = dir_path(n->folder, ".new-XXXXXX");
	AUTO(strbuf_done) struct strbuf text = STRBUF(32);
	struct err err = {0};
	uint64_t bytes = 0;
	bool any = false;

	if (file_exists(entry) || dir_make(n->folder, 0700, &err) != RC_OK || !mkdtemp(temp))
		return;
	for (size_t i = 0; i < n->from.n; i++) {
		AUTO(freep) char *to = xasprintf("%s/%zu", temp, i);
		const char *name = NULL;
		AUTO(fd_close) int above = open_above(dir, n->from.v[i], false, &name);
		any |= above >= 0 && renameat(above, name, AT_FDCWD, to) == 0;
	}
	AUTO(freep) char *size = dir_path(temp, "size");
	bool good = any && tree_walk(temp, add_size, &bytes, &err) == RC_OK;
	strbuf_addf(&text, "%llu", (unsigned long long)bytes);
	if (!good || file_write_fast(size, strbuf_str(&text), 0600, &err) != RC_OK ||
	    rename(temp, entry) < 0)
		(void)!tree_remove(temp, NULL);
}

/* The note is ours, but what it says moves and makes folders: only below <data>/caches. */
static bool sound(const struct sandbox_exec *x, const struct cache_note *n)
{
	AUTO(freep) char *top = xasprintf("%s/caches/", x->data);
	struct digest key;

	if (!n->folder || !n->key || strlen(n->key) != DIGEST_HEX ||
	    !digest_parse(str_of(n->key), &key) || !str_starts(str_of(n->folder), top))
		return false;
	for (size_t i = 0; i < n->from.n; i++)
		if (path_check(str_of(n->from.v[i]), NULL) != RC_OK)
			return false;
	return path_check(str_of(n->folder + strlen(top)), NULL) == RC_OK;
}

void caches_save(const struct sandbox_exec *x, const char *dir)
{
	AUTO(freep) char *path = dir_path(dir, "caches.json");
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	struct cache_notes notes = {0};
	struct err err = {0};

	if (!file_exists(path) || file_read(path, NOTE_MAX, &text, &err) != RC_OK ||
	    shape_parse(strbuf_str(&text), NOTE_MAX, &shape_notes, &notes, &err) != RC_OK)
		return;
	vec_each(n, &notes.list)
		if (sound(x, n))
			save(dir, n);
	shape_done(&shape_notes, &notes);
	make_room(x);
}
