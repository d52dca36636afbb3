/* What the tests of packers share: a folder with a content store, outputs, and job specs. */
#pragma once
#include "flow/2-build/adapters.h"
#include "flow/3-artifact/adapters.h"
#include "port/store_kit.h"

#include "clients/manifest.h"

#include <fcntl.h>
#include <sys/stat.h>

struct world {
	char *folder;
	struct blobs *blobs;
	struct pack *pack;
};

static UNUSED void world_open(struct world *w, bool disk)
{
	struct err err = {0};

	w->folder = kit_folder();
	w->blobs = disk ? blobs_disk_new(w->folder, &err) : blobs_memory_new();
	assert_non_null(w->blobs);
	w->pack = pack_native_new(w->folder, w->blobs, &err);
	assert_non_null(w->pack);
}

static UNUSED void world_close(struct world *w)
{
	pack_free(w->pack);
	blobs_free(w->blobs);
	kit_remove(w->folder);
}

struct output {
	const char *path, *bytes; /* bytes NULL: a link */
	unsigned mode;
	const char *link;
};
/* An output manifest, as the executor leaves it; in the order that is given. */
static UNUSED char *put_outputs(struct blobs *b, const struct output *o, size_t n)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 20);
	struct json_out json = JSON_OUT(&text);
	char hex[DIGEST_HEX + 1];

	json_list(&json, NULL);
	for (size_t i = 0; i < n; i++) {
		json_open(&json, NULL);
		json_cstr(&json, "path", o[i].path);
		if (o[i].link) {
			json_cstr(&json, "link", o[i].link);
		} else {
			OK(blobs_put(b, str_of(o[i].bytes), hex, &err));
			json_u64(&json, "mode", o[i].mode);
			json_u64(&json, "size", strlen(o[i].bytes));
			json_cstr(&json, "sha256", hex);
		}
		json_close(&json);
	}
	json_unlist(&json);
	OK(blobs_put(b, strbuf_str(&text), hex, &err));
	return xstrdup(hex);
}

static UNUSED void spec_init(struct job_spec *s)
{
	*s = (struct job_spec){
		.job = xstrdup("run-1/ci/orders/image"),
		.key = xstrdup("aa00000000000000000000000000000000000000000000000000000000000000"),
		.unit = xstrdup("orders"),
		.path = xstrdup("services/orders")};
	s->def.kind = JOB_IMAGE;
	s->def.image.from = xstrdup("scratch");
	s->def.image.user = xstrdup("65532:65533");
	vec_push(&s->def.image.entrypoint, xstrdup("/app"));
}

static UNUSED void spec_need(struct job_spec *s, const char *unit, const char *path,
			     char *take_outputs)
{
	vec_push(&s->needs, ((struct need_output){xstrdup(unit), xstrdup(path), take_outputs}));
}

static UNUSED void spec_copy(struct job_spec *s, const char *from, const char *to)
{
	vec_push(&s->def.image.copy, ((struct pair){xstrdup(from), xstrdup(to)}));
}

static UNUSED void spec_env(struct job_spec *s, const char *key, const char *value)
{
	vec_push(&s->def.image.env, ((struct pair){xstrdup(key), xstrdup(value)}));
}

static void free_pairs(pairs *p)
{
	vec_each(pair, p) {
		free(pair->key);
		free(pair->value);
	}
	vec_done(p);
}

static UNUSED void spec_done(struct job_spec *s)
{
	free(s->job);
	free(s->key);
	free(s->unit);
	free(s->path);
	free(s->def.image.from);
	free(s->def.image.user);
	vec_each(word, &s->def.image.entrypoint)
		free(*word);
	vec_done(&s->def.image.entrypoint);
	free_pairs(&s->def.image.copy);
	free_pairs(&s->def.image.env);
	vec_each(need, &s->needs) {
		free(need->unit);
		free(need->path);
		free(need->outputs);
	}
	vec_done(&s->needs);
	vec_each(path, &s->reads)
		free(*path);
	vec_done(&s->reads);
}
