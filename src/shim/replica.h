/* The parts of the replica kind. */
#pragma once
#include "shim/shim.h"

/* ---- probe.c: is it ready? One probe at a time, never blocking. */
enum probe_result { PROBE_OPEN, PROBE_GOOD, PROBE_BAD };
struct probe {
	int fd;       /* -1: none is under way */
	int last;     /* the one before: its server may still be writing; -1: none */
	short events; /* to poll fd for */
	usec_t until;
	size_t sent;
	char said[64]; /* the begin of the answer */
	size_t nsaid;
	char why[160]; /* of the last bad one */
};
/* PROBE_OPEN: poll fd; else it is over at once. path NULL: a connect is enough. */
enum probe_result probe_begin(struct probe *p, uint32_t port, const char *path, usec_t now);
enum probe_result probe_go_on(struct probe *p, uint32_t port, const char *path, usec_t now);
void probe_done(struct probe *p);

/* ---- oci.c */
/* config.json with env added to process.env, in a memory file at its start. */
MUST_CHECK enum rc oci_config(const char *config, const shim_texts *env, int *ret_fd,
			      struct err *err);

/* ---- service.c: the program, whichever way it runs */
struct service {
	const char *dir;
	const struct shim_spec *spec;
	struct out *out;
	shim_texts env;
	struct group group;
	int config;     /* OCI: memory file of config.json */
	pid_t pid;      /* the program; 0: it does not run */
	pid_t launcher; /* runc run -d; 0: none */
	pid_t cleaner;  /* runc delete */
	bool must_clean;
	bool ended; /* since the last service_start(): with `status` (of wait) */
	bool launch_failed;
	int status;
};
MUST_CHECK enum rc service_init(struct service *s, const char *dir, const struct shim_spec *spec,
				struct out *out, struct err *err);
MUST_CHECK enum rc service_start(struct service *s, struct err *err);
void service_reap(struct service *s); /* after SIGCHLD */
void service_signal(struct service *s, int sig);
bool service_idle(const struct service *s); /* nothing of it runs, nothing of ours for it either */
void service_sweep(struct service *s);      /* after its end: kill what it left behind */
void service_done(struct service *s);
