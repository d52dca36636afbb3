/* Blobs that the agent lacks come in packs, big ones alone; what its jobs left is brought, but for what the daemon has. Kept by digest. */
#include "flow/2-agent/client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/manifest.h"
#include "io/files.h"
#include "io/http.h"

static char *temp_path(const struct client *a)
{
	static atomic_uint serial;

	return xasprintf("%s/%u", a->o.dir, atomic_fetch_add(&serial, 1));
}

static void unlinkp(char **path)
{
	if (*path)
		unlink(*path);
	xfree(*path);
}

static enum rc create(const char *path, int *ret, struct err *err)
{
	*ret = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return *ret < 0 ? err_errno(err, errno, "create %s", path) : RC_OK;
}

/* ---- an answer into a file ---- */

struct sink {
	int fd;
	uint64_t n;
	struct strbuf said; /* the beginning, should it be a refusal */
	enum rc rc;
	struct err err;
};

static bool sink_part(void *ctx, struct str part)
{
	struct sink *s = ctx;

	s->n += part.n;
	if (s->said.n < 4096)
		strbuf_add(&s->said, part.p, MIN_OF(part.n, 4096 - s->said.n));
	s->rc = s->n > BLOB_MAX + AGENT_PACK
			? err_set(&s->err, RC_TOO_BIG, "a blob has at most %llu bytes",
				  (unsigned long long)BLOB_MAX)
			: fd_write(s->fd, part.p, part.n, &s->err);
	return s->rc == RC_OK;
}

static enum rc into_file(struct client *a, const char *session, const char *what, struct str body,
			 int fd, struct err *err)
{
	AUTO(agent_request_done) struct agent_request named;
	struct sink sink = {.fd = fd, .said = STRBUF(4096)};
	struct http_answer answer = {0};

	agent_request_make(&named, a, session, what);
	struct http_request q = {.method = body.n ? "POST" : NULL,
				 .url = named.url,
				 .headers = named.headers,
				 .ca = a->o.ca,
				 .body = body,
				 .stream = true,
				 .keep = true,
				 .each = sink_part,
				 .ctx = &sink};
	enum rc rc = http_ask(&q, &answer, err);
	if (rc == RC_OK && sink.rc != RC_OK)
		rc = err_set(err, sink.rc, "%s", sink.err.msg);
	if (rc == RC_OK && answer.status != 200)
		rc = agent_refusal(answer.status, strbuf_str(&sink.said), err);
	http_answer_done(&answer);
	strbuf_done(&sink.said);
	return rc;
}

static enum rc fetch_one(struct client *a, const char *session, const char *hex, struct err *err)
{
	AUTO(unlinkp) char *path = temp_path(a);
	AUTO(freep) char *what = xasprintf("blobs/%s", hex);
	AUTO(fd_close) int fd = -1;
	char got[DIGEST_HEX + 1];
	uint64_t size;
	enum rc rc = create(path, &fd, err);

	if (rc == RC_OK)
		rc = into_file(a, session, what, (struct str){NULL, 0}, fd, err);
	if (rc == RC_OK)
		rc = blobs_put_file(a->o.blobs, path, got, &size, err);
	if (rc == RC_OK && !streq(got, hex))
		rc = err_set(err, RC_UNAVAILABLE, "blob %s came as %s", hex, got);
	return rc;
}

/* ---- packs ---- */

/* "<hex> <size>\n" and the bytes, over and over. */
static enum rc unpack(struct client *a, int fd, uint64_t size, size_t *ret_n, struct err *err)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(AGENT_PACK_EACH + 1);
	char head[DIGEST_HEX + 24], hex[DIGEST_HEX + 1];

	for (uint64_t at = 0; at < size;) {
		ssize_t n = pread(fd, head, sizeof(head) - 1, (off_t)at);
		struct str line = {head, n > 0 ? (size_t)n : 0}, rest = line;
		struct str number = str_cut(&rest, '\n'), name = str_cut(&number, ' ');
		uint64_t length;

		if (!rest.p || !number.p || name.n != DIGEST_HEX || !parse_u64(number, &length) ||
		    length > AGENT_PACK_EACH)
			return err_set(err, RC_UNAVAILABLE, "a pack of blobs is damaged");
		at += (uint64_t)(rest.p - head);
		strbuf_clear(&bytes);
		strbuf_add(&bytes, "", 1); /* so that there is memory for an empty one, too */
		strbuf_clear(&bytes);
		for (uint64_t left = length; left;) {
			char piece[16384];
			ssize_t got = pread(fd, piece, MIN_OF(left, sizeof(piece)), (off_t)at);

			if (got <= 0)
				return err_set(err, RC_UNAVAILABLE, "a pack of blobs is cut off");
			strbuf_add(&bytes, piece, (size_t)got);
			at += (uint64_t)got;
			left -= (uint64_t)got;
		}
		enum rc rc = blobs_put(a->o.blobs, strbuf_str(&bytes), hex, err);
		if (rc != RC_OK)
			return rc;
		if (memcmp(hex, name.p, DIGEST_HEX) != 0)
			return err_set(err, RC_UNAVAILABLE, "blob %.*s came as %s", DIGEST_HEX,
				       name.p, hex);
		++*ret_n;
	}
	return RC_OK;
}

