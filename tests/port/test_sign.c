/* Signers: what is attested verifies, and nothing else does. */
#include "flow/2-build/adapters.h"
#include "flow/4-verify/adapters.h"
#include "port/store_kit.h"

#include "clients/dsse.h"
#include "clients/ecdsa.h"

#include <pthread.h>
#include <sys/stat.h>

#define IMAGE "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "sha256:2222222222222222222222222222222222222222222222222222222222222222"

struct world {
	char *folder;
	struct blobs *blobs;
	struct sign *sign;
};

static void world_open(struct world *w)
{
	struct err err = {0};

	w->folder = kit_folder();
	w->blobs = blobs_memory_new();
	w->sign = sign_local_new(w->folder, w->blobs, &err);
	if (!w->sign)
		fail_msg("%s", err.msg);
}

static void world_close(struct world *w)
{
	sign_free(w->sign);
	blobs_free(w->blobs);
	kit_remove(w->folder);
}

static char *in(const struct world *w, const char *name)
{
	return xasprintf("%s/%s", w->folder, name);
}

/* Both adapters. */
static void suite(struct sign *s, struct blobs *b)
{
	AUTO(strbuf_done) struct strbuf predicate = STRBUF(1 << 20), pem = STRBUF(1 << 20);
	char one[DIGEST_HEX + 1], two[DIGEST_HEX + 1], other[DIGEST_HEX + 1];

	OK(sign_attest(s, IMAGE, "tests", STR("{\"passed\":3,\"t\":\"\xc3\xa9\"}"), one, &err));
	OK(sign_attest(s, IMAGE, "tests", STR("{ \"passed\" : 3, \"t\":\"\\u00e9\" }"), two, &err));
	assert_string_equal(one, two); /* one statement, one envelope */
	OK(sign_verify(s, one, IMAGE, "tests", &predicate, &err));
	assert_string_equal(strbuf_cstr(&predicate), "{\"passed\":3,\"t\":\"\xc3\xa9\"}");
	OK(sign_verify(s, one, IMAGE, "tests", NULL, &err));
	OK(sign_attest(s, IMAGE, "tests", STR("{\"passed\":4}"), other, &err));
	assert_string_not_equal(one, other);
	OK(sign_attest(s, OTHER, "tests", STR("{\"passed\":3}"), other, &err));
	assert_string_not_equal(one, other);
	FAILS(RC_DENIED, "is about", sign_verify(s, one, OTHER, "tests", NULL, &err));
	FAILS(RC_DENIED, "is about", sign_verify(s, other, IMAGE, "tests", NULL, &err));
	FAILS(RC_DENIED, "type", sign_verify(s, one, IMAGE, "build", NULL, &err));
	FAILS(RC_DENIED, "type", sign_verify(s, one, IMAGE, "test", NULL, &err));
	FAILS(RC_NOT_FOUND, "evidence", sign_verify(s, OTHER + 7, IMAGE, "tests", NULL, &err));
	FAILS(RC_DENIED, "evidence", sign_verify(s, "latest", IMAGE, "tests", NULL, &err));
	FAILS(RC_INVALID, "digest", sign_attest(s, "orders:latest", "tests", STR("{}"), one, &err));
	FAILS(RC_INVALID, "type", sign_attest(s, IMAGE, "Tests", STR("{}"), one, &err));
	FAILS(RC_INVALID, "type", sign_attest(s, IMAGE, "", STR("{}"), one, &err));
	FAILS(RC_INVALID, "type", sign_attest(s, IMAGE, "a/b", STR("{}"), one, &err));
	FAILS(RC_INVALID, "object", sign_attest(s, IMAGE, "tests", STR("[]"), one, &err));
	FAILS(RC_INVALID, "object", sign_attest(s, IMAGE, "tests", STR(""), one, &err));
	FAILS(RC_INVALID, "", sign_attest(s, IMAGE, "tests", STR("{\"a\":1}}"), one, &err));
	FAILS(RC_INVALID, "", sign_attest(s, IMAGE, "tests", STR("{\"a\":1,\"a\":2}"), one, &err));
	assert_string_equal(one, two); /* untouched by failures */
	OK(sign_public_key(s, &pem, &err));
	assert_true(str_starts(strbuf_str(&pem), "-----BEGIN PUBLIC KEY-----\n"));
	/* an envelope whose blob is not what the digest says cannot even be named */
	OK(blobs_put(b, STR("{}"), other, &err));
	FAILS(RC_DENIED, "envelope", sign_verify(s, other, IMAGE, "tests", NULL, &err));
}

