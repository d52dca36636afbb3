/* One file of the tools' cache: bytes, what is known of them, foot. */
#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "flow/2-build/tool_cache_disk.h"
#include "io/files.h"

#define MAGIC   "PSTOOL1\n"
#define PIECE   ((size_t)256 << 10)
#define GUESSED ((size_t)4 << 10) /* what is read of a large file's end at first */

/* foot: magic 8, size of the bytes 8, of the JSON 8, zero 8, SHA-256 of JSON and of the foot before it 32. Numbers are little-endian. */
static void put_u64(uint8_t *at, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(n >> (8 * i));
}

static uint64_t get_u64(const uint8_t *at)
{
	uint64_t n = 0;

	for (int i = 7; i >= 0; i--)
		n = n << 8 | at[i];
	return n;
}

static struct digest seal(struct str json, const uint8_t *foot)
{
	struct digest_state *s = digest_new();

	digest_add(s, json.p, json.n);
	digest_add(s, foot, FOOT - 32);
	return digest_finish(s);
}

enum rc entry_write_end(const struct tool_key *k, const struct tool_meta *meta, struct strbuf *to,
			struct err *err)
{
	AUTO(strbuf_done) struct strbuf json = STRBUF(JSON_MAX);
	struct json_out o = JSON_OUT(&json);
	char hex[DIGEST_HEX + 1];
	uint8_t foot[FOOT] = {0};

	digest_hex(meta->sha, hex);
	json_open(&o, NULL);
	json_cstr(&o, "scope", k->scope);
	json_cstr(&o, "space", k->space);
	json_cstr(&o, "id", k->id);
	json_cstr(&o, "sha256", hex);
	json_cstr(&o, "writer", meta->writer);
	json_cstr(&o, "run", meta->run);
	json_u64(&o, "created", meta->created);
	json_open(&o, "notes");
	for (size_t i = 0; i < TOOL_NOTES && meta->notes[i].name; i++)
		json_cstr(&o, meta->notes[i].name, meta->notes[i].value);
	json_close(&o);
	json_close(&o);
	if (strbuf_failed(&json))
		return err_set(err, RC_TOO_BIG, "what is to be kept beside %s is above %zu bytes",
			       k->id, JSON_MAX);
	memcpy(foot, MAGIC, 8);
	put_u64(foot + 8, meta->size);
	put_u64(foot + 16, json.n);
	struct digest d = seal(strbuf_str(&json), foot);
	memcpy(foot + 32, d.b, sizeof(d.b));
	strbuf_addstr(to, strbuf_str(&json));
	strbuf_add(to, foot, sizeof(foot));
	return RC_OK;
}

static char *dup_text(const struct json *j, const char *key)
{
	const char *text = json_get_text(j, key, NULL);

	return text ? xstrdup(text) : NULL;
}

static enum rc parse(struct str text, const struct tool_key *k, struct tool_meta *ret,
		     struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;
	const struct json *value;
	const char *name;
	void *cursor = NULL;

	if (json_read(text, JSON_MAX, &j, NULL) != RC_OK ||
	    !streq(json_get_text(j, "scope", NULL), k->scope) ||
	    !streq(json_get_text(j, "space", NULL), k->space) ||
	    !streq(json_get_text(j, "id", NULL), k->id) ||
	    !digest_parse(str_of(json_get_text(j, "sha256", "")), &ret->sha))
		return err_set(err, RC_CORRUPT, "%s of %s does not say that it is that", k->id,
			       k->space);
	ret->writer = dup_text(j, "writer");
	ret->run = dup_text(j, "run");
	ret->created = json_natural(json_get(j, "created"), 0);
	while (json_next(json_get(j, "notes"), &cursor, &name, &value)) {
		enum rc rc = tool_meta_note(ret, name, json_text(value, ""), err);

		if (rc != RC_OK)
			return err_set(err, RC_CORRUPT, "%s of %s has too many notes", k->id,
				       k->space);
	}
	return RC_OK;
}

static enum rc read_at(int fd, uint64_t at, size_t n, struct strbuf *to, struct err *err)
{
	char *buf = xmalloc(n + 1);
	size_t got = 0;

