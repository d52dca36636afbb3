/* Between the files that write other systems' YAML. */
#pragma once
#include "dialect/cond.h"
#include "dialect/dialect.h"
#include "dialect/draft.h"
#include "dialect/yaml_out.h"

struct gen_row { /* an instance: a row of the matrix, a share of the split */
	const pairs *matrix;
	uint32_t shard;
};
struct gen_job { /* a definition for one unit */
	const struct job_def *def;
	const char *unit; /* "" of the project */
	const char *dir;  /* "." the repository */
	char *id;         /* "orders-test" */
	VEC(struct gen_row) rows;
	VEC(size_t) needs; /* indexes */
	bool wanted;
	bool waits; /* somebody starts it, or one of its needs */
};
struct gen {
	struct generate *in;
	VEC(struct gen_job) jobs; /* needs stand before */
	size_t at;                /* the job that is being written */
};
MUST_CHECK enum rc gen_make(struct generate *in, struct gen *ret, struct err *err);
void gen_done(struct gen *g);

bool gen_has_rows(const struct gen_job *job); /* it is more than one, or has a matrix */
bool gen_has_axis(const struct gen_job *job);
bool gen_has_outputs(const struct gen_job *job);
char *gen_variable(const char *axis); /* "node-version" -> "MATRIX_NODE_VERSION" */
/* That this has no counterpart there. */
void gen_lost(struct gen *g, const char *what, const char *instead);
/* `${matrix.x}` becomes before + (variable or axis) + after; other names are filled in. */
struct gen_hole {
	const char *before, *after;
	bool variable;
	const struct gen_row *row; /* its values instead */
};
char *gen_fill(const struct gen_job *job, const char *text, const struct gen_hole *hole);

struct gen_script {
	bool finally_trap; /* else it is somebody else's */
	bool cd;
	const char *
		secret; /* "export %s=\"$(buildkite-agent secret get %s)\"" is made when this is its command; NULL: none */
};
/* The whole job as one script of sh. */
void gen_script(const struct gen_job *job, const struct gen_script *how, struct strbuf *to);
/* Its run or steps alone. */
void gen_commands(const struct gen_job *job, struct strbuf *to);
/* Whether `retry` says something of exit codes. */
bool gen_retries(const struct gen_job *job);
/* The script in a loop that tries it again as `retry` says. */
void gen_retry(const struct job_def *def, const char *script, struct strbuf *to);
/* The list of its files for a share of a split. */
void gen_split(const struct gen_job *job, struct strbuf *to);
/* tar of its outputs into `file` (in the repository's root), from the root. */
void gen_pack(const struct gen_job *job, const char *file, struct strbuf *to);
/* Globs as paths of the repository. */
char *gen_path(const struct gen_job *job, const char *glob);
/* The name behind "file:". */
const char *gen_secret(const struct pair *secret);

/* generate_when.c: `if` in the words of systems that have their own; false: it cannot be said there. */
/* "build.branch == \"main\"" */
MUST_CHECK bool when_buildkite(const struct cond *c, struct strbuf *to);
/* A list of comparisons that must all hold: `when` of a task; its parameters are event, branch, tag and target. */
MUST_CHECK bool when_tekton(const struct cond *c, struct yaml_out *o);

void generate_github(struct gen *g, struct yaml_out *o);
void generate_gitlab(struct gen *g, struct yaml_out *o);
void generate_tekton(struct gen *g, struct yaml_out *o);
void generate_buildkite(struct gen *g, struct yaml_out *o);
