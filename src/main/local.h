/*
 * Commands that need no daemon: their work, with options as plain data. Each prints to stdout, says
 * what went wrong on stderr in one line, and returns the exit code.
 */
#pragma once
#include "cli/cli.h"

/* "penstock: text" on stderr; the exit code that the code stands for. */
int local_fail(const struct err *err);
/* As local_fail(); with json also {"code","detail"} on stdout. */
int local_fail_as(const struct err *err, bool json);
/* All of it to stdout. A reader that went away is no failure of ours. */
void local_print(const struct strbuf *text);
/* `path` made absolute; the caller's. */
char *local_absolute(const char *path);

struct check_options {
	const char *file; /* NULL: ./penstock.yml */
	const char *repo, *rev;
	bool schema, json;
};
int local_check(const struct check_options *o);

struct plan_options {
	const char *repo;  /* NULL: . */
	const char *base;  /* NULL: the merge base with the default branch, or none */
	const char *head;  /* NULL: HEAD */
	const char *cache; /* NULL: the data folder's, when there is one */
	bool json;
};
int local_plan(const struct plan_options *o);

enum graph_format { GRAPH_TEXT, GRAPH_JSON, GRAPH_DOT, GRAPH_MERMAID, GRAPH_SVG };
struct graph_options {
	const char *repo; /* NULL: . */
	const char *rev;  /* NULL: the work tree as it stands; HEAD of a bare repository */
	const char *
		base; /* compare with it; NULL: only when affected is asked for, where head left the default branch */
	const char *unit; /* NULL: all */
	bool affected;    /* only units that the change touches */
	enum graph_format format;
};
int local_graph(const struct graph_options *o);

struct run_options {
	const char *repo; /* NULL: . */
	const char *const *jobs;
	size_t n_jobs;
	const char *unit, *base, *cache;
	uint32_t slots;      /* 0: one a core */
	const char *dialect; /* "github" | "gitlab" | "plain"; NULL: as the environment says */
	const char *junit, *codequality; /* report files to write */
	bool restore, json;              /* restore: outputs into the work tree */
};
int local_run(const struct run_options *o);

struct verdict_options {
	const char *facts; /* "-": standard input */
	const char *history;
	double weight, error_margin, latency_ratio; /* 0.05, 0.001, 1.05 */
	bool json;
};
int local_verdict(const struct verdict_options *o);

struct init_options {
	const char *dir; /* NULL: . */
	bool force, json;
};
int local_init(const struct init_options *o);

struct doctor_options {
	const char *data; /* NULL: the default one */
	bool json;
};
int local_doctor(const struct doctor_options *o);

struct cli;
struct audit_options {
	const char *data;      /* NULL: the default one */
	const char *file;      /* verify: an export; export: where to (NULL: stdout) */
	const char *head;      /* verify: the hash that the export must end with; NULL: any */
	bool from_daemon;      /* verify: and the one that the daemon has there */
	const char *from, *to; /* export: a record's number or a time; NULL: all */
	bool cdevents;
	bool server;     /* of the daemon that --server names, and of nothing here */
	struct cli *cli; /* to ask the daemon */
	bool json;
};
int local_audit_verify(const struct audit_options *o);
int local_audit_export(const struct audit_options *o);
int local_audit_replay(const struct audit_options *o);

/* Their rows for cli_main(). */
extern const struct command local_commands[];
extern const size_t n_local_commands;
