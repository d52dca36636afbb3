/* Certificates made for a test, and a TLS client of its own versions. */
#pragma once
#include "unit.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/files.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <time.h>

struct authority {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
};

static inline void gnutls_good(int code, const char *what)
{
	if (code < 0)
		fail_msg("%s: %s", what, gnutls_strerror(code));
}

static inline gnutls_x509_privkey_t new_key(void)
{
	gnutls_x509_privkey_t key;

	gnutls_good(gnutls_x509_privkey_init(&key), "key");
	gnutls_good(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
						 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
						 0),
		    "generate");
	return key;
}

/* by NULL: signs itself, and others. */
static inline gnutls_x509_crt_t new_certificate(gnutls_x509_privkey_t key, const char *name,
						const struct authority *by, long valid_for,
						unsigned serial)
{
	gnutls_x509_crt_t crt;
	unsigned char number = (unsigned char)serial, id[20];
	size_t n = sizeof(id);

	gnutls_good(gnutls_x509_crt_init(&crt), "certificate");
	gnutls_good(gnutls_x509_crt_set_key(crt, key), "its key");
	gnutls_good(gnutls_x509_crt_set_version(crt, 3), "version");
	gnutls_good(gnutls_x509_crt_set_serial(crt, &number, 1), "serial");
	gnutls_good(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
						  (unsigned)strlen(name)),
		    "name");
	gnutls_good(gnutls_x509_crt_set_activation_time(crt, time(NULL) - 86400), "begin");
	gnutls_good(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + valid_for), "end");
	gnutls_good(gnutls_x509_crt_set_basic_constraints(crt, by == NULL, -1), "constraints");
	if (by) {
		static const unsigned char loopback[4] = {127, 0, 0, 1};

		gnutls_good(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
								 (unsigned)strlen(name), 0),
			    "name");
		gnutls_good(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS,
								 loopback, 4, GNUTLS_FSAN_APPEND),
			    "address");
	}
	gnutls_good(gnutls_x509_crt_get_key_id(crt, 0, id, &n), "id");
	gnutls_good(gnutls_x509_crt_set_subject_key_id(crt, id, n), "id");
	gnutls_good(gnutls_x509_crt_sign2(crt, by ? by->crt : crt, by ? by->key : key,
					  GNUTLS_DIG_SHA256, 0),
		    "sign");
	return crt;
}

static inline void write_pem(const char *path, gnutls_datum_t pem)
{
	struct err err = {0};

	if (file_write(path, (struct str){(const char *)pem.data, pem.size}, 0600, &err) != RC_OK)
		fail_msg("%s", err.msg);
	gnutls_free(pem.data);
}

static inline void write_certificate(const char *path, gnutls_x509_crt_t crt)
{
	gnutls_datum_t pem;

	gnutls_good(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), path);
	write_pem(path, pem);
}

static inline void write_key(const char *path, gnutls_x509_privkey_t key)
{
	gnutls_datum_t pem;

	gnutls_good(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), path);
	write_pem(path, pem);
}

static inline void authority_init(struct authority *a, const char *path)
{
	a->key = new_key();
	a->crt = new_certificate(a->key, "test authority", NULL, 86400, 1);
	write_certificate(path, a->crt);
}

static inline void authority_done(struct authority *a)
{
	gnutls_x509_crt_deinit(a->crt);
	gnutls_x509_privkey_deinit(a->key);
}

/* A new key and its certificate, into two files. The serial number is what tells them apart. */
static inline void make_pair(const struct authority *a, const char *name, long valid_for,
			     unsigned serial, const char *certificate, const char *key)
{
	gnutls_x509_privkey_t own = new_key();
	gnutls_x509_crt_t crt = new_certificate(own, name, a, valid_for, serial);

	write_key(key, own);
	write_certificate(certificate, crt);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(own);
}

/* ---- a client ---- */

struct tls_client {
	int fd;
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
	unsigned serial; /* of what the server showed */
};

/* False: no handshake by these priorities. */
static inline bool tls_dial(struct tls_client *c, int fd, const char *priorities)
{
	unsigned n = 0;
	int code;

	*c = (struct tls_client){.fd = fd};
	gnutls_good(gnutls_certificate_allocate_credentials(&c->credentials), "credentials");
	gnutls_good(gnutls_init(&c->session, GNUTLS_CLIENT), "session");
	code = gnutls_priority_set_direct(c->session, priorities, NULL);
	if (code < 0) /* this machine's library does not know it any more: nor does the server's */
		return false;
	gnutls_good(gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials),
		    "credentials");
	gnutls_transport_set_int(c->session, fd);
	do
		code = gnutls_handshake(c->session);
	while (code < 0 && !gnutls_error_is_fatal(code));
	if (code < 0)
		return false;
	const gnutls_datum_t *shown = gnutls_certificate_get_peers(c->session, &n);
	gnutls_x509_crt_t crt;
	unsigned char serial[20];
	size_t size = sizeof(serial);
	assert_true(n >= 1);
	gnutls_good(gnutls_x509_crt_init(&crt), "certificate");
	gnutls_good(gnutls_x509_crt_import(crt, shown, GNUTLS_X509_FMT_DER), "certificate");
	gnutls_good(gnutls_x509_crt_get_serial(crt, serial, &size), "serial");
	c->serial = serial[size - 1];
	gnutls_x509_crt_deinit(crt);
	return true;
}

static inline void tls_send(struct tls_client *c, const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t k = gnutls_record_send(c->session, text, n);

		if (k < 0)
			return;
		text += k;
		n -= (size_t)k;
	}
}

/* As receive(). */
static inline void tls_receive(struct tls_client *c, struct strbuf *to, const char *until)
{
	char bytes[16384];

	while (!(until && strstr(strbuf_cstr(to), until))) {
		ssize_t k = gnutls_record_recv(c->session, bytes, sizeof(bytes));

		if (k == GNUTLS_E_INTERRUPTED || k == GNUTLS_E_AGAIN)
			continue;
		if (k <= 0)
			return;
		strbuf_add(to, bytes, (size_t)k);
	}
}

static inline void tls_hang_up(struct tls_client *c)
{
	gnutls_deinit(c->session);
	gnutls_certificate_free_credentials(c->credentials);
	close(c->fd);
}