static void local_suite(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	suite(w.sign, w.blobs);
	world_close(&w);
}

static void fake_suite(void **state)
{
	struct blobs *b = blobs_memory_new();
	struct sign *s = sign_fake_new(b);
	char hex[DIGEST_HEX + 1];

	(void)state;
	suite(s, b);
	sign_fake_fail(s, 1, RC_UNAVAILABLE);
	OK(sign_attest(s, IMAGE, "tests", STR("{}"), hex, &err));
	FAILS(RC_UNAVAILABLE, "planted", sign_verify(s, hex, IMAGE, "tests", NULL, &err));
	sign_fake_fail(s, 0, RC_OK);
	OK(sign_verify(s, hex, IMAGE, "tests", NULL, &err));
	sign_free(s);
	blobs_free(b);
}

/* ---- hostile envelopes: made by hand, with any key ---- */

struct made {
	const char *type, *statement;
	const struct ecdsa_key *keys[2]; /* NULL: no such signature */
	bool other_pae;                  /* signed without PAE, as older tools did */
};

static void make_envelope(struct blobs *b, const struct made *m, char hex[DIGEST_HEX + 1])
{
	AUTO(dsse_done) struct dsse d = {.type = xstrdup(m->type), .payload = STRBUF(1 << 20)};
	AUTO(strbuf_done) struct strbuf pae = STRBUF(1 << 20), text = STRBUF(1 << 20);

	strbuf_adds(&d.payload, m->statement);
	if (m->other_pae)
		strbuf_adds(&pae, m->statement);
	else
		dsse_pae(str_of(m->type), str_of(m->statement), &pae);
	for (int i = 0; i < 2 && m->keys[i]; i++) {
		struct dsse_signature s = {.keyid = xstrdup(ecdsa_id(m->keys[i])),
					   .sig = STRBUF(256)};
		ecdsa_sign(m->keys[i], strbuf_str(&pae), &s.sig);
		vec_push(&d.signatures, s);
	}
	dsse_write(&d, &text);
	OK(blobs_put(b, strbuf_str(&text), hex, &err));
}

#define ST(subject, type, predicate)                                          \
	"{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":" subject \
	",\"predicateType\":\"" type "\",\"predicate\":" predicate "}"
#define HEX1    "1111111111111111111111111111111111111111111111111111111111111111"
#define SUB1    "[{\"name\":\"x\",\"digest\":{\"sha256\":\"" HEX1 "\"}}]"
#define TESTS   "https://penstock.dev/tests/v1"
#define GOOD_ST ST(SUB1, TESTS, "{\"ok\":true}")

