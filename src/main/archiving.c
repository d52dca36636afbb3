#include "main/archiving.h"

#include "base/log.h"
#include "core/retention.h"
#include "store/archive.h"

#define AFTER_FAILURE USEC_MIN
#define BETWEEN       (20 * USEC_MS) /* two small transactions: others write, too */

struct archiving {
	struct loop *loop;
	struct api *api;
	char *dir;
	struct archiver archiver;
	usec_t now;
	bool more;
	enum rc rc;
	struct err err;
};

static void on_thread(void *arg)
{
	struct archiving *a = arg;

	a->rc = archive_turn(&a->archiver, a->now, &a->more, &a->err);
}

static void again(void *arg);

static void on_loop(void *arg)
{
	struct archiving *a = arg;
	usec_t pause = a->rc != RC_OK ? AFTER_FAILURE
		       : a->more      ? BETWEEN
				      : retention_pause(a->archiver.keep);

	if (a->rc != RC_OK)
		LOG(LOG_WARN, "old records stay in the journal", LF("error", a->err.msg),
		    LF("code", rc_name(a->rc)));
	api_archived(a->api, a->archiver.archived, a->archiver.archived_at);
	if (a->rc == RC_OK && !a->more && !a->archiver.keep)
		return;
	loop_at(a->loop, loop_now(a->loop) + pause, again, a);
}

static void again(void *arg)
{
	struct archiving *a = arg;

	a->now = loop_now(a->loop);
	loop_work(a->loop, "archive", on_thread, on_loop, a);
}

struct archiving *archiving_start(struct loop *loop, struct store *store, struct api *api,
				  const char *data, usec_t keep)
{
	struct archiving *a = xcalloc(1, sizeof(*a));
	struct record anchor = {0};
	struct err err = {0};

	a->loop = loop;
	a->api = api;
	a->dir = xasprintf("%s/archive", data);
	a->archiver = (struct archiver){.store = store, .dir = a->dir, .keep = keep};
	if (store_anchor(store, &anchor, &err) == RC_OK)
		api_archived(api, anchor.seq, anchor.time);
	again(a);
	return a;
}

void archiving_free(struct archiving *a)
{
	if (!a)
		return;
	xfree(a->dir);
	xfree(a);
}

char *archiving_name_of(const char *data, uint64_t seq)
{
	AUTO(freep) char *dir = xasprintf("%s/archive", data);
	AUTO(archives_done) struct archives have = {0};
	struct err err = {0};
	const struct archive *found;

	if (archives_list(dir, &have, &err) != RC_OK)
		return NULL;
	found = archives_find(&have, seq);
	return found ? xasprintf("archive%s", strrchr(found->path, '/')) : NULL;
}
