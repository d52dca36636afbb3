/* Numbers of an image's user. The files are the image's: opened without following links out of it. */
#include "flow/2-build/image_disk.h"

#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define TABLE_MAX ((size_t)1 << 20)

static void read_table(const char *root, const char *name, struct strbuf *ret)
{
	AUTO(fd_close) int top = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(fd_close)
	int etc =
		top < 0 ? -1 : openat(top, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	AUTO(fd_close)
	int fd = etc < 0 ? -1 : openat(etc, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct err err = {0};

	if (fd >= 0)
		(void)!fd_read(fd, TABLE_MAX, ret, &err);
}

/* "name:x:uid:gid:..." by name, or by uid. */
static bool find(const struct strbuf *table, struct str who, uint32_t *id, uint32_t *second)
{
	struct str rest = strbuf_str(table);
	uint32_t number = 0;
	bool numeric = parse_u32(who, &number);

	while (rest.p) {
		struct str line = str_cut(&rest, '\n'), name = str_cut(&line, ':');
		uint32_t a = 0, b = 0;
		(void)str_cut(&line, ':');
		if (!line.p || !parse_u32(str_cut(&line, ':'), &a))
			continue;
		if (line.p && second && !parse_u32(str_cut(&line, ':'), &b))
			continue;
		if (!str_eq(name, who) && !(numeric && a == number))
			continue;
		*id = a;
		if (second)
			*second = b;
		return true;
	}
	return false;
}

enum rc image_user(const char *root, const char *user, uint32_t *ret_uid, uint32_t *ret_gid,
		   struct err *err)
{
	AUTO(strbuf_done) struct strbuf people = STRBUF(TABLE_MAX), groups = STRBUF(TABLE_MAX);
	struct str rest = str_of(user), name = str_cut(&rest, ':');
	uint32_t uid = 0, gid = 0;

	if (!name.n) {
		*ret_uid = *ret_gid = 0;
		return RC_OK;
	}
	read_table(root, "passwd", &people);
	if (!find(&people, name, &uid, &gid) && !parse_u32(name, &uid))
		return err_set(err, RC_INVALID, "the image has no user \"%.*s\"",
			       (int)MIN_OF(name.n, 80u), name.p);
	if (rest.p && rest.n) {
		read_table(root, "group", &groups);
		if (!find(&groups, rest, &gid, NULL) && !parse_u32(rest, &gid))
			return err_set(err, RC_INVALID, "the image has no group \"%.*s\"",
				       (int)MIN_OF(rest.n, 80u), rest.p);
	}
	*ret_uid = uid;
	*ret_gid = gid;
	return RC_OK;
}
