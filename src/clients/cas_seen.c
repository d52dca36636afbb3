/* Sets of four inodes; a set is found by the inode's number, the oldest of its four goes first. */
#include "base/mem.h"
#include "clients/cas_impl.h"

#define SETS 16384u
#define WAYS 4u

struct seen {
	dev_t dev;
	ino_t ino;
	off_t size;
	nlink_t links;
	struct timespec mtime, ctime;
	struct digest digest;
};
struct cas_seen {
	struct seen at[SETS][WAYS];
	uint8_t next[SETS];
};

struct cas_seen *cas_seen_new(void)
{
	return xcalloc(1, sizeof(struct cas_seen)); /* its pages come as they are used */
}

void cas_seen_free(struct cas_seen *s)
{
	xfree(s);
}

static size_t set_of(const struct stat *st)
{
	return (size_t)(st->st_ino % SETS);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool cas_seen_is(const struct cas_seen *s, struct digest d, const struct stat *st)
{
	const struct seen *set = s->at[set_of(st)];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].ino == st->st_ino && set[i].dev == st->st_dev)
			return digest_eq(set[i].digest, d) && set[i].size == st->st_size &&
			       same_time(set[i].mtime, st->st_mtim) &&
			       (same_time(set[i].ctime, st->st_ctim) ||
				set[i].links != st->st_nlink);
	return false;
}

void cas_seen_put(struct cas_seen *s, struct digest d, const struct stat *st)
{
	size_t at = set_of(st);
	struct seen *set = s->at[at], *to = NULL;

	for (size_t i = 0; i < WAYS && !to; i++)
		if (set[i].ino == st->st_ino && set[i].dev == st->st_dev)
			to = &set[i];
	if (!to)
		to = &set[s->next[at]++ % WAYS];
	*to = (struct seen){.dev = st->st_dev,
			    .ino = st->st_ino,
			    .size = st->st_size,
			    .links = st->st_nlink,
			    .mtime = st->st_mtim,
			    .ctime = st->st_ctim,
			    .digest = d};
}
