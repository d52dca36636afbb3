/* The daemon's port: its address, its certificate, its names, its limits. */
#include "main/face.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/files.h"
#include "io/httpd_header.h"

#define OF_ITS_OWN 4096 /* descriptors of the engine: jobs, services, files */
#define BURST      5    /* seconds' worth of requests at once */

void face_done(struct face *f)
{
	xfree(f->public_host);
	xfree(f->loopback_file);
	vec_done(&f->hosts);
}

static void told(void *ctx, bool bad, const char *text)
{
	(void)ctx;
	LOG(bad ? LOG_WARN : LOG_INFO, text);
}

static enum rc read_public_url(struct face *f, const char *url, bool *ret_https, struct err *err)
{
	struct str rest = str_of(url), name;
	bool https = str_starts(rest, "https://");

	if (!https && !str_starts(rest, "http://"))
		return err_set(err, RC_INVALID,
			       "--public-url takes an http or https URL, not \"%.100s\"", url);
	rest = (struct str){rest.p + (https ? 8 : 7), rest.n - (https ? 8 : 7)};
	if (!host_read(str_cut(&rest, '/'), &name))
		return err_set(err, RC_INVALID, "--public-url %.100s: that is no host", url);
	f->public_host = xstrndup(name.p, name.n);
	*ret_https = https;
	return RC_OK;
}

static enum rc read_hosts(struct face *f, const struct serve_options *o, bool *ret_https,
			  struct err *err)
{
	enum rc rc = RC_OK;

	if (o->public_url)
		rc = read_public_url(f, o->public_url, ret_https, err);
	if (f->public_host)
		vec_push(&f->hosts, f->public_host);
	for (size_t i = 0; i < o->hosts.n; i++) {
		struct str name;

		if (rc == RC_OK &&
		    (!host_read(str_of(o->hosts.v[i]), &name) || name.n != strlen(o->hosts.v[i])))
			rc = err_set(err, RC_INVALID,
				     "--host takes a name without a port, not \"%.100s\"",
				     o->hosts.v[i]);
		vec_push(&f->hosts, o->hosts.v[i]);
	}
	vec_push(&f->hosts, NULL);
	return rc;
}

static enum rc check_tls(const struct serve_options *o, struct err *err)
{
	bool open = o->port && o->listen && !httpd_is_loopback(o->listen);

	if (!o->tls_cert != !o->tls_key)
		return err_set(err, RC_INVALID, "--tls-cert and --tls-key go together");
	if (o->tls_cert && !o->port)
		return err_set(err, RC_INVALID, "--tls-cert needs a --port other than 0");
	if (open && !o->tls_cert && !o->insecure_listen)
		return err_set(
			err, RC_INVALID,
			"--listen %.100s without TLS would send tokens, sources and secrets unencrypted: give --tls-cert and --tls-key, or --insecure-listen when a TLS proxy stands before it",
			o->listen);
	if (open && !o->tls_cert)
		LOG(LOG_WARN,
		    "the port is open to other machines without TLS: whoever can read the network can read tokens",
		    LF("address", o->listen));
	return RC_OK;
}

static uint16_t remembered(const char *path)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(32);
	struct err ignored = {0};
	uint32_t port = 0;

	if (!file_exists(path) || file_read(path, 16, &text, &ignored) != RC_OK ||
	    !parse_u32(str_trim(strbuf_str(&text)), &port) || port > UINT16_MAX)
		return 0;
	return (uint16_t)port;
}

enum rc face_options(struct face *f, const struct serve_options *o, const char *data,
		     struct httpd_options *ret, struct err *err)
{
	bool https = false;
	enum rc rc = check_tls(o, err);

	if (rc == RC_OK)
		rc = read_hosts(f, o, &https, err);
	if (rc != RC_OK)
		return rc;
	f->loopback_file = xasprintf("%s/loopback-port", data);
	ret->address = o->listen;
	ret->port = o->port;
	ret->certificate = o->tls_cert;
	ret->key = o->tls_key;
	ret->loopback = true;
	ret->loopback_port = o->tls_cert ? remembered(f->loopback_file) : 0;
	ret->behind_tls = https && !o->tls_cert;
	ret->hosts = f->hosts.v;
	ret->streams_max = o->streams_max;
	ret->streams_each = o->streams_each;
	if (o->rate)
		ret->actor_rate = (struct rate){o->rate, o->rate * BURST};
	ret->told = told;
	return RC_OK;
}

void face_remember(const struct face *f, const struct httpd *h)
{
	uint16_t port = httpd_loopback_port(h);
	struct err err = {0};

	if (!port || port == remembered(f->loopback_file))
		return;
	AUTO(freep) char *text = xasprintf("%u\n", port);
	if (file_write(f->loopback_file, str_of(text), 0600, &err) != RC_OK)
		LOG(LOG_WARN, "the loopback's port will be another one after a restart",
		    LF("error", err.msg));
}

/* What stands for all addresses is reached by the loopback's. */
static char *url_of(const char *scheme, const char *address, unsigned port)
{
	bool bare = strchr(address, ':') && address[0] != '[';

	if (streq(address, "0.0.0.0"))
		address = "127.0.0.1";
	if (streq(address, "::") || streq(address, "[::]"))
		return xasprintf("%s://[::1]:%u", scheme, port);
	return xasprintf("%s://%s%s%s:%u", scheme, bare ? "[" : "", address, bare ? "]" : "", port);
}

char *face_local_url(const struct serve_options *o, const struct httpd *h)
{
	return o->tls_cert ? url_of("http", "127.0.0.1", httpd_loopback_port(h))
			   : url_of("http", o->listen ? o->listen : "127.0.0.1", o->port);
}

char *face_url(const struct serve_options *o)
{
	return url_of(o->tls_cert ? "https" : "http", o->listen ? o->listen : "127.0.0.1", o->port);
}

uint64_t face_descriptors(const struct serve_options *o)
{
	uint64_t streams = o->streams_max ? o->streams_max : HTTPD_STREAMS;

	return OF_ITS_OWN + 2 * (streams + 2 * (uint64_t)HTTPD_REQUESTS);
}
