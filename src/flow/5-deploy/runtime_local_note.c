/* Folders of replicas, and the table that is made of them. */
#include "flow/5-deploy/runtime_local.h"
#include "io/files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_MAX    ((size_t)1 << 20)
#define EVENTS_READ 65536

static const struct shape_field note_fields[] = {
	SHAPE_SUB(struct replica_note, deploy, shape_deploy), SHAPE_U32(struct replica_note, index),
	SHAPE_U32(struct replica_note, port),
	SHAPE_LIST(struct replica_note, urls, shape_shim_pair)};
const struct shape shape_replica_note = SHAPE(struct replica_note, note_fields);

void digest12(const char *image, char ret[13])
{
	const char *hex = strchr(image, ':');

	hex = hex ? hex + 1 : image;
	(void)snprintf(ret, 13, "%.12s", hex);
}

char *replica_dir(const struct runtime_local *l, const struct replica_note *n)
{
	char d[13];

	digest12(n->deploy.image, d);
	return xasprintf("%s/replicas/%s/%s/%s/%u", l->data, n->deploy.environment, n->deploy.unit,
			 d, n->index);
}

enum rc replica_note_write(const char *dir, const struct replica_note *n, struct err *err)
{
	char *path AUTO(freep) = xasprintf("%s/replica.json", dir);
	struct strbuf text AUTO(strbuf_done) = STRBUF(NOTE_MAX);
	struct json_out o = JSON_OUT(&text);

	shape_write(&o, NULL, &shape_replica_note, n);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "%s has too much environment", n->deploy.unit);
	return file_write_fast(path, strbuf_str(&text), 0600, err);
}

enum rc replica_note_read(const char *dir, struct replica_note *ret, struct err *err)
{
	char *path AUTO(freep) = xasprintf("%s/replica.json", dir);
	struct strbuf text AUTO(strbuf_done) = STRBUF(NOTE_MAX);
	enum rc rc = file_read(path, NOTE_MAX, &text, err);

	if (rc == RC_OK)
		rc = shape_parse(strbuf_str(&text), NOTE_MAX, &shape_replica_note, ret, err);
	if (rc == RC_OK && (!ret->deploy.environment || !ret->deploy.unit || !ret->deploy.image)) {
		shape_done(&shape_replica_note, ret);
		rc = err_set(err, RC_CORRUPT, "%s names no replica", path);
	}
	return rc;
}

void member_free(struct member *m)
{
	if (!m)
		return;
	shape_done(&shape_replica_note, &m->note);
	shape_done(&shape_shim_event, &m->last);
	xfree(m->dir);
	xfree(m->address);
	xfree(m);
}

static void take_line(struct member *m, struct str line)
{
	struct shim_event e = {0};
	struct err err;

	if (shape_parse(line, EVENTS_READ, &shape_shim_event, &e, &err) != RC_OK)
		return;
	shape_done(&shape_shim_event, &m->last);
	m->last = e;
	m->why[0] = '\0';
}

void member_read(struct member *m)
{
	char *path AUTO(freep) = xasprintf("%s/events", m->dir);
	int fd AUTO(fd_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	static _Thread_local char buf[EVENTS_READ];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	if (st.st_ino != m->inode ||
	    (uint64_t)st.st_size < m->offset) /* another file, or cut: from its start */
		m->offset = 0;
	m->inode = st.st_ino;
	for (;;) {
		ssize_t n = pread(fd, buf, sizeof(buf), (off_t)m->offset);
		const char *end = n > 0 ? memrchr(buf, '\n', (size_t)n) : NULL;
		struct str rest, line;

		if (!end)
			return;
		rest = (struct str){buf, (size_t)(end - buf)};
		while (rest.p) {
			line = str_cut(&rest, '\n');
			take_line(m, line);
		}
		m->offset += (uint64_t)(end - buf) + 1;
	}
}

static int by_place(const struct replica_note *a, const struct replica_note *b)
{
	int c = strcmp(a->deploy.environment, b->deploy.environment);

	if (!c)
		c = strcmp(a->deploy.unit, b->deploy.unit);
	if (!c)
		c = strcmp(a->deploy.image, b->deploy.image);
	if (!c)
		c = a->index < b->index ? -1 : a->index > b->index;
	return c;
}

struct member *member_find(const struct runtime_local *l, const char *environment, const char *unit,
			   const char *image, uint32_t index)
{
	for (size_t i = 0; i < l->members.n; i++) {
		const struct replica_note *n = &l->members.v[i]->note;

		if (n->index == index && streq(n->deploy.environment, environment) &&
		    streq(n->deploy.unit, unit) && streq(n->deploy.image, image))
			return l->members.v[i];
	}
	return NULL;
}

struct member *member_new(struct runtime_local *l, struct replica_note *take_note)
{
	struct member *m = xcalloc(1, sizeof(*m));
	size_t at = 0;

	m->note = *take_note;
	memset(take_note, 0, sizeof(*take_note));
	m->dir = replica_dir(l, &m->note);
	m->address = xstrdup("127.0.0.1");
	m->watch_events = m->watch_lock = -1;
	while (at < l->members.n && by_place(&l->members.v[at]->note, &m->note) < 0)
		at++;
	vec_push(&l->members, m);
	memmove(&l->members.v[at + 1], &l->members.v[at], (l->members.n - 1 - at) * sizeof(m));
	l->members.v[at] = m;
	return m;
}

/* The lock is closed for writing when the shim dies, however it does. */
void member_watch(struct runtime_local *l, struct member *m)
{
	char *events AUTO(freep) = xasprintf("%s/events", m->dir),
		     *lock AUTO(freep) = xasprintf("%s/lock", m->dir);

	m->watch_events = inotify_add_watch(l->inotify, events,
					    IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
	m->watch_lock = inotify_add_watch(l->inotify, lock, IN_CLOSE_WRITE);
}

void member_drop(struct runtime_local *l, struct member *m)
{
	for (size_t i = 0; i < l->members.n; i++)
		if (l->members.v[i] == m) {
			vec_remove(&l->members, i);
			break;
		}
	if (m->watch_events >= 0)
		(void)inotify_rm_watch(l->inotify, m->watch_events);
	if (m->watch_lock >= 0)
		(void)inotify_rm_watch(l->inotify, m->watch_lock);
	member_free(m);
}

/* Names in a folder that are not hidden; a missing folder has none. */
static void names(const char *dir, texts *ret)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			vec_push(ret, xstrdup(e->d_name));
	if (d)
		closedir(d);
}

/* Four folders deep: environment, unit, digest, index. */
static void descend(struct runtime_local *l, const char *dir, int depth,
		    void (*each)(struct runtime_local *l, char *take_dir))
{
	texts list = {0};

	if (depth == 4) {
		each(l, xstrdup(dir));
		return;
	}
	names(dir, &list);
	vec_each(n, &list) {
		char *sub AUTO(freep) = xasprintf("%s/%s", dir, *n);

		descend(l, sub, depth + 1, each);
		xfree(*n);
	}
	vec_done(&list);
}

enum rc replica_scan(const struct runtime_local *l,
		     void (*each)(struct runtime_local *l, char *take_dir), struct err *err)
{
	char *dir AUTO(freep) = xasprintf("%s/replicas", l->data);

	if (dir_make(dir, 0755, err) != RC_OK)
		return err->rc;
	descend((struct runtime_local *)(uintptr_t)l, dir, 0, each);
	return RC_OK;
}
