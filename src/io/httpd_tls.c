/* Certificates by GnuTLS, which libmicrohttpd speaks TLS with. */
#include "io/httpd_tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/vec.h"
#include "io/clock.h"
#include "io/files.h"
#include "io/loop.h"

#define FILE_MAX  ((size_t)256 << 10)
#define CHAIN_MAX 16
#define ID_MAX    64
#define LOOK      USEC_SEC
#define SOON      (7 * USEC_DAY)
#define REST      (5 * USEC_MIN) /* a handshake that began with an old pair is long over */

struct pair {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned n;
	gnutls_privkey_t key;
	gnutls_x509_crt_t leaf;
	usec_t ends, retired;
};

/* A file as it was seen. */
struct stamp {
	int64_t mtime, ctime, size;
	uint64_t inode, device;
};
struct stamps {
	struct stamp certificate, key;
};

struct tls {
	char *certificate, *key;
	void (*told)(void *ctx, bool bad, const char *text);
	void *ctx;
	struct loop_timer *look;
	struct stamps tried, seen; /* those of the last try; those at the last look */
	usec_t ends_told;          /* when its end was last looked at, to be told */
	struct pair *now;
	VEC(struct pair *) old;
};

/* The library's callback has no argument of ours; all its calls come from within a server's turn. */
static _Thread_local struct tls *in_use;

static void pair_free(struct pair *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++)
		gnutls_pcert_deinit(&p->chain[i]);
	if (p->key)
		gnutls_privkey_deinit(p->key);
	if (p->leaf)
		gnutls_x509_crt_deinit(p->leaf);
	xfree(p);
}

static void pair_freep(struct pair **p)
{
	pair_free(*p);
}

static void wipe_done(struct strbuf *b)
{
	if (b->p)
		mem_wipe(b->p, b->n);
	strbuf_done(b);
}

static gnutls_datum_t datum(const struct strbuf *b)
{
	return (gnutls_datum_t){(unsigned char *)b->p, (unsigned)b->n};
}

static enum rc read_chain(struct pair *p, const char *path, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(FILE_MAX);
	enum rc rc = file_read(path, FILE_MAX, &text, err);
	unsigned n = CHAIN_MAX;

	if (rc != RC_OK)
		return rc;
	const gnutls_datum_t pem = datum(&text);
	int bad =
		text.n ? gnutls_pcert_list_import_x509_raw(p->chain, &n, &pem, GNUTLS_X509_FMT_PEM,
							   GNUTLS_X509_CRT_LIST_SORT)
		       : GNUTLS_E_NO_CERTIFICATE_FOUND;
	if (bad < 0)
		return err_set(
			err, RC_INVALID,
			"%s: no chain of certificates in PEM, the server's own first, at most %d: %s",
			path, CHAIN_MAX, gnutls_strerror(bad));
	p->n = n;
	bad = gnutls_pcert_export_x509(&p->chain[0], &p->leaf);
	if (bad < 0)
		return err_set(err, RC_INVALID, "%s: %s", path, gnutls_strerror(bad));
	time_t ends = gnutls_x509_crt_get_expiration_time(p->leaf);
	p->ends = ends > 0 ? (usec_t)ends * USEC_SEC : 0;
	return RC_OK;
}

static enum rc read_key(struct pair *p, const char *path, struct err *err)
{
	AUTO(wipe_done) struct strbuf text = STRBUF(FILE_MAX);
	enum rc rc = file_read(path, FILE_MAX, &text, err);

	if (rc != RC_OK)
		return rc;
	const gnutls_datum_t pem = datum(&text);
	int bad = gnutls_privkey_init(&p->key);
	BUG_ON(bad < 0);
	bad = text.n ? gnutls_privkey_import_x509_raw(p->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0)
		     : GNUTLS_E_NO_CERTIFICATE_FOUND;
	return bad >= 0 ? RC_OK
			: err_set(err, RC_INVALID,
				  "%s: no private key in PEM without a password: %s", path,
				  gnutls_strerror(bad));
}

static bool belong_together(const struct pair *p)
{
	unsigned char certified[ID_MAX], own[ID_MAX];
	size_t n = sizeof(certified), m = sizeof(own);
	gnutls_pubkey_t public;
	bool same;

	BUG_ON(gnutls_pubkey_init(&public) < 0);
	same = gnutls_pubkey_import_privkey(public, p->key, 0, 0) >= 0 &&
	       gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, own, &m) >= 0 &&
	       gnutls_pubkey_get_key_id(p->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, certified,
					&n) >= 0 &&
	       n == m && memcmp(certified, own, n) == 0;
	gnutls_pubkey_deinit(public);
	return same;
}

static enum rc pair_read(const struct tls *t, struct pair **ret, struct err *err)
{
	AUTO(pair_freep) struct pair *p = xcalloc(1, sizeof(*p));
	enum rc rc = read_chain(p, t->certificate, err);

	if (rc == RC_OK)
		rc = read_key(p, t->key, err);
	if (rc == RC_OK && !belong_together(p))
		rc = err_set(err, RC_INVALID, "%s is not the key of the certificate in %s", t->key,
			     t->certificate);
	if (rc != RC_OK)
		return rc;
	*ret = p;
	p = NULL;
	return RC_OK;
}

