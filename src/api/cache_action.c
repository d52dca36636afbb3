/*
 * What an ActionResult of Bazel's remote execution API names: as protocol buffers (Bazel), as JSON (moon), or not at all (ccache, which only
 * uses the place). Only what we need of protocol buffers is read: fields by number, lengths, nothing is kept.
 */
#include "api/cache_impl.h"

#define NAMES_MAX ((size_t)200000) /* digests that one result or Tree may name */
#define DEPTH_MAX 32

typedef bool (*each_digest)(void *ctx, enum digest_of what, struct str hex);

enum action_kind action_kind_of(struct str head)
{
	if (head.n >= 2 && (uint8_t)head.p[0] == 0xcc && (uint8_t)head.p[1] == 0xac)
		return ACTION_RAW;
	head = str_trim(head);
	return head.n && head.p[0] == '{' ? ACTION_JSON : ACTION_BINARY;
}

/* ccache's header: magic 0xccac, version, type: 0 a result, 1 a manifest. */
bool action_is_ccache_manifest(struct str head)
{
	return head.n >= 4 && action_kind_of(head) == ACTION_RAW && head.p[3] == 1;
}

/* ---- protocol buffers ---- */

static bool varint(struct str *at, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && at->n; shift += 7) {
		uint8_t b = (uint8_t)at->p[0];

		at->p++;
		at->n--;
		value |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* The next field; of kinds other than "length and bytes" only the number is told. False at the end, or when *bad. */
static bool next_field(struct str *at, uint64_t *ret_number, struct str *ret_bytes, bool *bad)
{
	uint64_t tag, n;

	*ret_bytes = (struct str){NULL, 0};
	if (!at->n)
		return false;
	*bad = true;
	if (!varint(at, &tag) || tag >> 3 == 0)
		return false;
	*ret_number = tag >> 3;
	switch (tag & 7) {
	case 0:
		if (!varint(at, &n))
			return false;
		n = 0;
		break;
	case 1:
		n = 8;
		break;
	case 2:
		if (!varint(at, &n) || n > at->n)
			return false;
		*ret_bytes = (struct str){at->p, (size_t)n};
		break;
	case 5:
		n = 4;
		break;
	default:
		return false;
	}
	if (n > at->n)
		return false;
	at->p += n;
	at->n -= (size_t)n;
	*bad = false;
	return true;
}

struct reader {
	each_digest each;
	void *ctx;
	size_t named;
	bool bad, enough;
};

static bool is_hex64(struct str s)
{
	struct digest d;

	if (s.n != DIGEST_HEX || !digest_parse(s, &d))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'F')
			return false;
	return true;
}

static void name(struct reader *r, enum digest_of what, struct str hex)
{
	if (!is_hex64(hex) || ++r->named > NAMES_MAX)
		r->bad = true;
	else if (!str_is(hex, EMPTY_SHA))
		r->enough = !r->each(r->ctx, what, hex);
}

/* Digest {hash 1, size_bytes 2} */
static void read_digest(struct reader *r, enum digest_of what, struct str at)
{
	struct str bytes, hex = {NULL, 0};
	uint64_t number;

	while (!r->bad && next_field(&at, &number, &bytes, &r->bad))
		if (number == 1)
			hex = bytes;
	if (!r->bad)
		name(r, what, hex);
}

/* The one field of a message that is a digest: OutputFile.digest 2, OutputDirectory.tree_digest 3, FileNode.digest 2. */
static void read_member(struct reader *r, enum digest_of what, uint64_t wanted, struct str at)
{
	struct str bytes, digest = {NULL, 0};
	uint64_t number;

	while (!r->bad && !r->enough && next_field(&at, &number, &bytes, &r->bad))
		if (number == wanted)
			digest = bytes.p ? bytes : STR("");
	if (!r->bad && digest.p)
		read_digest(r, what, digest);
}

/* ActionResult: output_files 2, output_directories 3, stdout_digest 6, stderr_digest 8 */
static void read_action(struct reader *r, struct str at)
{
	struct str bytes;
	uint64_t number;

	while (!r->bad && !r->enough && next_field(&at, &number, &bytes, &r->bad)) {
		if (number == 2)
			read_member(r, DIGEST_FILE, 2, bytes);
		else if (number == 3)
			read_member(r, DIGEST_TREE, 3, bytes);
		else if (number == 6 || number == 8)
			read_digest(r, DIGEST_FILE, bytes);
	}
}

/* Directory: files 1 */
static void read_directory(struct reader *r, struct str at)
{
	struct str bytes;
	uint64_t number;

	while (!r->bad && !r->enough && next_field(&at, &number, &bytes, &r->bad))
		if (number == 1)
			read_member(r, DIGEST_FILE, 2, bytes);
}

static enum rc verdict(const struct reader *r, const char *what, struct err *err)
{
	if (r->bad && r->named > NAMES_MAX)
		return err_set(err, RC_INVALID, "%s names more than %zu blobs", what, NAMES_MAX);
	return r->bad ? err_set(err, RC_INVALID, "these bytes are no %s", what) : RC_OK;
}

/* Tree: root 1, children 2 */
enum rc tree_digests(struct str bytes, each_digest each, void *ctx, struct err *err)
{
	struct reader r = {.each = each, .ctx = ctx};
	struct str one;
	uint64_t number;

	while (!r.bad && !r.enough && next_field(&bytes, &number, &one, &r.bad))
		if (number == 1 || number == 2)
			read_directory(&r, one);
	return verdict(&r, "Tree", err);
}

/* ---- JSON: every {"hash": ...} is a digest; below treeDigest it is a Tree's ---- */

static void read_json(struct reader *r, const struct json *j, bool tree, unsigned depth)
{
	const struct json *value;
	const char *key;
	void *cursor = NULL;

	if (depth > DEPTH_MAX || r->bad || r->enough)
		return;
	if (json_kind_of(j) == JSON_LIST)
		for (size_t i = 0; i < json_count(j); i++)
			read_json(r, json_at(j, i), tree, depth + 1);
	while (json_kind_of(j) == JSON_MAP && json_next(j, &cursor, &key, &value) && !r->bad &&
	       !r->enough) {
		if (streq(key, "hash") && is_hex64(json_view(value)))
			name(r, tree ? DIGEST_TREE : DIGEST_FILE, json_view(value));
		else
			read_json(r, value, streq(key, "treeDigest") || streq(key, "tree_digest"),
				  depth + 1);
	}
}

enum rc action_digests(struct str bytes, enum action_kind kind, each_digest each, void *ctx,
		       struct err *err)
{
	struct reader r = {.each = each, .ctx = ctx};
	AUTO(json_freep) struct json *j = NULL;

	switch (kind) {
	case ACTION_RAW:
		return RC_OK;
	case ACTION_JSON:
		if (json_read(bytes, ACTION_MAX, &j, err) != RC_OK)
			return err_set(err, RC_INVALID, "these bytes are no ActionResult in JSON");
		if (json_kind_of(j) != JSON_MAP)
			r.bad = true;
		read_json(&r, j, false, 0);
		break;
	case ACTION_BINARY:
		read_action(&r, bytes);
		break;
	}
	return verdict(&r, "ActionResult", err);
}
