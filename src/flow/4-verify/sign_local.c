/* Evidence signed by this installation's own key. */
#include "flow/4-verify/adapters.h"

#include "clients/ecdsa.h"
#include "flow/4-verify/sign_impl.h"
#include "io/files.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRUSTED_MAX 64u

struct local {
	struct sign base;
	struct blobs *blobs;
	char *index; /* <data>/evidence */
	struct ecdsa_key *own;
	VEC(struct ecdsa_key *) trusted; /* others */
	pthread_mutex_t lock;            /* attest: one envelope for one statement */
};

/* ---- keys ---- */

/* `forbidden`: permission bits that others must not have. */
static enum rc read_guarded(const char *path, unsigned forbidden, struct strbuf *ret,
			    struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_errno(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, RC_DENIED, "%s is not a regular file", path);
	if (st.st_mode & forbidden)
		return err_set(err, RC_DENIED, "%s may be %s by others: chmod %s %s", path,
			       forbidden & 044 ? "read" : "written",
			       forbidden & 044 ? "600" : "go-w", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(err, RC_DENIED,
			       "%s belongs to user %u: it must belong to the daemon's user or root",
			       path, (unsigned)st.st_uid);
	return file_read(path, ECDSA_PEM_MAX, ret, err);
}

static enum rc make_key(const char *path, struct ecdsa_key **ret, struct err *err)
{
	AUTO(ecdsa_freep) struct ecdsa_key *key = ecdsa_new();
	AUTO(strbuf_done) struct strbuf pem = STRBUF(ECDSA_PEM_MAX);

	ecdsa_write_private(key, &pem);
	enum rc rc = file_write(path, strbuf_str(&pem), 0600, err);
	mem_wipe(pem.p, pem.n);
	if (rc == RC_OK) {
		*ret = key;
		key = NULL;
	}
	return rc;
}

static enum rc load_key(const char *path, struct ecdsa_key **ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf pem = STRBUF(ECDSA_PEM_MAX);
	enum rc rc = read_guarded(path, 077, &pem, err);

	if (rc != RC_OK)
		return rc;
	rc = ecdsa_read_private(strbuf_str(&pem), ret, err);
	mem_wipe(pem.p, pem.n);
	/* Never replaced by a new one: that would make all evidence worthless without a word. */
	return rc == RC_OK
		       ? rc
		       : err_set(err, rc,
				 "%s is not an unencrypted PEM key of P-256: restore it from a backup",
				 path);
}

static enum rc own_key(struct local *l, const char *keys, struct err *err)
{
	AUTO(freep) char *path = xasprintf("%s/signing.pem", keys);
	AUTO(freep) char *public = xasprintf("%s/signing.pub", keys);
	AUTO(strbuf_done) struct strbuf pem = STRBUF(ECDSA_PEM_MAX), there = STRBUF(ECDSA_PEM_MAX);
	enum rc rc =
		file_exists(path) ? load_key(path, &l->own, err) : make_key(path, &l->own, err);

	if (rc != RC_OK)
		return rc;
	ecdsa_write_public(l->own, &pem);
	if (file_read(public, ECDSA_PEM_MAX, &there, NULL) == RC_OK &&
	    str_eq(strbuf_str(&there), strbuf_str(&pem)))
		return RC_OK;
	return file_write(public, strbuf_str(&pem), 0644, err);
}

struct trusting {
	struct local *l;
	const char *dir;
};

static enum rc trust_one(void *ctx, const struct file_seen *seen, struct err *err)
{
	struct trusting *t = ctx;
	AUTO(freep) char *path = xasprintf("%s/%s", t->dir, seen->path);
	AUTO(strbuf_done) struct strbuf pem = STRBUF(ECDSA_PEM_MAX);
	struct ecdsa_key *key = NULL;

	if (!str_ends(str_of(seen->path), ".pem") || strchr(seen->path, '/'))
		return RC_OK;
	if (t->l->trusted.n >= TRUSTED_MAX)
		return err_set(err, RC_TOO_BIG, "%s: more than %u keys", t->dir, TRUSTED_MAX);
	enum rc rc = read_guarded(path, 022, &pem, err);
	if (rc == RC_OK && ecdsa_read_public(strbuf_str(&pem), &key, err) != RC_OK)
		rc = err_set(err, RC_INVALID,
			     "%s is not a PEM of a public key of P-256: repair or remove it", path);
	if (rc == RC_OK)
		vec_push(&t->l->trusted, key);
	return rc;
}

static enum rc open_keys(struct local *l, const char *data_dir, struct err *err)
{
	AUTO(freep) char *keys = xasprintf("%s/keys", data_dir);
	AUTO(freep) char *trusted = xasprintf("%s/trusted", keys);
	struct trusting t = {l, trusted};
	struct stat st;
	enum rc rc = dir_make(trusted, 0700, err);

	for (int i = 0; i < 2 && rc == RC_OK; i++) {
		const char *dir = i ? trusted : keys;
		if (stat(dir, &st) < 0)
			rc = err_errno(err, errno, "%s", dir);
		else if (st.st_mode & 022)
			rc = err_set(err, RC_DENIED, "%s may be written by others: chmod 700 %s",
				     dir, dir);
	}
	if (rc == RC_OK)
		rc = own_key(l, keys, err);
	if (rc == RC_OK)
		rc = tree_walk(trusted, trust_one, &t, err);
	return rc;
}

/* ---- operations ---- */

static void sign_pae(void *ctx, struct str pae, struct strbuf *ret)
{
	const struct local *l = ctx;

	ecdsa_sign(l->own, pae, ret);
}

/* keyid is not signed: it only says which key to try first. */
static bool trusts(void *ctx, const char *keyid, struct str pae, struct str signature)
{
	const struct local *l = ctx;

	if (streq(keyid, ecdsa_id(l->own)) && ecdsa_verify(l->own, pae, signature))
		return true;
	vec_each(key, &l->trusted)
		if (ecdsa_verify(*key, pae, signature))
			return true;
	return !streq(keyid, ecdsa_id(l->own)) && ecdsa_verify(l->own, pae, signature);
}

/* The envelope of an earlier, equal call, when it is still there and still good. */
static bool seen_before(struct local *l, const char *path, const struct evidence_of *e,
			char ret_hex[DIGEST_HEX + 1])
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(256);
	struct digest d;

	if (file_read(path, 200, &text, NULL) != RC_OK ||
	    !digest_parse(str_trim(strbuf_str(&text)), &d))
		return false;
	char hex[DIGEST_HEX + 1];
	digest_hex(d, hex);
	if (evidence_check(l->blobs, hex, e, trusts, l, NULL, NULL) != RC_OK)
		return false;
	memcpy(ret_hex, hex, sizeof(hex));
	return true;
}