static struct stamp stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct stamp){0};
	return (struct stamp){.mtime = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
			      .ctime = st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec,
			      .size = st.st_size,
			      .inode = st.st_ino,
			      .device = st.st_dev};
}

static struct stamps stamps_of(const struct tls *t)
{
	return (struct stamps){stamp_of(t->certificate), stamp_of(t->key)};
}

static bool same_stamps(const struct stamps *a, const struct stamps *b)
{
	return memcmp(a, b, sizeof(*a)) == 0; /* no padding: all members have eight bytes */
}

static void tell_end(struct tls *t)
{
	char text[200];
	usec_t now = clock_wall();

	t->ends_told = clock_mono();
	if (!t->told || t->now->ends > now + SOON)
		return;
	(void)snprintf(text, sizeof(text),
		       t->now->ends <= now ? "the TLS certificate has expired: clients refuse it"
					   : "the TLS certificate expires within %u days",
		       t->now->ends <= now ? 0 : (unsigned)((t->now->ends - now) / USEC_DAY) + 1);
	t->told(t->ctx, true, text);
}

/* An expired pair instead of one that is good would only do harm. */
static enum rc take_new(struct tls *t, struct err *err)
{
	AUTO(pair_freep) struct pair *p = NULL;
	usec_t now = clock_wall();
	enum rc rc = pair_read(t, &p, err);

	if (rc == RC_OK && p->ends <= now && t->now->ends > now)
		rc = err_set(err, RC_INVALID, "the certificate in %s has expired", t->certificate);
	if (rc != RC_OK)
		return rc;
	t->now->retired = clock_mono();
	vec_push(&t->old, t->now);
	t->now = p;
	p = NULL;
	return RC_OK;
}

void tls_reload(struct tls *t)
{
	struct err err = {0};
	char text[sizeof(err.msg) + 100];

	t->tried = t->seen = stamps_of(t);
	if (take_new(t, &err) == RC_OK)
		(void)snprintf(text, sizeof(text), "the TLS certificate was read anew");
	else
		(void)snprintf(text, sizeof(text),
			       "the new TLS certificate cannot be used, the old one stays: %s",
			       err.msg);
	if (t->told)
		t->told(t->ctx, err.rc != RC_OK, text);
	if (err.rc == RC_OK)
		tell_end(t);
}

static void drop_old(struct tls *t)
{
	while (t->old.n && clock_mono() - t->old.v[0]->retired > REST) {
		pair_free(t->old.v[0]);
		vec_remove(&t->old, 0);
	}
}

static void look(void *arg)
{
	struct tls *t = arg;
	struct stamps now = stamps_of(t);

	if (!same_stamps(&now, &t->tried) && same_stamps(&now, &t->seen))
		tls_reload(t);
	t->seen = now;
	if (clock_mono() - t->ends_told > USEC_DAY)
		tell_end(t);
	drop_old(t);
	loop_timer_set(t->look, LOOK);
}

enum rc tls_new(struct loop *l, const char *certificate, const char *key,
		void (*told)(void *ctx, bool bad, const char *text), void *ctx, struct tls **ret,
		struct err *err)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	*t = (struct tls){
		.certificate = xstrdup(certificate), .key = xstrdup(key), .told = told, .ctx = ctx};
	t->tried = t->seen = stamps_of(t);
	enum rc rc = pair_read(t, &t->now, err);
	if (rc != RC_OK) {
		tls_free(t);
		return rc;
	}
	t->look = loop_timer_new(l, look, t);
	loop_timer_set(t->look, LOOK);
	tell_end(t);
	*ret = t;
	return RC_OK;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	if (in_use == t)
		in_use = NULL;
	if (t->look)
		loop_timer_free(t->look);
	vec_each(p, &t->old)
		pair_free(*p);
	vec_done(&t->old);
	pair_free(t->now);
	xfree(t->certificate);
	xfree(t->key);
	xfree(t);
}

bool tls_is_for(const struct tls *t, struct str host)
{
	AUTO(freep) char *name = xstrndup(host.p, host.n);

	return gnutls_x509_crt_check_hostname(t->now->leaf, name) != 0;
}

void tls_use(struct tls *t)
{
	in_use = t;
}

/* What is given stays ours, and is kept for longer than a handshake may last. */
static int retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int n_authorities,
		    const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
		    gnutls_pcert_st **ret_chain, unsigned *ret_n, gnutls_privkey_t *ret_key)
{
	(void)session;
	(void)authorities;
	(void)n_authorities;
	(void)algorithms;
	(void)n_algorithms;
	if (!in_use)
		return -1;
	*ret_chain = in_use->now->chain;
	*ret_n = in_use->now->n;
	*ret_key = in_use->now->key;
	return 0;
}

void *tls_callback(void)
{
	gnutls_certificate_retrieve_function2 *fn = retrieve;
	void *ret;

	memcpy(&ret, &fn, sizeof(ret)); /* ISO C has no cast from a function to void * */
	return ret;
}
