/*
 * The table of penstock.yml's keys, shared by config_*.c: one row a key says its name, its kind, where it goes, what is allowed and what it
 * means. config_reader.c reads a document by it, config_schema.c prints it, messages take their suggestions from it.
 */
#pragma once
#include "base/yaml.h"
#include "core/config.h"

enum key_kind {
	KEY_TEXT,     /* char * */
	KEY_BOOL,     /* bool */
	KEY_FLAG,     /* bool: true when the one allowed word (names[0]) stands there */
	KEY_COUNT,    /* uint32_t, min..max */
	KEY_DURATION, /* uint64_t usec, min..max */
	KEY_SIZE,     /* uint64_t bytes, min..max */
	KEY_SHARE,    /* double, "5%" */
	KEY_TEXTS,    /* texts: a list, or one text */
	KEY_PAIRS,    /* pairs: a map of texts, sorted by key when read */
	KEY_MAP,      /* keys of `sub`, in the same struct or one nested at offset */
	KEY_NAMED,    /* a map of names to `sub`, appended to a VEC at offset */
	KEY_LIST,     /* a list of `sub`, appended to a VEC at offset */
	KEY_OWN,      /* read by `own`, described by `schema` */
	KEY_LATER,    /* designed, but not in this version: refused with these words */
};

struct reader;
struct keys;
/* Where one is in the document, for messages: `image of job "test"`. */
struct place {
	const struct place *up;
	const char *what;
	struct str name; /* of a named thing */
};
struct key {
	const char *name;
	enum key_kind kind;
	bool required, unique; /* unique: TEXTS without doubles */
	bool first;            /* read before its neighbours, wherever it stands in the file */
	size_t offset;
	const struct keys *sub;
	const char *const *names; /* TEXT, TEXTS: only these words; FLAG: the word */
	size_t nnames;
	uint64_t min, max; /* COUNT, DURATION, SIZE; TEXT: max is its length, 0: TEXT_MAX */
	/* Each text of TEXT and TEXTS, each value of PAIRS. */
	enum rc (*check)(struct reader *r, const struct yaml_node *at);
	/* Each name of NAMED and PAIRS. */
	enum rc (*check_name)(struct reader *r, const struct yaml_node *at);
	enum rc (*own)(struct reader *r, const struct key *key, const struct yaml_node *at,
		       void *object, const struct place *place);
	const char *pattern; /* ECMA-262, for the schema; the same for names in NAMED and PAIRS */
	const char *schema;  /* OWN: JSON */
	const char *help;
};
struct keys {
	const char *what; /* "job"; NULL at the top */
	const struct key *v;
	size_t n;
	const struct key *other; /* NAMED: what any other name is (jobs in a stage) */
	bool word; /* one key alone may be written as a word: `strategy: rolling` is {rolling: {}} */
	/* NAMED and LIST: */
	size_t size, name_at, line_at; /* of an element; NOWHERE: it has none */
	const struct shape *
		shape; /* of an element that a template may have brought: it is replaced, not kept beside (LIST: all, NAMED: of the same name) */
	/* Begin a fresh element, and finish a read object (key: whose value it is). May be NULL. */
	enum rc (*finish)(struct reader *r, const struct key *key, const struct yaml_node *at,
			  void *object, const struct place *place);
};
#define NOWHERE  ((size_t)-1)
#define TEXT_MAX 4096
#define RUN_MAX  65536
#define LIST_MAX 1000

struct job_defaults {
	uint64_t timeout, memory;
	uint32_t cpu;
	char *container;
	struct retry retry;
};
/* The object that the top table fills. */
struct project_file {
	struct config c;
	struct job_defaults defaults;
	uint32_t version;
};
typedef VEC(const struct yaml_node *) node_list;
/* A job template, of this file or of an included one. */
struct template
{
	const struct yaml *doc;
	const struct yaml_node *name, *at;
};
#define EXTENDS_DEPTH 8
#define MATRIX_MAX    256 /* rows of a job's matrix */
#define SHARDS_MAX    64
struct reader {
	const struct yaml *doc;
	VEC(struct template) templates;
	unsigned extends; /* how deep */
	struct err *err;
	const char *(*zone_rule)(const char *zone, void *ctx);
	void *ctx;
	struct project_file *file;
	node_list units, jobs; /* the maps of c.units (before they are sorted) and c.jobs */
};
#define FAIL(r, at, ...) yaml_fail((r)->doc, (at), (r)->err, __VA_ARGS__)

#define SHOWN 72
/* A user's text for a message: cut, without control characters. */
const char *shown(struct str s, char buf[SHOWN]);
/* `job "test"`, `image of job "test"`, `on.push`, or "" at the top. */
#define PLACE_TEXT 200
const char *place_text(const struct place *p, char buf[PLACE_TEXT]);

/* Read the map (or word) at `at` into object. */
MUST_CHECK enum rc read_object(struct reader *r, const struct key *key, const struct keys *keys,
			       const struct yaml_node *at, void *object, const struct place *place);
/* Only the entries of a map: nothing is required, nothing is finished. */
MUST_CHECK enum rc read_entries(struct reader *r, const struct keys *keys,
				const struct yaml_node *at, void *object,
				const struct place *place);
/* "x" must be <wanted>, not ... */
enum rc read_wrong(struct reader *r, const struct key *key, const struct yaml_node *at,
		   const struct place *place, const char *wanted);
