/* The daemon. */
#pragma once
#include "base/err.h"
#include "core/config.h"

struct serve_options {
	const char *data; /* NULL: default_data() */
	texts repos; /* "NAME=PATH" or "PATH"; empty: those of the last start, else a repository of our own in <data>/git */
	uint16_t port;                  /* 0: unix socket only */
	const char *listen;             /* address of the port; NULL: 127.0.0.1 */
	const char *tls_cert, *tls_key; /* PEM files; NULL: no TLS */
	bool insecure_listen;           /* other machines may reach the port without TLS */
	const char *
		public_url; /* by which people, agents and those who check jobs' tokens reach it; NULL: http://127.0.0.1:PORT */
	texts hosts;                /* more names that it answers by */
	uint32_t streams_max, streams_each, rate; /* 0: as io/httpd.h says */
	uint32_t door_base, replica_base, slots;
	uint64_t cache_max;     /* bytes of the build tools' cache; 0: 20 GiB */
	const char *containers; /* NULL: auto */
	uint64_t keep_failed;   /* usec; 0: 24 h */
	uint64_t keep_max;      /* bytes; 0: 10 GiB */
	/* People log in by this OpenID provider; NULL: by tokens only. The secret is a name below <data>/secrets. */
	const char *oidc_issuer, *oidc_client, *oidc_secret, *oidc_name, *oidc_groups, *oidc_scopes;
	uint64_t journal_keep;  /* usec that records stay in the journal; 0: for ever */
	bool processes, verbose, json_log;
	bool core_dumps; /* may be made */
};
/* Run until SIGTERM or SIGINT. Exit code of the program. */
int serve(const struct serve_options *o);
/* End every service and the splitter of a data folder whose daemon is not running. */
int serve_stop_all(const char *data);
