/* Names of images, and the challenges of registries. */
#include "base/mem.h"
#include "clients/registry_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "realm=..., scope=...": a quoted value comes back as it was, whatever stands around it. */
static void challenge(const char *text)
{
	static const char *const names[] = {"realm", "service", "scope", "error"};
	AUTO(strbuf_done) struct strbuf quoted = STRBUF(65536), value = STRBUF(65536);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO(strbuf_done) struct strbuf part = STRBUF(2048);
		bool has = registry_parameter(text, names[i], &part);
		BUG_ON(has && (!part.n || part.n > strlen(text)));
	}
	strbuf_adds(&quoted, "a=b, x=\"y,realm=z\",realm=\"");
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			strbuf_addc(&quoted, '\\');
		strbuf_addc(&quoted, *p);
	}
	strbuf_adds(&quoted, "\",service=s");
	if (!*text || strbuf_failed(&quoted))
		return;
	BUG_ON(!registry_parameter(strbuf_cstr(&quoted), "realm", &value));
	BUG_ON(!streq(strbuf_cstr(&value), text));
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(freep) char *text = xstrndup((const char *)data, size);
	struct registry_ref ref = {0};
	struct err err = {0};

	(void)registry_is_loopback((struct str){(const char *)data, size});
	if (registry_ref_parse(text, &ref, &err) == RC_OK) {
		AUTO(freep) char *name = registry_ref_name(&ref);
		struct registry_ref again = {0};
		/* The whole name means the same. */
		BUG_ON(registry_ref_parse(name, &again, &err) != RC_OK ||
		       !streq(ref.host, again.host) || !streq(ref.repository, again.repository));
		registry_ref_done(&again);
	}
	registry_ref_done(&ref);
	challenge(text);
	return 0;
}
