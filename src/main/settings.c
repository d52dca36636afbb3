#include "main/settings.h"

#include "base/strbuf.h"
#include "base/time.h"
#include "io/httpd.h"

#include <unistd.h>

struct teller {
	void (*add)(void *to, const char *name, const char *value, const char *help);
	void *to;
};

static void tell(const struct teller *t, const char *name, const char *value, const char *help)
{
	t->add(t->to, name, value, help);
}

static void tell_size(const struct teller *t, const char *name, uint64_t bytes, const char *help)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);

	strbuf_add_size(&text, bytes);
	tell(t, name, strbuf_cstr(&text), help);
}

static void tell_number(const struct teller *t, const char *name, uint64_t n, const char *help)
{
	AUTO(freep) char *text = xasprintf("%llu", (unsigned long long)n);

	tell(t, name, text, help);
}

static void tell_kept(const struct teller *t, const char *name, usec_t kept, const char *help)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);

	strbuf_add_duration(&text, kept);
	tell(t, name, kept ? strbuf_cstr(&text) : "for ever", help);
}

static void tell_port(const struct teller *t, const struct serve_options *o)
{
	AUTO(freep) char *port = xasprintf("%u", o->port);

	tell(t, "port", port, "TCP port of the API and of these pages; --port N");
	tell(t, "tls", o->tls_cert ? "yes" : "no",
	     "the certificate of the port, read again when it changes; --tls-cert, --tls-key");
	tell(t, "public-url", o->public_url ? o->public_url : "none",
	     "by which people and agents reach it; --public-url URL");
	tell(t, "oidc-issuer", o->oidc_issuer ? o->oidc_issuer : "none",
	     "where people log in; --oidc-issuer URL");
	tell_number(t, "streams-max", o->streams_max ? o->streams_max : HTTPD_STREAMS,
		    "readers of events and logs at a time; --streams-max N");
	if (o->streams_each)
		tell_number(t, "streams-each", o->streams_each,
			    "of them by one person or token; --streams-each N");
	if (o->rate)
		tell_number(t, "rate", o->rate,
			    "requests a second of one person or token; --rate N");
}

static void tell_net(const struct teller *t, const struct serve_options *o)
{
	tell(t, "listen", o->port ? (o->listen ? o->listen : "127.0.0.1") : "the unix socket only",
	     "where the port is; --listen ADDRESS");
	if (o->port)
		tell_port(t, o);
	tell_number(t, "door-base", o->door_base ? o->door_base : 18080,
		    "first port of the services' front doors; --door-base PORT");
	tell_number(t, "replica-base", o->replica_base ? o->replica_base : 20000,
		    "first port of replicas; --replica-base PORT");
}

static void tell_work(const struct teller *t, const struct serve_options *o)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	tell_number(t, "slots", o->slots ? o->slots : (uint64_t)MAX_OF(cores, 2L),
		    "jobs at a time on this machine; --slots N");
	tell(t, "containers", o->containers ? o->containers : "auto",
	     "what runs jobs' containers; --containers NAME");
	tell(t, "processes", o->processes ? "yes" : "no",
	     "services run as processes, even where containers can be had; --processes");
	tell_kept(t, "keep-failed", o->keep_failed ? o->keep_failed : SERVE_KEEP_FAILED,
		  "folders of failed jobs are kept for so long; --keep-failed TIME");
	tell_size(t, "keep-max", o->keep_max ? o->keep_max : SERVE_KEEP_MAX,
		  "of all kept folders, the oldest go first; --keep-max SIZE");
	tell_size(t, "cache-max", o->cache_max ? o->cache_max : SERVE_CACHE_MAX,
		  "of the build tools' cache, the least used go first; --cache-max SIZE");
}

void settings_tell(const struct serve_options *o, const char *data,
		   void (*add)(void *to, const char *name, const char *value, const char *help),
		   void *to)
{
	const struct teller t = {add, to};

	tell(&t, "data", data, "the data folder: journal, blobs, logs, secrets; --data DIR");
	tell_net(&t, o);
	tell_work(&t, o);
	tell_kept(&t, "journal-keep", o->journal_keep,
		  "older records leave the journal for <data>/archive; --journal-keep TIME");
}
