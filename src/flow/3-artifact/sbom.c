/*
 * CycloneDX 1.5 of what was packed. Nothing in it but the image's own content and inputs: no time, no commit, no machine; so the same image from the same
 * inputs has the same SBOM.
 */
#include "flow/3-artifact/pack_impl.h"

#define SBOM_MAX ((size_t)256 << 20)

static void hash(struct json_out *o, const char *hex)
{
	json_list(o, "hashes");
	json_open(o, NULL);
	json_cstr(o, "alg", "SHA-256");
	json_cstr(o, "content", hex);
	json_close(o);
	json_unlist(o);
}

static void property(struct json_out *o, const char *name, const char *value)
{
	json_open(o, NULL);
	json_cstr(o, "name", name);
	json_cstr(o, "value", value);
	json_close(o);
}

/* A UUID of version 8 (RFC 9562: made from what one likes) out of the image's digest. */
static void serial(struct strbuf *to, const char *image)
{
	struct digest d;
	char hex[DIGEST_HEX + 1];

	BUG_ON(!digest_parse(str_of(image), &d));
	d.b[6] = (uint8_t)((d.b[6] & 0x0f) | 0x80);
	d.b[8] = (uint8_t)((d.b[8] & 0x3f) | 0x80);
	digest_hex(d, hex);
	strbuf_addf(to, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
		    hex + 20);
}

static void file_component(struct json_out *o, const struct pack_file *f)
{
	AUTO(freep) char *name = xasprintf("/%s", f->path);

	json_open(o, NULL);
	json_cstr(o, "type", "file");
	json_cstr(o, "bom-ref", name);
	json_cstr(o, "name", name);
	if (f->entry->sha256)
		hash(o, f->entry->sha256);
	if (f->entry->link) {
		json_list(o, "properties");
		property(o, "penstock:link", f->entry->link);
		json_unlist(o);
	}
	json_close(o);
}

/* Each other unit whose outputs it was built from, once, in order of name. */
typedef VEC(const struct need_output *) needs;

static void other_units(const struct job_spec *spec, needs *ret)
{
	vec_each(need, &spec->needs) {
		size_t at = 0;
		if (!need->unit || streq(need->unit, spec->unit))
			continue;
		while (at < ret->n && strcmp(ret->v[at]->unit, need->unit) < 0)
			at++;
		if (at < ret->n && streq(ret->v[at]->unit, need->unit))
			continue;
		vec_push(ret, need);
		memmove(&ret->v[at + 1], &ret->v[at], (ret->n - 1 - at) * sizeof(*ret->v));
		ret->v[at] = need;
	}
}

static bool is_need(const needs *libraries, const char *path)
{
	for (size_t i = 0; i < libraries->n; i++)
		if (streq(libraries->v[i]->path, path))
			return true;
	return false;
}

static void library(struct json_out *o, const char *name, const char *outputs)
{
	AUTO(freep) char *ref = xasprintf("unit:%s", name);

	json_open(o, NULL);
	json_cstr(o, "type", "library");
	json_cstr(o, "bom-ref", ref);
	json_cstr(o, "name", name);
	if (outputs) {
		json_cstr(o, "version", outputs);
		hash(o, outputs);
	}
	json_close(o);
}

static void components(struct json_out *o, const struct job_spec *spec,
		       const struct pack_files *files, const needs *libraries)
{
	json_list(o, "components");
	vec_each(f, &files->list)
		if (f->entry)
			file_component(o, f);
	for (size_t i = 0; i < libraries->n; i++)
		library(o, libraries->v[i]->unit, libraries->v[i]->outputs);
	vec_each(path, &spec->reads)
		if (!streq(*path, spec->path) && !is_need(libraries, *path))
			library(o, *path, NULL);
	json_unlist(o);
}

static void dependencies(struct json_out *o, const struct job_spec *spec,
			 const struct pack_files *files, const needs *libraries)
{
	json_list(o, "dependencies");
	json_open(o, NULL);
	json_cstr(o, "ref", "image");
	json_list(o, "dependsOn");
	vec_each(f, &files->list) {
		if (!f->entry)
			continue;
		AUTO(freep) char *ref = xasprintf("/%s", f->path);
		json_cstr(o, NULL, ref);
	}
	for (size_t i = 0; i < libraries->n; i++) {
		AUTO(freep) char *ref = xasprintf("unit:%s", libraries->v[i]->unit);
		json_cstr(o, NULL, ref);
	}
	vec_each(path, &spec->reads) {
		if (streq(*path, spec->path) || is_need(libraries, *path))
			continue;
		AUTO(freep) char *ref = xasprintf("unit:%s", *path);
		json_cstr(o, NULL, ref);
	}
	json_unlist(o);
	json_close(o);
	json_unlist(o);
}

static void metadata(struct json_out *o, const struct job_spec *spec, const char *image)
{
	json_open(o, "metadata");
	json_open(o, "component");
	json_cstr(o, "type", "container");
	json_cstr(o, "bom-ref", "image");
	json_cstr(o, "name", spec->unit);
	json_cstr(o, "version", image);
	hash(o, image + strlen("sha256:"));
	json_list(o, "properties");
	property(o, "penstock:key", spec->key);
	json_unlist(o);
	json_close(o);
	json_close(o);
}

enum rc sbom_put(struct blobs *b, const struct job_spec *spec, const char *image,
		 const struct pack_files *files, char ret_hex[DIGEST_HEX + 1], struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SBOM_MAX), uuid = STRBUF(64);
	struct json_out o = JSON_OUT(&text);
	needs libraries = {0};

	other_units(spec, &libraries);
	serial(&uuid, image);
	json_open(&o, NULL);
	json_cstr(&o, "bomFormat", "CycloneDX");
	json_cstr(&o, "specVersion", "1.5");
	json_str(&o, "serialNumber", strbuf_str(&uuid));
	json_u64(&o, "version", 1);
	metadata(&o, spec, image);
	components(&o, spec, files, &libraries);
	dependencies(&o, spec, files, &libraries);
	json_close(&o);
	vec_done(&libraries);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "image of %s: its list of parts is too big",
			       spec->unit);
	return blobs_put(b, strbuf_str(&text), ret_hex, err);
}
