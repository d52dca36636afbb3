/*
 * Other systems' files: theirs become a penstock.yml, and ours becomes theirs. Bytes in, text out; nothing here reads a file or asks a clock.
 */
#pragma once
#include "base/strbuf.h"
#include "core/plan.h"

#define DIALECT_MAP(X)              \
	X(DIALECT_GITHUB, "github") \
	X(DIALECT_GITLAB, "gitlab") X(DIALECT_TEKTON, "tekton") X(DIALECT_BUILDKITE, "buildkite")
enum dialect {
#define X(name, text) name,
	DIALECT_MAP(X)
#undef X
};
extern const char *const dialect_names[4];

/* Something that has no counterpart on the other side. */
struct remark {
	char *file;    /* NULL: of no file (a job of ours) */
	uint32_t line; /* 0: of no line */
	size_t job;    /* of the draft's jobs; NO_JOB: of the whole file */
	size_t step;   /* of the job's steps; NO_STEP: of the whole job */
	char *what;    /* "max-parallel" */
	char *instead; /* what to do about it */
};
#define NO_JOB  ((size_t)-1)
#define NO_STEP ((size_t)-1)
typedef VEC(struct remark) remarks;
void remarks_done(remarks *r);
void remark_add(remarks *r, struct remark at, const char *what, const char *instead);

/* A file of another system, as far as it could be understood. Its jobs have no `each`-less form: they run for the one unit, the whole repository. */
struct draft {
	const char *from; /* "GitHub Actions" */
	struct config c;  /* project, on, jobs of stage ci */
	texts conditions; /* of the file: all must hold for any job */
	remarks remarks;
};
void draft_done(struct draft *d);
/* The penstock.yml. Remarks stand as comments where they belong. */
void draft_write(const struct draft *d, struct strbuf *to);

/* Another file of the same repository, for includes. RC_NOT_FOUND: there is none. */
typedef enum rc (*dialect_read)(void *ctx, const char *path, struct strbuf *ret, struct err *err);
/* name: of the file, for messages ("ci.yml"). At most 1 MiB and 200 jobs. RC_INVALID, RC_TOO_BIG: this is no such file. */
MUST_CHECK enum rc import_github(struct str text, const char *name, struct draft *ret,
				 struct err *err);
/* read may be NULL: nothing is included then. */
MUST_CHECK enum rc import_gitlab(struct str text, const char *name, dialect_read read, void *ctx,
				 struct draft *ret, struct err *err);

/* Jobs of the plan as the other system's YAML: one for each unit and definition, that runs the job's own commands; nothing of
 * Penstock is needed there. affected: only jobs that the plan says are missing, and what they need. */
struct generate {
	const struct config *config;
	const struct plan *plan;
	bool affected;
	remarks remarks; /* filled */
};
MUST_CHECK enum rc generate_dialect(struct generate *g, enum dialect d, struct strbuf *to,
				    struct err *err);
