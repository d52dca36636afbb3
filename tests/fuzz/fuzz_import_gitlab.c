/* Any bytes are a .gitlab-ci.yml or refused with words; what is made of it is read as YAML again, with as many jobs. */
#include "base/mem.h"
#include "base/yaml.h"
#include "dialect/dialect.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
	if (!ok)
		abort();
}

/* One file that is there, one that includes itself, one that is none. */
static enum rc include(void *ctx, const char *path, struct strbuf *ret, struct err *err)
{
	(void)ctx;
	if (streq(path, "a"))
		strbuf_adds(ret,
			    ".t: {script: [x], rules: [{if: $CI_COMMIT_TAG}]}\na: {extends: .t}\n");
	else if (streq(path, "b"))
		strbuf_adds(ret, "include: [b, /b, a]\nb: {script: y}\n");
	else if (streq(path, "c"))
		strbuf_adds(ret, "[");
	else
		return err_set(err, RC_NOT_FOUND, "%s is not there", path);
	return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF((size_t)64 << 20);
	AUTO(draft_done) struct draft d = {0};
	AUTO(yaml_freep) struct yaml *made = NULL;
	struct err err = {RC_OK, ""};
	enum rc rc = import_gitlab((struct str){(const char *)data, size}, "f.yml", include, NULL,
				   &d, &err);

	if (rc != RC_OK) {
		expect((rc == RC_INVALID || rc == RC_TOO_BIG) && err.msg[0]);
		return 0;
	}
	draft_write(&d, &out);
	expect(!strbuf_failed(&out));
	vec_each(r, &d.remarks)
		expect(r->what && r->instead && str_is_utf8(str_of(r->instead)));
	if (yaml_read(strbuf_str(&out), "penstock.yml", &made, &err) == RC_TOO_BIG)
		return 0; /* our own files are smaller */
	expect(made && yaml_get(yaml_root(made), "ci"));
	expect(yaml_get(yaml_root(made), "ci")->n == d.c.jobs.n);
	return 0;
}
