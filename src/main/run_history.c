/*
 * How long each job took in earlier local runs of this work tree, so that the next one can say how long it will take: <cache>/history/<hash of its
 * path>.json, {"history":[{"id":"api/test","usec":1200000,"runs":4}]}. Only times: whether a test is flaky is for the daemon to say, which sees
 * everybody's runs. A file that is damaged is none.
 */
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "io/files.h"
#include "main/local_run.h"

#define HISTORY_MAX ((size_t)4 << 20)
#define JOBS_MOST   20000

static char *file_of(const struct run_world *w, const char *tree)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(digest_of(str_of(tree)), hex);
	return xasprintf("%s/history/%.32s.json", w->cache, hex);
}

static enum rc put(struct store *s, const struct json *one, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	struct json_out o = JSON_OUT(&text);
	const char *id = json_get_text(one, "id", "");
	const struct history h = {.id = (char *)(uintptr_t)id,
				  .usec = json_natural(json_get(one, "usec"), 0),
				  .runs = (uint32_t)json_natural(json_get(one, "runs"), 0) &
					  UINT16_MAX};

	if (!*id || !h.runs)
		return RC_OK;
	shape_write(&o, NULL, aggregate_shapes[AGG_HISTORY], &h);
	const struct store_snapshot snap = {
		.kind = str_of(aggregate_kind_names[AGG_HISTORY]),
		.id = str_of(id),
		.json = strbuf_str(&text),
	};
	return store_commit(s, &(struct store_batch){.snapshots = &snap, .n_snapshots = 1}, err);
}

void run_history_load(const struct run_world *w, const char *tree)
{
	AUTO(freep) char *path = file_of(w, tree);
	AUTO(strbuf_done) struct strbuf text = STRBUF(HISTORY_MAX);
	AUTO(json_freep) struct json *j = NULL;
	struct err ignored = {RC_OK, ""};

	if (file_read(path, HISTORY_MAX, &text, &ignored) != RC_OK ||
	    json_read(strbuf_str(&text), HISTORY_MAX, &j, &ignored) != RC_OK)
		return;
	const struct json *list = json_get(j, "history");
	for (size_t i = 0; i < json_count(list) && i < JOBS_MOST; i++)
		if (put(w->world.store, json_at(list, i), &ignored) != RC_OK)
			return;
}

void run_history_save(const struct run_world *w, const struct model *m, const char *tree)
{
	AUTO(freep) char *path = file_of(w, tree);
	AUTO(freep) char *dir = path_dir(path);
	AUTO(strbuf_done) struct strbuf text = STRBUF(HISTORY_MAX);
	struct json_out o = JSON_OUT(&text);
	struct err ignored = {RC_OK, ""};

	json_open(&o, NULL);
	json_list(&o, "history");
	for (struct map_entry *e = NULL; (e = map_next(&m->by_kind[AGG_HISTORY], e));) {
		const struct history *h = e->value;

		if (!h->usec)
			continue;
		json_open(&o, NULL);
		json_cstr(&o, "id", h->id);
		json_u64(&o, "usec", h->usec);
		json_u64(&o, "runs", h->runs);
		json_close(&o);
	}
	json_unlist(&o);
	json_close(&o);
	if (!strbuf_failed(&text) && dir_make(dir, 0700, &ignored) == RC_OK)
		(void)!file_write_fast(path, strbuf_str(&text), 0600, &ignored);
}
