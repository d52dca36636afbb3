/* `penstock run` as a step of GitHub Actions or GitLab CI: their folds, annotations, summary and reports. */
#pragma once
#include "dialect/speech.h"
#include "main/local_run.h"

struct run_ci {
	enum speech speech;
	const char *junit, *codequality; /* files to write; NULL: none */
	char token[33];
	uint64_t next;         /* fold */
	uint32_t notes[3];     /* annotations told, by level */
	struct strbuf tests;   /* JUnit suites */
	struct strbuf quality; /* entries */
	size_t entries;
};
/* Which system this runs in, as `--dialect` or the environment says (GITHUB_ACTIONS, GITLAB_CI). RC_INVALID: there is no such one. */
MUST_CHECK enum rc run_ci_detect(const char *given, enum speech *ret, struct err *err);
/* The commit that their event names as base; NULL: none. The caller's. */
char *run_ci_base(enum speech s);
/* The base is not in this clone: what to do about it. */
enum rc run_ci_no_base(enum speech s, const char *base, struct err *err);

void run_ci_init(struct run_ci *ci, enum speech s, const char *junit, const char *codequality);
void run_ci_done(struct run_ci *ci);
/* A job ended: its log in a fold, its annotations. */
void run_ci_job(struct run_ci *ci, const struct run_show *s, const struct job *job,
		struct strbuf *to);
/* Summary, outputs, report files. */
void run_ci_end(struct run_ci *ci, const struct run_show *s, double seconds);