static enum rc fetch_pack(struct client *a, const char *session, const texts *some, size_t *ret_n,
			  struct err *err)
{
	AUTO(strbuf_done) struct strbuf body = STRBUF(AGENT_HELLO_MAX);
	struct agent_digests asked = {.digests = *some};
	struct json_out o = JSON_OUT(&body);
	AUTO(unlinkp) char *path = temp_path(a);
	AUTO(fd_close) int fd = -1;
	struct stat st;
	enum rc rc = create(path, &fd, err);

	shape_write(&o, NULL, &shape_agent_digests, &asked);
	if (rc == RC_OK)
		rc = into_file(a, session, "pack", strbuf_str(&body), fd, err);
	if (rc == RC_OK && fstat(fd, &st) < 0)
		rc = err_errno(err, errno, "%s", path);
	return rc == RC_OK ? unpack(a, fd, (uint64_t)st.st_size, ret_n, err) : rc;
}

/* Small ones: a pack holds as many of the first as fit. */
static enum rc fetch_small(struct client *a, const char *session, const texts *digests,
			   struct err *err)
{
	enum rc rc = RC_OK;

	for (size_t at = 0, got = 0; rc == RC_OK && at < digests->n; at += got) {
		texts some = {.v = digests->v + at,
			      .n = MIN_OF(digests->n - at, (size_t)AGENT_DIGESTS)};

		got = 0;
		rc = fetch_pack(a, session, &some, &got, err);
		if (rc == RC_OK && !got)
			rc = err_set(err, RC_UNAVAILABLE, "the daemon sends no blob %s", some.v[0]);
	}
	return rc;
}

enum rc agent_fetch_manifest(struct client *a, const char *session, const char *hex,
			     struct err *err)
{
	AUTO(manifest_done) struct manifest m = {0};
	struct map seen = {0};
	texts small = {0};
	enum rc rc = RC_OK;

	if (!blobs_has(a->o.blobs, hex))
		rc = fetch_one(a, session, hex, err);
	if (rc == RC_OK)
		rc = manifest_list(a->o.blobs, hex, &m, err);
	for (size_t i = 0; rc == RC_OK && i < m.entries.n; i++) {
		const struct manifest_entry *e = &m.entries.v[i];

		if (!e->sha256 || blobs_has(a->o.blobs, e->sha256) ||
		    map_put(&seen, str_of(e->sha256), a))
			continue;
		if (e->size < AGENT_PACK_EACH)
			vec_push(&small, e->sha256);
		else
			rc = fetch_one(a, session, e->sha256, err);
	}
	if (rc == RC_OK)
		rc = fetch_small(a, session, &small, err);
	vec_done(&small);
	map_done(&seen);
	return rc;
}

/* ---- the other way ---- */

static enum rc bring_one(struct client *a, const char *session, const char *hex, struct err *err)
{
	AUTO(agent_request_done) struct agent_request named;
	AUTO(freep) char *what = xasprintf("blobs/%s", hex);
	AUTO(fd_close) int fd = -1;
	struct http_answer answer = {0};
	struct stat st;
	enum rc rc = blobs_open(a->o.blobs, hex, &fd, err);

	if (rc == RC_OK && fstat(fd, &st) < 0)
		rc = err_errno(err, errno, "blob %s", hex);
	if (rc != RC_OK)
		return rc;
	agent_request_make(&named, a, session, what);
	struct http_request q = {.method = "PUT",
				 .url = named.url,
				 .headers = named.headers,
				 .ca = a->o.ca,
				 .timeout =
					 60 * USEC_SEC + (uint64_t)st.st_size, /* 1 MB/s at least */
				 .upload = fd,
				 .upload_size = (uint64_t)st.st_size,
				 .keep = true};
	rc = http_ask(&q, &answer, err);
	if (rc == RC_OK && answer.status != 201)
		rc = agent_refusal(answer.status, strbuf_str(&answer.body), err);
	http_answer_done(&answer);
	return rc;
}

static enum rc bring_some(struct client *a, const char *session, const texts *some, struct err *err)
{
	texts lacking = {0};
	enum rc rc = agent_ask_digests(a, session, some, &lacking, err);

	vec_each(hex, &lacking) {
		if (rc == RC_OK)
			rc = bring_one(a, session, *hex, err);
		xfree(*hex);
	}
	vec_done(&lacking);
	return rc;
}

/* The list itself at last: who sees it there finds all that it names. */
enum rc agent_bring(struct client *a, const char *session, const texts *digests,
		    const char *manifest, struct err *err)
{
	AUTO(manifest_done) struct manifest m = {0};
	texts all = {0};
	enum rc rc = manifest ? manifest_list(a->o.blobs, manifest, &m, err) : RC_OK;

	vec_each(hex, digests)
		vec_push(&all, *hex);
	vec_each(e, &m.entries)
		if (e->sha256)
			vec_push(&all, e->sha256);
	if (manifest)
		vec_push(&all, (char *)(uintptr_t)manifest);
	for (size_t at = 0; rc == RC_OK && at < all.n; at += AGENT_DIGESTS) {
		texts some = {.v = all.v + at, .n = MIN_OF(all.n - at, (size_t)AGENT_DIGESTS)};

		rc = bring_some(a, session, &some, err);
	}
	vec_done(&all);
	return rc;
}