enum by { OWN, STRANGER, NOBODY };
static const struct {
	const char *why, *type, *statement;
	enum by first, second;
	bool other_pae;
	const char *message; /* NULL: it verifies */
} made[] = {
	{"good", DSSE_INTOTO, GOOD_ST, OWN, NOBODY, false, NULL},
	{"good one behind a stranger's", DSSE_INTOTO, GOOD_ST, STRANGER, OWN, false, NULL},
	{"good one before a stranger's", DSSE_INTOTO, GOOD_ST, OWN, STRANGER, false, NULL},
	{"a stranger's", DSSE_INTOTO, GOOD_ST, STRANGER, NOBODY, false, "trusted key"},
	{"nobody's", DSSE_INTOTO, GOOD_ST, NOBODY, NOBODY, false, "0 signatures"},
	{"signed without PAE", DSSE_INTOTO, GOOD_ST, OWN, NOBODY, true, "trusted key"},
	{"another payload type", "application/json", GOOD_ST, OWN, NOBODY, false, "payload is"},
	{"no JSON", DSSE_INTOTO, "hello", OWN, NOBODY, false, "no JSON"},
	{"old statement", DSSE_INTOTO, "{\"_type\":\"https://in-toto.io/Statement/v0.1\"}", OWN,
	 NOBODY, false, "Statement v1"},
	{"no subject", DSSE_INTOTO, ST("[]", TESTS, "{}"), OWN, NOBODY, false, "0 subjects"},
	{"subject is no list", DSSE_INTOTO,
	 ST("{\"digest\":{\"sha256\":\"" HEX1 "\"}}", TESTS, "{}"), OWN, NOBODY, false, "subjects"},
	{"two subjects", DSSE_INTOTO,
	 ST("[{\"digest\":{\"sha256\":\"" HEX1 "\"}},{\"digest\":{\"sha256\":\"" HEX1 "\"}}]",
	    TESTS, "{}"),
	 OWN, NOBODY, false, "2 subjects"},
	{"another digest beside it", DSSE_INTOTO,
	 ST("[{\"digest\":{\"sha256\":\"" HEX1 "\",\"sha1\":\"0\"}}]", TESTS, "{}"), OWN, NOBODY,
	 false, "is about"},
	{"digest in capitals", DSSE_INTOTO,
	 ST("[{\"digest\":{\"SHA256\":\"" HEX1 "\"}}]", TESTS, "{}"), OWN, NOBODY, false,
	 "is about"},
	{"half a digest", DSSE_INTOTO, ST("[{\"digest\":{\"sha256\":\"1111\"}}]", TESTS, "{}"), OWN,
	 NOBODY, false, "is about"},
	{"another type", DSSE_INTOTO, ST(SUB1, "https://penstock.dev/tests/v10", "{}"), OWN, NOBODY,
	 false, "type is"},
	{"a longer type", DSSE_INTOTO, ST(SUB1, TESTS "\\u0000x", "{}"), OWN, NOBODY, false,
	 "type is"},
	{"predicate is a list", DSSE_INTOTO, ST(SUB1, TESTS, "[]"), OWN, NOBODY, false,
	 "no object"},
	{"type twice", DSSE_INTOTO, ST(SUB1, TESTS "\",\"predicateType\":\"" TESTS, "{}"), OWN,
	 NOBODY, false, "no JSON"},
};

static void hostile_statements(void **state)
{
	AUTO(ecdsa_freep) struct ecdsa_key *own = NULL, *stranger = ecdsa_new();
	AUTO(strbuf_done) struct strbuf pem = STRBUF(1 << 14);
	struct world w;
	(void)state;
	world_open(&w);
	AUTO(freep) char *path = in(&w, "keys/signing.pem");
	OK(file_read(path, 1 << 14, &pem, &err));
	OK(ecdsa_read_private(strbuf_str(&pem), &own, &err));
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		const struct ecdsa_key *keys[] = {
			[OWN] = own, [STRANGER] = stranger, [NOBODY] = NULL};
		struct made m = {made[i].type,
				 made[i].statement,
				 {keys[made[i].first], keys[made[i].second]},
				 made[i].other_pae};
		AUTO(strbuf_done) struct strbuf predicate = STRBUF(1 << 14);
		char hex[DIGEST_HEX + 1];
		struct err err = {0};
		make_envelope(w.blobs, &m, hex);
		enum rc rc = sign_verify(w.sign, hex, IMAGE, "tests", &predicate, &err);
		if (rc != (made[i].message ? RC_DENIED : RC_OK) ||
		    (made[i].message && !strstr(err.msg, made[i].message)))
			fail_msg("%s: %s: %s", made[i].why, rc_name(rc), err.msg);
		CHECK(rc == RC_OK ? strcmp(strbuf_cstr(&predicate), "{\"ok\":true}") == 0
				  : predicate.n == 0,
		      made[i].why);
	}
	world_close(&w);
}