	while (got < n) {
		ssize_t k = pread(fd, buf + got, n - got, (off_t)(at + got));

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		got += (size_t)k;
	}
	if (got == n)
		strbuf_add(to, buf, n);
	xfree(buf);
	return got == n ? RC_OK : err_set(err, RC_CORRUPT, "cut short");
}

/* tail: the last bytes of the file. Gives where the JSON begins in it; RC_TOO_BIG: not in it, *ret_json says its length. */
static enum rc read_foot(struct str tail, uint64_t file_size, uint64_t *ret_size, size_t *ret_json,
			 struct err *err)
{
	const uint8_t *foot = (const uint8_t *)tail.p + tail.n - FOOT;

	if (tail.n < FOOT || memcmp(foot, MAGIC, 8) != 0)
		return err_set(err, RC_CORRUPT, "no entry");
	uint64_t size = get_u64(foot + 8), json = get_u64(foot + 16);
	if (json > JSON_MAX || size > file_size || size + json + FOOT != file_size)
		return err_set(err, RC_CORRUPT, "cut short");
	*ret_size = size;
	*ret_json = (size_t)json;
	if (json + FOOT > tail.n)
		return RC_TOO_BIG;
	struct digest d = seal((struct str){tail.p + tail.n - FOOT - json, (size_t)json}, foot);
	return memcmp(d.b, foot + 32, 32) == 0 ? RC_OK : err_set(err, RC_CORRUPT, "damaged foot");
}

enum rc entry_read(int fd, uint64_t file_size, const struct tool_key *k, struct tool_found *ret,
		   struct err *err)
{
	AUTO(strbuf_done) struct strbuf tail = STRBUF(TOOL_SMALL + JSON_MAX + FOOT);
	struct tool_found f = {.fd = -1, .bytes = STRBUF(TOOL_SMALL)};
	bool whole = file_size <= TOOL_SMALL + GUESSED;
	size_t json = 0, n = whole ? (size_t)file_size : GUESSED;

	enum rc rc = read_at(fd, file_size - n, n, &tail, err);
	if (rc == RC_OK)
		rc = read_foot(strbuf_str(&tail), file_size, &f.meta.size, &json, err);
	if (rc == RC_TOO_BIG) {
		strbuf_clear(&tail);
		rc = read_at(fd, file_size - json - FOOT, json + FOOT, &tail, err);
		if (rc == RC_OK)
			rc = read_foot(strbuf_str(&tail), file_size, &f.meta.size, &json, err);
	}
	if (rc == RC_OK)
		rc = parse((struct str){tail.p + tail.n - FOOT - json, json}, k, &f.meta, err);
	if (rc == RC_OK && f.meta.size <= TOOL_SMALL) {
		if (whole)
			strbuf_add(&f.bytes, tail.p, (size_t)f.meta.size);
		else
			rc = read_at(fd, 0, (size_t)f.meta.size, &f.bytes, err);
		if (rc == RC_OK && !digest_eq(digest_of(strbuf_str(&f.bytes)), f.meta.sha))
			rc = err_set(err, RC_CORRUPT, "%s of %s is damaged", k->id, k->space);
	}
	if (rc != RC_OK) {
		tool_found_done(&f);
		return rc == RC_TOO_BIG ? err_set(err, RC_CORRUPT, "damaged foot") : rc;
	}
	*ret = f;
	return RC_OK;
}

enum rc entry_check(int fd, const struct tool_meta *meta, struct err *err)
{
	struct digest_state *s = digest_new();
	char *buf = xmalloc(PIECE);
	uint64_t at = 0;

	while (at < meta->size) {
		ssize_t k = pread(fd, buf, (size_t)MIN_OF(PIECE, meta->size - at), (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		digest_add(s, buf, (size_t)k);
		at += (uint64_t)k;
	}
	xfree(buf);
	struct digest d = digest_finish(s);
	if (at == meta->size && digest_eq(d, meta->sha))
		return RC_OK;
	return err_set(err, RC_CORRUPT, "the bytes do not match their SHA-256");
}
