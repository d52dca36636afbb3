#include "clients/workload.h"

#include "base/mem.h"
#include "clients/jwks.h"
#include "io/files.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct workload {
	char *dir, *issuer, *path, *old_path;
	pthread_mutex_t lock;
	struct ecdsa_key *key, *old; /* key NULL: not needed yet; old NULL: none */
	struct strbuf kid;
};

enum rc workload_new(const char *keys_dir, const char *issuer, struct workload **ret,
		     struct err *err)
{
	struct str url = str_of(issuer);
	bool https = str_starts(url, "https://");

	while (str_ends(url, "/"))
		url.n--;
	bool good = (https || str_starts(url, "http://")) && url.n <= WORKLOAD_TEXT_MAX &&
		    url.n > (https ? 8u : 7u) && str_is_utf8(url);
	for (size_t i = 0; i < url.n && good; i++)
		good = (unsigned char)url.p[i] > ' ' && (unsigned char)url.p[i] < 0x7f &&
		       !strchr("?#\"\\@", url.p[i]);
	if (!good)
		return err_set(
			err, RC_INVALID,
			"\"%.100s\" is no URL that tokens of jobs could name as their issuer: "
			"write https://HOST[:PORT][/PATH]",
			issuer);
	struct workload *w = xcalloc(1, sizeof(*w));
	w->dir = xstrdup(keys_dir);
	w->issuer = xstrndup(url.p, url.n);
	w->path = xasprintf("%s/workload.pem", keys_dir);
	w->old_path = xasprintf("%s/workload.old.pem", keys_dir);
	w->kid = STRBUF(64);
	pthread_mutex_init(&w->lock, NULL);
	*ret = w;
	return RC_OK;
}

void workload_free(struct workload *w)
{
	if (!w)
		return;
	ecdsa_free(w->key);
	ecdsa_free(w->old);
	strbuf_done(&w->kid);
	pthread_mutex_destroy(&w->lock);
	xfree(w->dir);
	xfree(w->issuer);
	xfree(w->path);
	xfree(w->old_path);
	xfree(w);
}

const char *workload_issuer(const struct workload *w)
{
	return w->issuer;
}

/* ---- keys ---- */

static enum rc load(const char *path, struct ecdsa_key **ret, struct err *err)
{
	AUTO(strbuf_done) struct strbuf pem = STRBUF(ECDSA_PEM_MAX);
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_errno(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_mode & 077)
		return err_set(err, RC_DENIED, "%s may be used by others: chmod 600 %s", path,
			       path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(err, RC_DENIED,
			       "%s belongs to user %u: it must belong to the daemon's user or root",
			       path, (unsigned)st.st_uid);
	enum rc rc = file_read(path, ECDSA_PEM_MAX, &pem, err);
	if (rc == RC_OK && ecdsa_read_private(strbuf_str(&pem), ret, err) != RC_OK)
		rc = err_set(
			err, RC_INVALID,
			"%s is not an unencrypted PEM key of P-256: restore it, or remove it to "
			"have a new one made",
			path);
	if (pem.p)
		mem_wipe(pem.p, pem.size);
	return rc;
}

static enum rc save(const char *path, const struct ecdsa_key *key, struct err *err)
{
	AUTO(strbuf_done) struct strbuf pem = STRBUF(ECDSA_PEM_MAX);

	ecdsa_write_private(key, &pem);
	enum rc rc = file_write(path, strbuf_str(&pem), 0600, err);
	mem_wipe(pem.p, pem.size);
	return rc;
}

static void use(struct workload *w, struct ecdsa_key *key)
{
	w->key = key;
	strbuf_clear(&w->kid);
	jwks_kid(key, &w->kid);
}

/* The keys, read or made; under the lock. */
static enum rc need(struct workload *w, struct err *err)
{
	AUTO(ecdsa_freep) struct ecdsa_key *key = NULL, *old = NULL;
	enum rc rc;

