/* Blobs, both ways: an agent fetches what it lacks and brings what its jobs left. Blocking work is done on workers, a lane for each agent. */
#include "flow/2-agent/hub.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/files.h"

struct transfer {
	struct hub *hub;
	struct request *r;
	char *hex;
	struct agent_digests asked, lacking;
	int fd; /* what comes, or what is answered */
	char *path;
	uint64_t size, most;
	char lane[32];
	enum rc rc;
	struct err err;
};

static void transfer_free(struct transfer *t)
{
	if (t->path)
		unlink(t->path);
	fd_close(&t->fd);
	shape_done(&shape_agent_digests, &t->asked);
	shape_done(&shape_agent_digests, &t->lacking);
	xfree(t->path);
	xfree(t->hex);
	xfree(t);
}

static struct transfer *transfer_new(struct hub *h, const struct hub_agent *a, struct request *r)
{
	struct transfer *t = xcalloc(1, sizeof(*t));

	*t = (struct transfer){.hub = h, .r = r, .fd = -1};
	(void)snprintf(t->lane, sizeof(t->lane), "agent/%u", a->lane);
	return t;
}

static unsigned status_for(enum rc rc)
{
	switch (rc) {
	case RC_NOT_FOUND:
		return 404;
	case RC_INVALID:
		return 400;
	case RC_TOO_BIG:
		return 413;
	case RC_NO_SPACE:
		return 507;
	default:
		return 500;
	}
}

static void refuse(struct transfer *t)
{
	hub_refuse(t->r, status_for(t->rc), &t->err);
	transfer_free(t);
}

static enum rc open_temp(struct transfer *t, struct err *err)
{
	hub_lock(t->hub);
	t->path = xasprintf("%s/tmp/b%u", t->hub->dir, t->hub->serial++);
	hub_unlock(t->hub);
	t->fd = open(t->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return t->fd < 0 ? err_errno(err, errno, "open %s", t->path) : RC_OK;
}

/* ---- GET blobs/<hex> ---- */

static void get_it(void *arg)
{
	struct transfer *t = arg;
	struct stat st = {0};

	t->rc = blobs_open(t->hub->blobs, t->hex, &t->fd, &t->err);
	if (t->rc == RC_OK && fstat(t->fd, &st) < 0)
		t->rc = err_errno(&t->err, errno, "blob %s", t->hex);
	t->size = (uint64_t)st.st_size;
}

static void reply_file(struct transfer *t)
{
	int fd = t->fd;

	t->fd = -1;
	request_reply_file(t->r, 200, "application/octet-stream", fd, 0, t->size);
	transfer_free(t);
}

static void got(void *arg)
{
	struct transfer *t = arg;

	if (t->rc == RC_OK)
		reply_file(t);
	else
		refuse(t);
}

/* ---- PUT blobs/<hex> ---- */

static void put_it(void *arg)
{
	struct transfer *t = arg;
	char hex[DIGEST_HEX + 1];

	fd_close(&t->fd);
	t->rc = blobs_put_file(t->hub->blobs, t->path, hex, &t->size, &t->err);
	if (t->rc == RC_OK && !streq(hex, t->hex))
		t->rc = err_set(&t->err, RC_INVALID, "these bytes are %s, not %s", hex, t->hex);
}

static void was_put(void *arg)
{
	struct transfer *t = arg;

	if (t->rc != RC_OK) {
		refuse(t);
		return;
	}
	request_reply(t->r, 201, "application/json", STR("{}"));
	transfer_free(t);
}

static size_t put_piece(void *ctx, struct request *r, struct str bytes)
{
	struct transfer *t = ctx;

	(void)r;
	t->size += bytes.n;
	if (t->size > BLOB_MAX)
		t->rc = err_set(&t->err, RC_TOO_BIG, "a blob has at most %llu bytes",
				(unsigned long long)BLOB_MAX);
	else
		t->rc = fd_write(t->fd, bytes.p, bytes.n, &t->err);
	if (t->rc != RC_OK)
		refuse(t);
	return bytes.n;
}

static void put_end(void *ctx, struct request *r)
{
	struct transfer *t = ctx;

	(void)r;
	loop_work(t->hub->loop, t->lane, put_it, was_put, t);
}

static void put_gone(void *ctx)
{
	transfer_free(ctx);
}

static const struct body_ops put_ops = {put_piece, put_end, put_gone};

/* ---- POST missing ---- */

static void miss_it(void *arg)
{
	struct transfer *t = arg;

	vec_each(hex, &t->asked.digests)
		if (!blobs_has(t->hub->blobs, *hex))
			vec_push(&t->lacking.digests, xstrdup(*hex));
}

static void missed(void *arg)
{
	struct transfer *t = arg;
	AUTO(strbuf_done) struct strbuf body = STRBUF(AGENT_HELLO_MAX);
	struct json_out o = JSON_OUT(&body);

	shape_write(&o, NULL, &shape_agent_digests, &t->lacking);
	request_reply(t->r, 200, "application/json", strbuf_str(&body));
	transfer_free(t);
}

/* ---- POST pack ---- */

static enum rc pack_one(struct transfer *t, const char *hex)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(AGENT_PACK_EACH);
	AUTO(strbuf_done) struct strbuf head = STRBUF(128);
	enum rc rc = blobs_get(t->hub->blobs, hex, AGENT_PACK_EACH, &bytes, &t->err);

