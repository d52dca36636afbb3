/* Any bytes are a workflow or refused with words; what is made of it is read as YAML again, with as many jobs. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF((size_t)64 << 20);
	AUTO(draft_done) struct draft d = {0};
	AUTO(yaml_freep) struct yaml *made = NULL;
	struct err err = {RC_OK, ""};
	enum rc rc = import_github((struct str){(const char *)data, size}, "f.yml", &d, &err);

	if (rc != RC_OK) {
		expect((rc == RC_INVALID || rc == RC_TOO_BIG) &&
		       str_starts(str_of(err.msg), "f.yml"));
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