static const struct {
	const char *why, *text;
} broken[] = {
	{"empty", ""},
	{"no object", "[]"},
	{"no payload", "{\"payloadType\":\"a\",\"signatures\":[{\"sig\":\"AAAA\"}]}"},
	{"payload is a number",
	 "{\"payload\":1,\"payloadType\":\"a\",\"signatures\":[{\"sig\":\"AAAA\"}]}"},
	{"cut base64",
	 "{\"payload\":\"AAA\",\"payloadType\":\"a\",\"signatures\":[{\"sig\":\"AAAA\"}]}"},
	{"base64 with a blank",
	 "{\"payload\":\"AA A\",\"payloadType\":\"a\",\"signatures\":[{\"sig\":\"AAAA\"}]}"},
	{"base64 of URLs",
	 "{\"payload\":\"__--\",\"payloadType\":\"a\",\"signatures\":[{\"sig\":\"AAAA\"}]}"},
	{"base64 with two texts",
	 "{\"payload\":\"AB==\",\"payloadType\":\"a\",\"signatures\":[{\"sig\":\"AAAA\"}]}"},
	{"signatures is a map",
	 "{\"payload\":\"AAAA\",\"payloadType\":\"a\",\"signatures\":{\"sig\":\"AAAA\"}}"},
	{"a signature is a text",
	 "{\"payload\":\"AAAA\",\"payloadType\":\"a\",\"signatures\":[\"AAAA\"]}"},
	{"cut signature",
	 "{\"payload\":\"AAAA\",\"payloadType\":\"a\",\"signatures\":[{\"sig\":\"AAA\"}]}"},
	{"payload twice",
	 "{\"payload\":\"AAAA\",\"payload\":\"BBBB\",\"payloadType\":\"a\",\"signatures\":[{\"sig\":\"AAAA\"}]}"},
	{"something behind",
	 "{\"payload\":\"AAAA\",\"payloadType\":\"a\",\"signatures\":[{\"sig\":\"AAAA\"}]}x"},
	{"NUL in the type",
	 "{\"payload\":\"AAAA\",\"payloadType\":\"a\\u0000b\",\"signatures\":[{\"sig\":\"AAAA\"}]}"},
	{"deep",
	 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["},
};

static void broken_envelopes(void **state)
{
	struct world w;
	char hex[DIGEST_HEX + 1];

	(void)state;
	world_open(&w);
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		OK(blobs_put(w.blobs, str_of(broken[i].text), hex, &err));
		CHECK(sign_verify(w.sign, hex, IMAGE, "tests", NULL, NULL) == RC_DENIED,
		      broken[i].why);
	}
	world_close(&w);
}

/* Every byte of a good envelope changed, every cut: never believed, unless only the unsigned keyid changed. */
static void no_changed_envelope_passes(void **state)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 16);
	struct world w;
	char hex[DIGEST_HEX + 1];

	(void)state;
	world_open(&w);
	OK(sign_attest(w.sign, IMAGE, "tests", STR("{\"passed\":3}"), hex, &err));
	OK(blobs_get(w.blobs, hex, 1 << 16, &text, &err));
	const char *key = strstr(strbuf_cstr(&text), "\"keyid\"");
	size_t from = (size_t)(key - text.p), to = from + strlen("\"keyid\":\"\"") + DIGEST_HEX;
	for (size_t i = 0; i < text.n; i++) {
		char old = text.p[i];
		if (i >= from && i < to)
			continue;
		text.p[i] = old == 'A' ? 'B' : 'A';
		OK(blobs_put(w.blobs, strbuf_str(&text), hex, &err));
		if (sign_verify(w.sign, hex, IMAGE, "tests", NULL, NULL) != RC_DENIED)
			fail_msg("byte %zu", i);
		text.p[i] = old;
		OK(blobs_put(w.blobs, (struct str){text.p, i}, hex, &err));
		assert_int_equal(sign_verify(w.sign, hex, IMAGE, "tests", NULL, NULL), RC_DENIED);
	}
	world_close(&w);
}