	if (rc == RC_TOO_BIG) /* it is to be fetched by itself */
		return RC_OK;
	if (rc != RC_OK)
		return rc;
	strbuf_addf(&head, "%s %zu\n", hex, bytes.n);
	t->size += head.n + bytes.n;
	rc = fd_write(t->fd, head.p, head.n, &t->err);
	return rc == RC_OK && bytes.n ? fd_write(t->fd, bytes.p, bytes.n, &t->err) : rc;
}

static void pack_it(void *arg)
{
	struct transfer *t = arg;

	t->rc = open_temp(t, &t->err);
	for (size_t i = 0; t->rc == RC_OK && i < t->asked.digests.n && t->size < AGENT_PACK; i++)
		t->rc = pack_one(t, t->asked.digests.v[i]);
}

/* ---- the ways in ---- */

static void asked(struct hub *h, struct request *r, void (*fn)(void *), void (*done)(void *))
{
	struct hub_agent *a;

	if (!hub_session(h, r, &a))
		return;
	struct transfer *t = transfer_new(h, a, r);
	t->rc = agent_digests_read(request_body(r), &t->asked, &t->err);
	if (t->rc == RC_OK)
		loop_work(h->loop, t->lane, fn, done, t);
	else
		refuse(t);
}

static void on_missing(void *ctx, struct request *r)
{
	asked(ctx, r, miss_it, missed);
}

static void on_pack(void *ctx, struct request *r)
{
	asked(ctx, r, pack_it, got);
}

static void on_blob(struct hub *h, struct request *r, struct str hex, bool put)
{
	struct hub_agent *a;

	if (!hub_session(h, r, &a))
		return;
	struct transfer *t = transfer_new(h, a, r);
	struct digest digest;
	char text[DIGEST_HEX + 1];

	t->rc = digest_parse(hex, &digest) ? RC_OK
					   : err_set(&t->err, RC_INVALID, "\"%.*s\" is no digest",
						     (int)MIN_OF(hex.n, 80u), hex.p);
	if (t->rc == RC_OK) {
		digest_hex(digest, text);
		t->hex = xstrdup(text);
	}
	if (t->rc == RC_OK && put)
		t->rc = open_temp(t, &t->err);
	if (t->rc != RC_OK)
		refuse(t);
	else if (put)
		request_take_body(r, &put_ops, t);
	else
		loop_work(h->loop, t->lane, get_it, got, t);
}

bool hub_blobs_take(struct hub *h, struct request *r, struct str rest)
{
	const char *method = request_method(r);
	bool get = streq(method, "GET"), put = streq(method, "PUT"), post = streq(method, "POST");

	if (str_starts(rest, "blobs/") && (get || put)) {
		on_blob(h, r, (struct str){rest.p + 6, rest.n - 6}, put);
		return true;
	}
	if (post && str_is(rest, "missing"))
		request_take_whole(r, on_missing, h);
	else if (post && str_is(rest, "pack"))
		request_take_whole(r, on_pack, h);
	else
		return false;
	return true;
}