	if (w->key)
		return RC_OK;
	if (file_exists(w->path)) {
		rc = load(w->path, &key, err);
	} else {
		key = ecdsa_new();
		rc = dir_make(w->dir, 0700, err);
		if (rc == RC_OK)
			rc = save(w->path, key, err);
	}
	if (rc == RC_OK && file_exists(w->old_path))
		rc = load(w->old_path, &old, err);
	if (rc != RC_OK)
		return err_wrap(err, "the key of jobs' tokens");
	use(w, key);
	w->old = old;
	key = old = NULL;
	return RC_OK;
}

enum rc workload_rotate(struct workload *w, struct err *err)
{
	AUTO(ecdsa_freep) struct ecdsa_key *key = ecdsa_new();

	pthread_mutex_lock(&w->lock);
	enum rc rc = need(w, err);
	/* The old one first: a crash between the two leaves both the same, and nothing void. */
	if (rc == RC_OK)
		rc = save(w->old_path, w->key, err);
	if (rc == RC_OK)
		rc = save(w->path, key, err);
	if (rc == RC_OK) {
		ecdsa_free(w->old);
		w->old = w->key;
		use(w, key);
		key = NULL;
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

/* ---- documents ---- */

enum rc workload_keys(struct workload *w, struct strbuf *to, struct err *err)
{
	pthread_mutex_lock(&w->lock);
	enum rc rc = need(w, err);
	if (rc == RC_OK) {
		const struct ecdsa_key *keys[] = {w->key, w->old};
		bool two = w->old && !streq(ecdsa_id(w->old), ecdsa_id(w->key));

		jwks_write(keys, two ? 2 : 1, to);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

static void list(struct json_out *o, const char *key, const char *const *words)
{
	json_list(o, key);
	for (; *words; words++)
		json_cstr(o, NULL, *words);
	json_unlist(o);
}

void workload_discovery(const struct workload *w, struct strbuf *to)
{
	static const char *const types[] = {"id_token", NULL}, *const subjects[] = {"public", NULL},
				 *const algs[] = {"ES256", NULL},
				 *const claims[] = {"iss",         "sub",   "aud",    "exp",
						    "nbf",         "iat",   "jti",    "project",
						    "repository",  "ref",   "commit", "event",
						    "run",         "job",   "unit",   "stage",
						    "environment", "actor", NULL};
	AUTO(freep) char *keys = xasprintf("%s" WORKLOAD_KEYS_PATH, w->issuer);
	struct json_out o = JSON_OUT(to);

	json_open(&o, NULL);
	json_cstr(&o, "issuer", w->issuer);
	json_cstr(&o, "jwks_uri", keys);
	list(&o, "response_types_supported", types);
	list(&o, "subject_types_supported", subjects);
	list(&o, "id_token_signing_alg_values_supported", algs);
	list(&o, "claims_supported", claims);
	json_close(&o);
}

/* ---- tokens ---- */

/* A part of the subject: a colon in it could make one job look like another. */
static enum rc check_part(const char *what, const char *text, bool needed, struct err *err)
{
	if (!text || !*text)
		return needed ? err_set(err, RC_INVALID,
					"a token of a job without %s: it would be anybody's", what)
			      : RC_OK;
	return strchr(text, ':')
		       ? err_set(err, RC_INVALID,
				 "\"%.100s\" has a colon: as %s it cannot stand in a token", text,
				 what)
		       : RC_OK;
}

static enum rc check_job(const struct workload_job *j, const char *const *audience, size_t n,
			 struct err *err)
{
	const char *const texts[] = {j->project, j->repository,  j->ref,  j->commit,
				     j->event,   j->run,         j->job,  j->unit,
				     j->stage,   j->environment, j->actor};
	enum rc rc = check_part("the repository", j->repository, true, err);

	if (rc == RC_OK)
		rc = check_part("the ref", j->ref, true, err);
	if (rc == RC_OK)
		rc = check_part("the environment", j->environment, false, err);
	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i] && strlen(texts[i]) > WORKLOAD_TEXT_MAX)
			return err_set(err, RC_TOO_BIG, "a claim of a job above %u bytes",
				       WORKLOAD_TEXT_MAX);
	if (!n || n > WORKLOAD_AUDIENCES)
		return err_set(err, RC_INVALID, "a token for %zu audiences: 1 to %u are taken", n,
			       WORKLOAD_AUDIENCES);
	for (size_t i = 0; i < n; i++)
		if (!*audience[i] || strlen(audience[i]) > WORKLOAD_TEXT_MAX)
			return err_set(err, RC_INVALID, "an audience is a text of at most %u bytes",
				       WORKLOAD_TEXT_MAX);
	return RC_OK;
}

static void claim(struct json_out *o, const char *key, const char *value)
{
	if (value && *value)
		json_cstr(o, key, value);
}

static void subject(struct json_out *o, const struct workload_job *j)
{
	bool env = j->environment && *j->environment;
	AUTO(freep)
	char *text = xasprintf("repo:%s:ref:%s%s%s", j->repository, j->ref,
			       env ? ":environment:" : "", env ? j->environment : "");

	json_cstr(o, "sub", text);
}

static void write_claims(const struct workload *w, const struct workload_job *j,
			 const char *const *audience, size_t n, usec_t now, const char *id,
			 struct strbuf *to)
{
	struct json_out o = JSON_OUT(to);
	usec_t life = j->timeout < WORKLOAD_MOST ? j->timeout + WORKLOAD_SLACK : WORKLOAD_MOST;

	json_open(&o, NULL);
	json_cstr(&o, "iss", w->issuer);
	subject(&o, j);
	if (n == 1) {
		json_cstr(&o, "aud", audience[0]);
	} else {
		json_list(&o, "aud");
		for (size_t i = 0; i < n; i++)
			json_cstr(&o, NULL, audience[i]);
		json_unlist(&o);
	}
	json_u64(&o, "iat", now / USEC_SEC);
	json_u64(&o, "nbf", now / USEC_SEC);
	json_u64(&o, "exp", (now + MIN_OF(life, WORKLOAD_MOST)) / USEC_SEC);
	json_cstr(&o, "jti", id);
	claim(&o, "project", j->project);
	claim(&o, "repository", j->repository);
	claim(&o, "ref", j->ref);
	claim(&o, "commit", j->commit);
	claim(&o, "event", j->event);
	claim(&o, "run", j->run);
	claim(&o, "job", j->job);
	claim(&o, "unit", j->unit);
	claim(&o, "stage", j->stage);
	claim(&o, "environment", j->environment);
	claim(&o, "actor", j->actor);
	json_close(&o);
}

enum rc workload_issue(struct workload *w, const struct workload_job *job,
		       const char *const *audience, size_t n, usec_t now, struct strbuf *to,
		       struct err *err)
{
	AUTO(strbuf_done) struct strbuf claims = STRBUF(JWT_MAX), id = STRBUF(64);
	unsigned char bytes[16];
	enum rc rc = check_job(job, audience, n, err);

	if (rc != RC_OK)
		return rc;
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(err, RC_UNSUPPORTED, "this system gives no random bytes");
	strbuf_add_hex(&id, bytes, sizeof(bytes));
	write_claims(w, job, audience, n, now, strbuf_cstr(&id), &claims);
	if (strbuf_failed(&claims))
		return err_set(err, RC_TOO_BIG, "a token above %zu bytes", JWT_MAX);
	pthread_mutex_lock(&w->lock);
	rc = need(w, err);
	if (rc == RC_OK)
		rc = jwt_sign(w->key, strbuf_cstr(&w->kid), strbuf_str(&claims), to, err);
	pthread_mutex_unlock(&w->lock);
	return rc;
}