static void openssl_agrees(void **state)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 16), pae = STRBUF(1 << 16);
	AUTO(dsse_done) struct dsse d = {0};
	struct world w;
	char hex[DIGEST_HEX + 1];

	(void)state;
	world_open(&w);
	OK(sign_attest(w.sign, IMAGE, "build", STR("{\"buildDefinition\":{}}"), hex, &err));
	OK(blobs_get(w.blobs, hex, 1 << 16, &text, &err));
	OK(dsse_read(strbuf_str(&text), &d, &err));
	assert_non_null(strstr(strbuf_cstr(&d.payload),
			       "\"predicateType\":\"https://slsa.dev/provenance/v1\""));
	strbuf_addf(&pae, "DSSEv1 28 application/vnd.in-toto+json %zu ", d.payload.n);
	strbuf_addstr(&pae, strbuf_str(&d.payload));
	AUTO(freep) char *message = in(&w, "pae"), *signature = in(&w, "sig");
	OK(file_write(message, strbuf_str(&pae), 0600, &err));
	OK(file_write(signature, strbuf_str(&d.signatures.v[0].sig), 0600, &err));
	AUTO(freep)
	char *verify = xasprintf(
		"openssl dgst -sha256 -verify %s/keys/signing.pub -signature %s %s >/dev/null",
		w.folder, signature, message);
	assert_int_equal(system(verify), 0);
	AUTO(freep)
	char *id = xasprintf(
		"test \"$(openssl pkey -pubin -in %s/keys/signing.pub -outform DER | sha256sum | cut -c1-64)\" = %s",
		w.folder, d.signatures.v[0].keyid);
	assert_int_equal(system(id), 0);
	AUTO(freep)
	char *half = xasprintf(
		"openssl pkey -in %s/keys/signing.pem -pubout | cmp - %s/keys/signing.pub",
		w.folder, w.folder);
	assert_int_equal(system(half), 0);
	world_close(&w);
}

/* ---- keys ---- */

static void restart(struct world *w)
{
	struct err err = {0};

	sign_free(w->sign);
	w->sign = sign_local_new(w->folder, w->blobs, &err);
	if (!w->sign)
		fail_msg("%s", err.msg);
}

static void refuses(struct world *w, enum rc want, const char *part, const char *why)
{
	struct err err = {0};
	struct sign *s = sign_local_new(w->folder, w->blobs, &err);

	if (s || err.rc != want || !strstr(err.msg, part))
		fail_msg("%s: %s", why, err.msg);
}