/* A scalar's text without NUL; the message names the key. */
MUST_CHECK enum rc read_scalar(struct reader *r, const struct key *key, const struct yaml_node *at,
			       const struct place *place, struct str *ret);
/* What the node is, for messages: "a list". */
const char *node_words(const struct yaml_node *at);

/* The node of the i-th text of a TEXTS key of a map. */
const struct yaml_node *text_node(const struct yaml_node *map, const char *key, size_t i);

/* Checks of single texts (config_text.c). */
enum rc check_name(struct reader *r, const struct yaml_node *at);
enum rc check_unit_name(struct reader *r, const struct yaml_node *at);
enum rc check_variable(struct reader *r, const struct yaml_node *at);
enum rc check_unit_path(struct reader *r, const struct yaml_node *at);
enum rc check_inner_path(struct reader *r, const struct yaml_node *at);
enum rc check_image_path(struct reader *r, const struct yaml_node *at);
enum rc check_glob(struct reader *r, const struct yaml_node *at);
enum rc check_input(struct reader *r, const struct yaml_node *at);
enum rc check_url_path(struct reader *r, const struct yaml_node *at);
enum rc check_webhook(struct reader *r, const struct yaml_node *at);
enum rc check_secret(struct reader *r, const struct yaml_node *at);
enum rc check_user(struct reader *r, const struct yaml_node *at);
enum rc check_from(struct reader *r, const struct yaml_node *at);
enum rc check_runbook(struct reader *r, const struct yaml_node *at);
enum rc check_target(struct reader *r, const struct yaml_node *at);
enum rc check_container(struct reader *r,
			const struct yaml_node *at); /* config_job.c: an image's name */
enum rc check_interface(struct reader *r, const struct yaml_node *at);
enum rc check_consumed(struct reader *r, const struct yaml_node *at);
#define NAME_PATTERN     "^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$"
#define VARIABLE_PATTERN "^[A-Za-z_][A-Za-z0-9_]{0,127}$"

extern const struct keys keys_top;                   /* config.c */
extern const struct keys keys_library, keys_service; /* config_unit.c */
extern const struct keys keys_job, keys_retry;       /* config_job.c */
extern const struct keys keys_steps, keys_side, keys_id_tokens, keys_caches, keys_split, keys_flaky,
	keys_reports; /* config_part.c */
enum rc own_matrix(struct reader *r, const struct key *key, const struct yaml_node *at,
		   void *object, const struct place *place);
enum rc own_cpu(struct reader *r, const struct key *key, const struct yaml_node *at, void *object,
		const struct place *place);
#define CPU_SCHEMA "{\"type\":[\"number\",\"string\"],\"pattern\":\"^[0-9]+(\\\\.[0-9]+)?m?$\"}"
enum rc own_group(struct reader *r, const struct key *key, const struct yaml_node *at, void *object,
		  const struct place *place);
extern const struct keys keys_on, keys_quarantine; /* config_on.c */
enum rc own_templates(struct reader *r, const struct key *key, const struct yaml_node *at,
		      void *object, const struct place *place); /* config_template.c */
enum rc own_extends(struct reader *r, const struct key *key, const struct yaml_node *at,
		    void *object, const struct place *place);
enum rc own_include(struct reader *r, const struct key *key, const struct yaml_node *at,
		    void *object, const struct place *place);
MUST_CHECK enum rc templates_of(struct reader *r, const struct yaml *doc);
/* Names in `if` and in ${...} of this job, and its expression (config_names.c). */
MUST_CHECK enum rc names_check(struct reader *r, const struct job_def *job,
			       const struct yaml_node *at);
/* How many rows a matrix has, without its include and exclude; saturates. */
uint64_t matrix_product(const struct matrix *m);
extern const struct keys keys_staging, keys_gate, keys_production, keys_environment,
	keys_notify;                                 /* config_deploy.c */
extern const struct keys keys_strategy, keys_window; /* config_strategy.c */
/* The row of a stage whose other names are jobs; min is the stage. */
#define KEY_JOBS(number)                                                                   \
	{                                                                                  \
		.name = "job", .kind = KEY_NAMED, .offset = offsetof(struct config, jobs), \
		.sub = &keys_job, .min = (number), .check_name = check_name,               \
		.pattern = NAME_PATTERN, .help = "A job."                                  \
	}

/* After reading: what no row can see alone. */
MUST_CHECK enum rc units_check(struct reader *r);
MUST_CHECK enum rc jobs_check(struct reader *r);
MUST_CHECK enum rc deploy_check(struct reader *r);
void strategy_default_canary(struct strategy *s);

extern const struct shape shape_retry;

/* A pattern of unit's job as a path of the repository: `../` climbs, never out. False: it leaves the repository. */
bool input_is_default(const char *pattern);
bool inputs_have_default(const struct job_def *job);
MUST_CHECK bool input_resolve(const char *unit_path, struct str pattern, struct strbuf *to);
/* A need as it is written. */
struct need_ref {
	bool deps, optional;
	enum stage stage; /* STAGE_NONE: the job's own */
	struct str name;
};
struct need_ref need_parse(const char *text);
/* The definition it means, or NULL. */
const struct job_def *need_def(const struct config *c, const struct job_def *job,
			       const struct need_ref *need);
/* The unit that a job runs for: `*`, "services", "libraries", a name. NULL each: none. */
bool job_covers(const struct job_def *job, const struct unit *unit);