static enum rc attest_new(struct local *l, const char *dir, const char *path,
			  const struct evidence_of *e, char ret_hex[DIGEST_HEX + 1],
			  struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(DSSE_MAX);
	char hex[DIGEST_HEX + 1];
	enum rc rc = evidence_write(e, ecdsa_id(l->own), sign_pae, l, &text, err);

	if (rc == RC_OK)
		rc = blobs_put(l->blobs, strbuf_str(&text), hex, err);
	if (rc == RC_OK)
		rc = dir_make(dir, 0700, err);
	if (rc == RC_OK)
		rc = file_write(path, str_of(hex), 0600, err);
	if (rc == RC_OK)
		memcpy(ret_hex, hex, sizeof(hex));
	return rc;
}

static enum rc local_attest(struct sign *s, const char *image, const char *type,
			    struct str predicate, char ret_hex[DIGEST_HEX + 1], struct err *err)
{
	struct local *l = container_of(s, struct local, base);
	AUTO(evidence_of_done) struct evidence_of e = {0};
	enum rc rc = predicate.n ? evidence_of_init(&e, image, type, predicate, err)
				 : err_set(err, RC_INVALID, "a predicate must be a JSON object");

	if (rc != RC_OK)
		return rc;
	AUTO(freep) char *dir = xasprintf("%s/%.2s", l->index, e.index);
	AUTO(freep) char *path = xasprintf("%s/%s", dir, e.index + 2);
	pthread_mutex_lock(&l->lock);
	if (!seen_before(l, path, &e, ret_hex))
		rc = attest_new(l, dir, path, &e, ret_hex, err);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

static enum rc local_verify(struct sign *s, const char *envelope, const char *image,
			    const char *type, struct strbuf *ret_predicate, struct err *err)
{
	struct local *l = container_of(s, struct local, base);
	AUTO(evidence_of_done) struct evidence_of e = {0};
	enum rc rc = evidence_of_init(&e, image, type, (struct str){0}, err);

	return rc == RC_OK ? evidence_check(l->blobs, envelope, &e, trusts, l, ret_predicate, err)
			   : rc;
}

static enum rc local_public_key(struct sign *s, struct strbuf *ret_pem, struct err *err)
{
	(void)err;
	ecdsa_write_public(container_of(s, struct local, base)->own, ret_pem);
	return RC_OK;
}

static void local_free(struct sign *s)
{
	struct local *l = container_of(s, struct local, base);

	ecdsa_free(l->own);
	vec_each(key, &l->trusted)
		ecdsa_free(*key);
	vec_done(&l->trusted);
	pthread_mutex_destroy(&l->lock);
	xfree(l->index);
	xfree(l);
}

static const struct sign_ops ops = {
	.name = "local",
	.attest = local_attest,
	.verify = local_verify,
	.public_key = local_public_key,
	.free = local_free,
};

struct sign *sign_local_new(const char *data_dir, struct blobs *blobs, struct err *err)
{
	struct local *l = xcalloc(1, sizeof(*l));

	*l = (struct local){
		.base.ops = &ops, .blobs = blobs, .index = xasprintf("%s/evidence", data_dir)};
	pthread_mutex_init(&l->lock, NULL);
	enum rc rc = open_keys(l, data_dir, err);
	if (rc == RC_OK)
		rc = dir_make(l->index, 0700, err);
	if (rc == RC_OK)
		return &l->base;
	local_free(&l->base);
	return NULL;
}