static void keys_are_kept_and_guarded(void **state)
{
	struct world w;
	struct stat st;
	char one[DIGEST_HEX + 1], two[DIGEST_HEX + 1];

	(void)state;
	world_open(&w);
	AUTO(freep)
	char *path = in(&w, "keys/signing.pem"), *keys = in(&w, "keys"),
	     *trusted = in(&w, "keys/trusted/a.pem");
	assert_true(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	OK(sign_attest(w.sign, IMAGE, "tests", STR("{}"), one, &err));
	restart(&w);
	OK(sign_verify(w.sign, one, IMAGE, "tests", NULL, &err));
	OK(sign_attest(w.sign, IMAGE, "tests", STR("{}"), two, &err));
	assert_string_equal(one, two); /* also after a restart */
	chmod(path, 0640);
	refuses(&w, RC_DENIED, "chmod 600", "key readable by a group");
	chmod(path, 0604);
	refuses(&w, RC_DENIED, "chmod 600", "key readable by all");
	chmod(path, 0600);
	chmod(keys, 0770);
	refuses(&w, RC_DENIED, "written by others", "folder");
	chmod(keys, 0700);
	OK(file_write(trusted, STR("hello"), 0600, &err));
	refuses(&w, RC_INVALID, "a.pem", "a trusted key that is none");
	OK(tree_remove(trusted, &err));
	OK(file_write(path, STR("-----BEGIN PRIVATE KEY-----\n"), 0600, &err));
	refuses(&w, RC_INVALID, "restore", "a damaged key is not replaced");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	refuses(&w, RC_DENIED, "regular", "a link");
	world_close(&w);
}

static void other_curves_are_refused(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	AUTO(freep)
	char *make = xasprintf(
		"cd %s/keys/trusted && openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-384 2>/dev/null | "
		"openssl pkey -pubout -out p384.pem && chmod 600 p384.pem",
		w.folder);
	if (system(make) == 0)
		refuses(&w, RC_INVALID, "p384.pem", "P-384");
	AUTO(freep)
	char *rsa = xasprintf(
		"cd %s/keys/trusted && rm -f p384.pem && openssl genpkey -algorithm ed25519 | "
		"openssl pkey -pubout -out ed.pem && chmod 600 ed.pem",
		w.folder);
	assert_int_equal(system(rsa), 0);
	refuses(&w, RC_INVALID, "ed.pem", "Ed25519");
	world_close(&w);
}

/* Evidence of another installation counts once its public key lies in trusted/. */
static void trusted_keys(void **state)
{
	struct world here, there;
	AUTO(strbuf_done) struct strbuf envelope = STRBUF(1 << 16), pem = STRBUF(1 << 14);
	char hex[DIGEST_HEX + 1], same[DIGEST_HEX + 1];

	(void)state;
	world_open(&here);
	world_open(&there);
	OK(sign_attest(there.sign, IMAGE, "tests", STR("{}"), hex, &err));
	OK(blobs_get(there.blobs, hex, 1 << 16, &envelope, &err));
	OK(blobs_put(here.blobs, strbuf_str(&envelope), same, &err));
	FAILS(RC_DENIED, "trusted key", sign_verify(here.sign, hex, IMAGE, "tests", NULL, &err));
	OK(sign_public_key(there.sign, &pem, &err));
	AUTO(freep) char *path = in(&here, "keys/trusted/there.pem");
	OK(file_write(path, strbuf_str(&pem), 0644, &err));
	restart(&here);
	OK(sign_verify(here.sign, hex, IMAGE, "tests", NULL, &err));
	chmod(path, 0666);
	refuses(&here, RC_DENIED, "written by others", "a trusted key that all may write");
	world_close(&here);
	world_close(&there);
}

/* A lost or damaged index or blob costs a signature, no more. */
static void the_index_may_be_lost(void **state)
{
	struct world w;
	char one[DIGEST_HEX + 1], two[DIGEST_HEX + 1];

	(void)state;
	world_open(&w);
	OK(sign_attest(w.sign, IMAGE, "tests", STR("{}"), one, &err));
	AUTO(freep) char *index = in(&w, "evidence");
	OK(tree_remove(index, &err));
	OK(sign_attest(w.sign, IMAGE, "tests", STR("{}"), two, &err));
	assert_string_not_equal(one, two);
	OK(sign_verify(w.sign, one, IMAGE, "tests", NULL, &err));
	OK(sign_verify(w.sign, two, IMAGE, "tests", NULL, &err));
	AUTO(freep)
	char *spoil = xasprintf("for f in %s/evidence/*/*; do echo %s >$f; done", w.folder, OTHER);
	assert_int_equal(system(spoil), 0);
	OK(sign_attest(w.sign, IMAGE, "tests", STR("{}"), two, &err));
	OK(sign_verify(w.sign, two, IMAGE, "tests", NULL, &err));
	world_close(&w);
}

struct thread {
	struct sign *sign;
	char hex[DIGEST_HEX + 1];
};

static void *attest_in_thread(void *ctx)
{
	struct thread *t = ctx;

	for (int i = 0; i < 20; i++)
		if (sign_attest(t->sign, IMAGE, "tests", STR("{\"n\":1}"), t->hex, NULL) != RC_OK)
			return NULL;
	return t;
}

static void many_threads_one_envelope(void **state)
{
	struct world w;
	struct thread t[8];
	pthread_t ids[8];
	void *done = NULL;

	(void)state;
	world_open(&w);
	for (int i = 0; i < 8; i++) {
		t[i].sign = w.sign;
		pthread_create(&ids[i], NULL, attest_in_thread, &t[i]);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(ids[i], &done);
		assert_non_null(done);
		assert_string_equal(t[i].hex, t[0].hex);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_suite),
		cmocka_unit_test(fake_suite),
		cmocka_unit_test(hostile_statements),
		cmocka_unit_test(broken_envelopes),
		cmocka_unit_test(no_changed_envelope_passes),
		cmocka_unit_test(openssl_agrees),
		cmocka_unit_test(keys_are_kept_and_guarded),
		cmocka_unit_test(other_curves_are_refused),
		cmocka_unit_test(trusted_keys),
		cmocka_unit_test(the_index_may_be_lost),
		cmocka_unit_test(many_threads_one_envelope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
