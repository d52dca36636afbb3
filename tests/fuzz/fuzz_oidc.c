/* What a provider sends: its document, its answer to a code, its claims. The first byte says which. */
#include "clients/oidc_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void document(struct str text, const char *issuer)
{
	AUTO(oidc_places_done) struct oidc_places p = {0};
	bool clear = str_starts(str_of(issuer), "http:");
	struct err err = {0};

	if (oidc_read_places(text, issuer, true, &p, &err) != RC_OK) {
		BUG_ON(p.authorization || p.token || p.keys || p.userinfo);
		return;
	}
	const char *const urls[] = {p.authorization, p.token, p.keys, p.userinfo};
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		BUG_ON(!urls[i] && i < 3);
		BUG_ON(urls[i] && strpbrk(urls[i], " \r\n\t#"));
		BUG_ON(urls[i] && !clear && !str_starts(str_of(urls[i]), "https://"));
	}
}

static void tokens(struct str text, int status)
{
	AUTO(oidc_tokens_done) struct oidc_tokens t = {0};
	struct err err = {0};

	if (oidc_read_tokens(status, text, &t, &err) != RC_OK) {
		BUG_ON(t.id || t.access);
		return;
	}
	BUG_ON(status != 200 || !t.id || !*t.id);
	BUG_ON(t.access && strpbrk(t.access, "\r\n "));
}

static void person(struct str text)
{
	AUTO(oidc_person_done) struct oidc_person p = {0};
	AUTO(json_freep) struct json *j = NULL;
	const struct oidc_names names = {"groups", "name"};
	struct err err = {0};

	if (json_read(text, OIDC_DOCUMENT_MAX, &j, &err) != RC_OK ||
	    oidc_read_person(j, &names, &p, &err) != RC_OK)
		return;
	BUG_ON(p.groups.n > OIDC_GROUPS_MAX);
	BUG_ON(p.subject &&
	       (!*p.subject || strlen(p.subject) > OIDC_TEXT_MAX || strpbrk(p.subject, "\r\n")));
	vec_each(g, &p.groups)
		BUG_ON(!**g || strlen(*g) > OIDC_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct str text = {(const char *)data + 1, size - 1};
	switch (data[0] % 5) {
	case 0:
		document(text, "https://a.example");
		break;
	case 1:
		document(text, "http://127.0.0.1:9");
		break;
	case 2:
		tokens(text, 200);
		break;
	case 3:
		tokens(text, 400);
		break;
	default:
		person(text);
	}
	return 0;
}
